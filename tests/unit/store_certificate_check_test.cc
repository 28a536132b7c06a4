// The checks before an import: which rule, what was found, what it means.
#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include "store/certificate_check.h"
#include "store_fixture.h"

namespace
{

using namespace fixture;
using namespace std::chrono_literals;

store::CheckReport check(const cms::Certificate& c, const char* address = "")
{
    store::CheckRequest r;
    r.now = now;
    r.address = address;
    r.helpers = nullptr;
    return store::check_certificate(c, r);
}
store::CheckReport check(const cms::Identity& who, const char* address = "")
{
    return check(who.certificate, address);
}

// "keyUsage subjectAltName": the rules that failed.
std::string failures(const store::CheckReport& r)
{
    std::string out;
    for (const auto& l : r.lines)
        if (l.grade == store::Grade::fail) out += (out.empty() ? "" : " ") + l.rule;
    return out;
}
std::string warnings(const store::CheckReport& r)
{
    std::string out;
    for (const auto& l : r.lines)
        if (l.grade == store::Grade::warn) out += l.rule + ": " + l.found + "\n";
    return out;
}

template <class Change>
store::CheckReport check_leaf(const Change& change)
{
    return check(pki().leaf("Leaf", change));
}

TEST(CertificateCheck, AGoodCertificateMayDoEverythingButBeTrustedByItself)  // C01
{
    const auto r = check(pki().alice, "Alice@example.org");
    EXPECT_EQ(failures(r), "");
    EXPECT_FALSE(r.failed());
    EXPECT_EQ(r.uses.signing, "");
    EXPECT_EQ(r.uses.encrypting, "");
    EXPECT_EQ(r.uses.decrypting, "");
    EXPECT_NE(r.uses.trusting, "");
    for (const auto& l : r.lines) {
        EXPECT_NE(l.rule, "");
        EXPECT_NE(l.found, "") << l.rule;
        EXPECT_NE(l.meaning, "") << l.rule;
    }
}

TEST(CertificateCheck, WantsAnAddress)  // C01
{
    EXPECT_EQ(failures(check(must(cms::issue(request("Nobody"), &pki().sub)))), "subjectAltName");
    EXPECT_EQ(failures(check(pki().alice, "mallory@example.org")), "address");
}

TEST(CertificateCheck, AnAddressInTheSubjectOnlyIsAWarning)  // C13
{
    const auto who = must(cms::issue(request("Old"), &pki().sub));
    const auto c = altered(who.certificate, pki().sub, [](X509* x) {
        X509_NAME_add_entry_by_NID(X509_get_subject_name(x), NID_pkcs9_emailAddress, V_ASN1_IA5STRING,
                                   reinterpret_cast<const unsigned char*>("old@example.org"), -1, -1, 0);
    });
    const auto r = check(c, "old@example.org");
    EXPECT_EQ(failures(r), "");
    EXPECT_NE(warnings(r).find("emailAddress old@example.org"), std::string::npos) << warnings(r);
}

TEST(CertificateCheck, NulInANameIsNoAddress)
{
    const auto who =
        must(cms::issue(request("Nul", {std::string("alice@example.org\0.evil.example", 31)}), &pki().sub));
    EXPECT_EQ(failures(check(who)), "subjectAltName");
    EXPECT_NE(warnings(check(who)).find("1 e-mail names that are no address"), std::string::npos);
}

TEST(CertificateCheck, TenThousandNamesGiveAShortLine)
{
    auto wanted = request("Many");
    for (int i = 0; i < 10'000; ++i) wanted.addresses.push_back("u" + std::to_string(i) + "@example.org");
    const auto r = check(must(cms::issue(wanted, &pki().sub)), "u9999@example.org");
    EXPECT_EQ(failures(r), "");
    for (const auto& l : r.lines) EXPECT_LT(l.found.size(), 300U);
}

TEST(CertificateCheck, JudgesUsagesByWhatTheyAllow)  // C01
{
    auto r = check_leaf([](auto& q) { q.key_usage = "critical,digitalSignature"; });
    EXPECT_EQ(failures(r), "");
    EXPECT_EQ(r.uses.signing, "");
    EXPECT_EQ(r.uses.encrypting, "its key usage does not allow encryption");
    r = check_leaf([](auto& q) {
        q.key_usage = "critical,keyAgreement";
        q.ec = true;
    });
    EXPECT_EQ(r.uses.signing, "its key usage does not allow signatures");
    EXPECT_EQ(r.uses.encrypting, "");
    EXPECT_EQ(failures(check_leaf([](auto& q) { q.key_usage = "critical,cRLSign"; })), "keyUsage");
    EXPECT_EQ(failures(check_leaf([](auto& q) { q.extended_key_usage = "serverAuth"; })), "extendedKeyUsage");
    EXPECT_EQ(failures(check_leaf([](auto& q) { q.extended_key_usage = "none"; })), "");
}

TEST(CertificateCheck, ExpiredStillDecrypts)  // C11
{
    auto r = check_leaf([](auto& q) { q.not_after = now - 24h; });
    EXPECT_EQ(failures(r), "validity");
    EXPECT_EQ(r.uses.signing, "expired 2026-05-31");
    EXPECT_EQ(r.uses.encrypting, "expired 2026-05-31");
    EXPECT_EQ(r.uses.decrypting, "");
    r = check_leaf([](auto& q) { q.not_before = now + 24h; });
    EXPECT_EQ(failures(r), "validity");
    EXPECT_EQ(r.uses.signing, "not valid before 2026-06-02");
}

// Nobody makes such a key to see that it is refused: a number of that size will do.
TEST(CertificateCheck, KeysTooLargeToComputeWithAreRefused)  // C03
{
    const std::unique_ptr<BIGNUM, void (*)(BIGNUM*)> n(BN_new(), BN_free), e(BN_new(), BN_free);
    BN_set_word(e.get(), 65537);
    BN_set_bit(n.get(), 16383);
    BN_set_bit(n.get(), 0);
    const std::unique_ptr<OSSL_PARAM_BLD, void (*)(OSSL_PARAM_BLD*)> builder(OSSL_PARAM_BLD_new(),
                                                                             OSSL_PARAM_BLD_free);
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
    const std::unique_ptr<OSSL_PARAM, void (*)(OSSL_PARAM*)> parameters(
        OSSL_PARAM_BLD_to_param(builder.get()), OSSL_PARAM_free);
    const std::unique_ptr<EVP_PKEY_CTX, void (*)(EVP_PKEY_CTX*)> context(
        EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr), EVP_PKEY_CTX_free);
    EVP_PKEY* made = nullptr;
    EVP_PKEY_fromdata_init(context.get());
    ASSERT_EQ(EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, parameters.get()), 1);
    const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(made, EVP_PKEY_free);
    const auto c =
        altered(pki().alice.certificate, pki().sub, [&](X509* x) { X509_set_pubkey(x, key.get()); });
    const auto r = check(c);
    EXPECT_EQ(failures(r), "key");
    EXPECT_NE(r.uses.encrypting, "");
}

TEST(CertificateCheck, WeakLargeAndStrangeKeysAreRefused)  // C03
{
    EXPECT_EQ(failures(check_leaf([](auto& q) {
                  q.ec = false;
                  q.rsa_bits = 1024;
              })),
              "key");
    EXPECT_EQ(failures(check_leaf([](auto& q) {
                  q.ec = false;
                  q.rsa_bits = 512;
              })),
              "key");
    EXPECT_EQ(failures(check_leaf([](auto& q) { q.curve = "secp256k1"; })), "key");
    EXPECT_EQ(failures(check_leaf([](auto& q) { q.curve = "P-384"; })), "");
    const auto r = check_leaf([](auto& q) { q.ed25519 = true; });
    EXPECT_EQ(failures(r), "");
    EXPECT_EQ(r.uses.signing, "");
    EXPECT_EQ(r.uses.encrypting, "its key (Ed25519) cannot receive keys");
}

TEST(CertificateCheck, AuthoritiesSkipTheRulesForMail)  // C01
{
    auto r = check(pki().root);
    EXPECT_TRUE(r.authority);
    EXPECT_EQ(failures(r), "");
    EXPECT_EQ(r.uses.trusting, "");
    EXPECT_NE(r.uses.signing, "");
    r = check(pki().sub);
    EXPECT_EQ(failures(r), "");
    EXPECT_NE(r.uses.trusting, "") << "only helps";
    EXPECT_EQ(warnings(r).find("BR"), std::string::npos);
}

TEST(CertificateCheck, UnknownCriticalExtensionsForbidEverything)  // C13
{
    const auto c = altered(pki().alice.certificate, pki().sub,
                           [](X509* x) { add_extension_der(x, "1.2.3.4.5", true, "\x05\x00"sv); });
    const auto r = check(c);
    EXPECT_EQ(failures(r), "critical extensions");
    EXPECT_NE(r.uses.signing, "");
    EXPECT_NE(r.uses.encrypting, "");
}

TEST(CertificateCheck, BaselineRequirementsAreWarnings)  // C15
{
    const auto long_lived = check_leaf([](auto& q) {
        q.not_before = at("2025-01-01");
        q.not_after = at("2035-01-01");
        q.extended_key_usage = "emailProtection,serverAuth";
        q.key_usage = "digitalSignature";
    });
    EXPECT_EQ(failures(long_lived), "");
    const std::string all = warnings(long_lived);
    for (const char* line :
         {"BR 6.3.2: 3652 days of validity\n", "BR 7.1.2.3: keyUsage not critical\n",
          "BR 7.1.2.3: extendedKeyUsage serverAuth\n", "BR 7.1.2.3: no cRLDistributionPoints\n",
          "BR 7.1.6: no S/MIME policy (2.23.140.1.5.x)\n"})
        EXPECT_NE(all.find(line), std::string::npos) << line << "not in\n" << all;
}

TEST(CertificateCheck, BaselineCertificatesPassWithoutAWarning)  // C15
{
    const auto who = pki().leaf("Strict", [](auto& q) { q.not_after = q.not_before + 365 * 24h; });
    const auto c = altered(who.certificate, pki().sub, [](X509* x) {
        namespace der = cms::der;
        add_extension_der(x, "certificatePolicies", false,
                          der::wrap(der::sequence, der::wrap(der::sequence, oid("2.23.140.1.5.1.3"))));
        add_extension(x, NID_crl_distribution_points, "URI:http://ca.example/1.crl");
        add_extension(x, NID_info_access, "caIssuers;URI:http://ca.example/1.cer");
    });
    EXPECT_EQ(warnings(check(c)), "");
}

TEST(CertificateCheck, ThePathIsJudgedAgainstTheAnchors)
{
    store::CheckRequest r;
    r.now = now;
    r.trust = &pki().trust;
    const std::vector<cms::Certificate> helpers{pki().sub.certificate};
    r.helpers = &helpers;
    const auto line = [&](const cms::Certificate& c) {
        for (const auto& l : store::check_certificate(c, r).lines)
            if (l.rule == "path") return std::string(store::word(l.grade)) + " " + l.found;
        return std::string();
    };
    EXPECT_TRUE(line(pki().alice.certificate).starts_with("ok leads to ")) << line(pki().alice.certificate);
    const cms::Trust nothing;
    r.trust = &nothing;
    EXPECT_TRUE(line(pki().alice.certificate).starts_with("warn untrusted")) << line(pki().alice.certificate);
    EXPECT_EQ(line(must(cms::issue(request("Self", {"self@example.org"}), nullptr)).certificate),
              "warn self-signed");
}

TEST(CertificateCheck, WithoutItsKeyItEncryptsOnly)
{
    store::CheckRequest r;
    r.now = now;
    r.key = false;
    r.helpers = nullptr;
    const auto report = store::check_certificate(pki().alice.certificate, r);
    EXPECT_FALSE(report.failed());
    EXPECT_EQ(report.uses.signing, "its private key is not here");
    EXPECT_EQ(report.uses.decrypting, "its private key is not here");
    EXPECT_EQ(report.uses.encrypting, "");
}

}  // namespace
