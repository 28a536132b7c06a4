// What records of DANE say, and which certificates they vouch for.
#include <gtest/gtest.h>

#include "cms/association.h"
#include "cms_fixture.h"

namespace
{

using namespace fixture;
using cms::Association;

std::string digest(const EVP_MD* kind, const std::string& octets)
{
    unsigned char md[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    EVP_Digest(octets.data(), octets.size(), md, &n, kind, nullptr);
    return std::string(reinterpret_cast<char*>(md), n);
}

std::string key_of(const cms::Certificate& c)
{
    unsigned char* der = nullptr;
    const int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(c.native()), &der);
    const std::string out(reinterpret_cast<char*>(der), static_cast<std::size_t>(n));
    OPENSSL_free(der);
    return out;
}

std::string record(int usage, int selector, int matching, const cms::Certificate& c)
{
    std::string subject = selector == 1 ? key_of(c) : c.der();
    if (matching == 1) subject = digest(EVP_sha256(), subject);
    if (matching == 2) subject = digest(EVP_sha512(), subject);
    return std::string{static_cast<char>(usage), static_cast<char>(selector), static_cast<char>(matching)} +
           subject;
}

bool vouched(const cms::Certificate& c, const std::vector<std::string>& records,
             const std::vector<cms::Certificate>& issuers = {}, const cms::Trust& trust = {})
{
    std::vector<Association> list;
    for (const auto& r : records) list.push_back(must(Association::parse(r)));
    cms::PathOptions options;
    options.at = now;
    return cms::vouched_for(c, list, issuers, trust, options);
}

TEST(Association, MatchesByEverySelectorAndMatchingType)  // C09
{
    const auto& alice = pki().alice.certificate;
    for (int selector = 0; selector < 2; ++selector)
        for (int matching = 0; matching < 3; ++matching) {
            const auto a = must(Association::parse(record(3, selector, matching, alice)));
            EXPECT_TRUE(a.matches(alice)) << a.text();
            EXPECT_FALSE(a.matches(pki().bob.certificate)) << a.text();
            EXPECT_EQ(a.is_certificate(), selector == 0 && matching == 0);
            EXPECT_EQ(a.text(), "3 " + std::to_string(selector) + " " + std::to_string(matching));
        }
}

TEST(Association, NumbersNobodyHasDefinedAndBrokenDigestsAreErrors)
{
    const auto bad = [](const std::string& rdata) { return !Association::parse(rdata); };
    EXPECT_TRUE(bad(""));
    EXPECT_TRUE(bad("\3\0\0"s)) << "no data";
    EXPECT_TRUE(bad("\4\0\0x"s));
    EXPECT_TRUE(bad("\377\0\0x"s)) << "PrivCert";
    EXPECT_TRUE(bad("\3\2\0x"s));
    EXPECT_TRUE(bad("\3\0\3x"s));
    EXPECT_TRUE(bad("\3\0\1"s + std::string(31, 'x')));
    EXPECT_TRUE(bad("\3\0\2"s + std::string(32, 'x')));
    EXPECT_FALSE(bad("\3\0\1"s + std::string(32, 'x')));
}

TEST(Association, UsageThreeVouchesForTheCertificateItselfWithoutAPath)  // C09
{
    const auto& alice = pki().alice.certificate;
    for (int selector = 0; selector < 2; ++selector)
        for (int matching = 0; matching < 3; ++matching)
            EXPECT_TRUE(vouched(alice, {record(3, selector, matching, alice)}));
    EXPECT_FALSE(vouched(alice, {record(3, 0, 1, pki().bob.certificate)}));
    EXPECT_FALSE(vouched(alice, {}));
}

TEST(Association, UsageTwoVouchesForWhatItsCaHasIssued)  // C09
{
    const auto& alice = pki().alice.certificate;
    const auto& root = pki().root.certificate;
    const auto& sub = pki().sub.certificate;
    EXPECT_TRUE(vouched(alice, {record(2, 0, 0, sub)})) << "an intermediate CA as anchor";
    EXPECT_TRUE(vouched(alice, {record(2, 0, 0, root)}, {sub}));
    EXPECT_FALSE(vouched(alice, {record(2, 0, 0, root)})) << "the path cannot be built";
    EXPECT_TRUE(vouched(alice, {record(2, 1, 1, sub)}, {sub}))
        << "a digest, and the CA beside the certificate";
    EXPECT_TRUE(vouched(alice, {record(2, 0, 2, sub)}, {}, must(cms::Trust::make({{}, {sub}, {}}))));
    EXPECT_FALSE(vouched(alice, {record(2, 1, 1, sub)})) << "nobody knows the CA";
    EXPECT_FALSE(
        vouched(alice, {record(2, 0, 0, must(cms::issue(ca_request("Other"), nullptr)).certificate)}));
    EXPECT_FALSE(vouched(alice, {record(2, 0, 0, alice)})) << "a leaf is no CA";
    const auto expired = pki().leaf("expired", [](auto& r) { r.not_after = now - std::chrono::hours(24); });
    EXPECT_FALSE(vouched(expired.certificate, {record(2, 0, 0, sub)}));
}

TEST(Association, UsagesZeroAndOneVouchForNothing)  // C09
{
    const auto& alice = pki().alice.certificate;
    for (int matching = 0; matching < 3; ++matching) {
        EXPECT_FALSE(vouched(alice, {record(1, 0, matching, alice)})) << "its path is judged as ever";
        EXPECT_FALSE(
            vouched(alice, {record(0, 0, matching, pki().sub.certificate)}, {pki().sub.certificate}));
    }
}

TEST(Association, TheNameOfHughIsTheKnownOne)  // C09
{
    EXPECT_EQ(cms::hashed_local_part("hugh"), "c93f1e400f26708f98cb19d936620da35eec8f72e57f9eec01c1afd6");
}

}  // namespace
