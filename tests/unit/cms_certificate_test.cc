// What a certificate says, and the small DER reader and writer beneath.
#include <gtest/gtest.h>

#include "cms/container.h"
#include "cms/library.h"
#include "cms_fixture.h"

namespace
{

using namespace fixture;
using cms::Certificate;
using cms::KeyKind;
using Addresses = std::vector<std::string>;

Certificate with_addresses(Addresses a)
{
    return pki().leaf("X", [&](auto& r) { r.addresses = std::move(a); }).certificate;
}

void add_subject_address(X509* x, std::string_view address)
{
    X509_NAME_add_entry_by_NID(X509_get_subject_name(x), NID_pkcs9_emailAddress, V_ASN1_IA5STRING,
                               reinterpret_cast<const unsigned char*>(address.data()),
                               static_cast<int>(address.size()), -1, 0);
}

TEST(CertificateTest, NamesTheAddressesOfItsAlternativeName)  // C13
{
    const auto c = with_addresses({"Alice@Example.org", "a.smith@example.org"});
    EXPECT_EQ(c.san_addresses(), (Addresses{"Alice@Example.org", "a.smith@example.org"}));
    EXPECT_EQ(c.addresses(), c.san_addresses());
    EXPECT_TRUE(c.names("alice@example.org"));
    EXPECT_TRUE(c.names("A.SMITH@EXAMPLE.ORG"));
    EXPECT_FALSE(c.names("alice+tag@example.org"));
    EXPECT_FALSE(c.names("smith@example.org"));
    EXPECT_FALSE(c.names(""));
}

TEST(CertificateTest, SubjectAddressCountsOnlyWithoutAlternativeName)  // C13
{
    const auto both = altered(with_addresses({"san@example.org"}), pki().sub,
                              [](X509* x) { add_subject_address(x, "subject@example.org"); });
    EXPECT_EQ(both.addresses(), Addresses{"san@example.org"});
    EXPECT_FALSE(both.names("subject@example.org"));
    const auto subject = altered(with_addresses({}), pki().sub,
                                 [](X509* x) { add_subject_address(x, "subject@example.org"); });
    EXPECT_TRUE(subject.san_addresses().empty());
    EXPECT_EQ(subject.addresses(), Addresses{"subject@example.org"});
    EXPECT_TRUE(subject.names("subject@example.org"));
    EXPECT_TRUE(with_addresses({}).addresses().empty());
}

TEST(CertificateTest, BrokenAlternativeNameGivesNoWayToTheSubject)
{
    for (const auto der : {"\x30\x03\x81\x01\xff"sv, "\x30\x05"sv,
                           "\x30\x0b\x81\x09"
                           "a\0b@x.org"sv}) {
        const auto c = altered(with_addresses({}), pki().sub, [&](X509* x) {
            add_subject_address(x, "subject@example.org");
            add_extension_der(x, "subjectAltName", false, der);
        });
        EXPECT_TRUE(c.addresses().empty());
    }
}

TEST(CertificateTest, AddressesBeyondAsciiAreSmtpUtf8Mailboxes)  // C13, P07
{
    const auto c = with_addresses({"jürgen@example.org", "plain@example.org"});
    EXPECT_EQ(c.san_addresses(), (Addresses{"jürgen@example.org", "plain@example.org"}));
    EXPECT_TRUE(c.names("jürgen@example.org"));
    EXPECT_TRUE(c.names("jürgen@EXAMPLE.org"));
    EXPECT_FALSE(c.names("JÜRGEN@example.org"));
    EXPECT_FALSE(c.names("jurgen@example.org"));
    // The same octets as an rfc822Name are not an address.
    const auto raw = altered(with_addresses({}), pki().sub, [](X509* x) {
        add_extension_der(x, "subjectAltName", false,
                          cms::der::wrap(cms::der::sequence, cms::der::wrap(0x81, "jürgen@example.org")));
    });
    EXPECT_TRUE(raw.addresses().empty());
}

TEST(CertificateTest, TextIsSafeToShow)
{
    auto r = request("Müller, \"Anna\"\n\x01 Inc.");
    const auto c = must(cms::issue(r, &pki().sub)).certificate;
    EXPECT_EQ(c.subject(), "CN=Müller\\, \\\"Anna\\\"\\0A\\01 Inc.");
    EXPECT_EQ(c.issuer(), "CN=Test Sub CA");
}

TEST(CertificateTest, SerialIsWholeOctetsInHex)
{
    const auto serial = [](long n) {
        return altered(pki().alice.certificate, pki().sub,
                       [&](X509* x) { ASN1_INTEGER_set(X509_get_serialNumber(x), n); })
            .serial();
    };
    EXPECT_EQ(serial(0x1ab), "01ab");
    EXPECT_EQ(serial(0), "00");
    EXPECT_EQ(serial(0x80), "80");
    EXPECT_EQ(serial(-2), "-02");
    EXPECT_EQ(pki().alice.certificate.serial().size(), 32U) << "127 random bits";
    EXPECT_NE(pki().alice.certificate.serial(), pki().bob.certificate.serial());
}

TEST(CertificateTest, ValidityIncludesBothEnds)
{
    const auto& c = pki().alice.certificate;
    EXPECT_EQ(c.not_before(), start);
    EXPECT_EQ(c.not_after(), end);
    EXPECT_TRUE(c.valid_at(start));
    EXPECT_TRUE(c.valid_at(end));
    EXPECT_FALSE(c.valid_at(start - std::chrono::seconds(1)));
    EXPECT_FALSE(c.valid_at(end + std::chrono::seconds(1)));
}

TEST(CertificateTest, TellsAuthoritiesAndSelfSignedOnes)
{
    EXPECT_TRUE(pki().root.certificate.is_ca());
    EXPECT_TRUE(pki().root.certificate.self_signed());
    EXPECT_TRUE(pki().sub.certificate.is_ca());
    EXPECT_FALSE(pki().sub.certificate.self_signed());
    EXPECT_FALSE(pki().alice.certificate.is_ca());
    // The same name in both places is not enough.
    const auto impostor = altered(pki().root.certificate, pki().sub, [](X509*) {});
    EXPECT_FALSE(impostor.self_signed());
}

TEST(CertificateTest, DescribesItsKey)
{
    EXPECT_EQ(cms::describe_key(pki().alice.certificate), "EC P-256");
    EXPECT_EQ(cms::describe_key(alice_rsa().certificate), "RSA 2048");
    const auto ed = pki().leaf("Ed", [](auto& r) { r.ed25519 = true; }).certificate;
    EXPECT_EQ(ed.key_kind(), KeyKind::ed25519);
    EXPECT_EQ(cms::describe_key(ed), "Ed25519");
    EXPECT_EQ(pki().alice.certificate.curve(), "P-256");
    EXPECT_EQ(alice_rsa().certificate.curve(), "");
    EXPECT_EQ(alice_rsa().certificate.key_bits(), 2048);
}

TEST(CertificateTest, SpelledOutCurveIsNoKnownCurve)
{
    EVP_PKEY* key = EVP_EC_gen("P-256");
    EVP_PKEY_set_utf8_string_param(key, "encoding", "explicit");
    const auto c = altered(pki().alice.certificate, pki().sub, [&](X509* x) { X509_set_pubkey(x, key); });
    EVP_PKEY_free(key);
    EXPECT_EQ(c.curve(), "explicit");
    Signer s;
    s.named = &c;
    s.attributes = {content_type(), message_digest()};
    EXPECT_TRUE(all(verify(signed_data({signer_info(s)}, {c}))).has(cms::Finding::unsupported_algorithm));
}

TEST(CertificateTest, UsagesFollowTheExtensions)
{
    const auto usage = [](const char* ku, const char* eku) {
        return pki()
            .leaf("U",
                  [&](auto& r) {
                      r.key_usage = ku;
                      r.extended_key_usage = eku;
                  })
            .certificate;
    };
    EXPECT_TRUE(usage("none", "none").usage_allows_signing());
    EXPECT_TRUE(usage("none", "none").usage_allows_encryption());
    EXPECT_TRUE(usage("none", "none").purpose_allows_email());
    EXPECT_FALSE(usage("keyAgreement", "none").usage_allows_signing());
    EXPECT_TRUE(usage("keyAgreement", "none").usage_allows_encryption());
    EXPECT_FALSE(usage("keyEncipherment", "none").usage_allows_encryption())
        << "EC agrees, it does not encipher";
    EXPECT_TRUE(usage("nonRepudiation", "none").usage_allows_signing());
    EXPECT_FALSE(usage("none", "serverAuth").purpose_allows_email());
    EXPECT_TRUE(usage("none", "anyExtendedKeyUsage").purpose_allows_email());
    EXPECT_TRUE(alice_rsa().certificate.usage_allows_encryption());
}

TEST(CertificateTest, OnlyAWholeCertificateIsOne)
{
    const std::string der = pki().alice.certificate.der();
    for (std::size_t n = 0; n < der.size(); ++n) EXPECT_FALSE(Certificate::from_der(der.substr(0, n))) << n;
    EXPECT_FALSE(Certificate::from_der(der + "x"));
    EXPECT_FALSE(Certificate::from_der("junk"));
    EXPECT_FALSE(Certificate::from_der(std::string(2U << 20, '0')));
    EXPECT_EQ(must(Certificate::from_der(der)), pki().alice.certificate);
    EXPECT_EQ(pki().alice.certificate.fingerprint().size(), 64U);
}

TEST(TestCa, AddressesCannotSmuggleNames)
{
    const auto c = with_addresses({"a@example.org,email:b@example.org", "c@example.org"});
    EXPECT_EQ(c.san_addresses(), (Addresses{"a@example.org,email:b@example.org", "c@example.org"}));
}

TEST(TestCa, RefusesWhatItCannotMake)
{
    auto r = request("X");
    r.curve = "no such curve";
    EXPECT_FALSE(cms::issue(r, nullptr));
    r = request("X");
    r.key_usage = "no such usage";
    EXPECT_FALSE(cms::issue(r, nullptr));
    EXPECT_FALSE(cms::issue(request(""), nullptr));
}

TEST(Library, SaysWhatItIs)
{
    EXPECT_TRUE(cms::library_version().starts_with("OpenSSL 3")) << cms::library_version();
    static_cast<void>(cms::library_is_current());
}

// --- DER ---

TEST(Der, ReadsDefiniteAndIndefiniteLengths)
{
    namespace der = cms::der;
    der::Reader definite("\x04\x02hi\x05\0"sv);
    EXPECT_EQ(definite.next(der::octet_string)->body, "hi");
    EXPECT_FALSE(definite.next(der::octet_string));
    EXPECT_TRUE(definite.next(der::null));
    EXPECT_TRUE(definite.at_end());
    const auto outer = der::Reader("\x30\x80\x31\x80\x04\x01x\0\0\0\0rest"sv).next();
    ASSERT_TRUE(outer);
    EXPECT_EQ(outer->body, "\x31\x80\x04\x01x\0\0"sv);
    EXPECT_EQ(outer->size, 11U);
}

TEST(Der, RefusesWhatDoesNotFit)
{
    namespace der = cms::der;
    for (const auto bad : {""sv, "\x04"sv, "\x04\x05hi"sv, "\x04\x80hi\0\0"sv, "\x30\x80\x04\x01x"sv,
                           "\x04\x84\xff\xff\xff\xff"sv, "\x04\x89\1\1\1\1\1\1\1\1\1"sv, "\0\0"sv,
                           "\x1f\xff\xff\xff\xff\xff\xff\1x"sv, "\x04\xff"sv})
        EXPECT_FALSE(der::Reader(bad).next());
}

TEST(Der, DeepNestsTakeLinearTime)
{
    namespace der = cms::der;
    std::string nest;
    for (int i = 0; i < 1'000'000; ++i) nest += "\x30\x80";
    EXPECT_FALSE(der::Reader(nest).next());
    nest += std::string(2'000'000, '\0');
    EXPECT_EQ(der::Reader(nest).next()->size, nest.size());
}

TEST(Der, CountsUpToALimit)
{
    const std::string three = "\x05\0\x05\0\x05\0"s;
    EXPECT_EQ(cms::der::count(three, 10), 3U);
    EXPECT_EQ(cms::der::count(three, 1), 2U);
    EXPECT_EQ(cms::der::count("", 1), 0U);
    EXPECT_FALSE(cms::der::count("\x05", 1));
}

TEST(Der, CountsAtAllDepths)
{
    namespace der = cms::der;
    const std::string null("\x05\0", 2), pair = der::wrap(der::sequence, null + null);
    EXPECT_EQ(der::count_all(""), 0U);
    EXPECT_EQ(der::count_all(pair), 3U);
    EXPECT_EQ(der::count_all(pair + pair), 6U);
    EXPECT_EQ(der::count_all(der::wrap(der::octet_string, pair)), 4U);
    EXPECT_EQ(der::count_all(der::wrap(der::octet_string, pair + "x") + null), 5U) << "other octets behind";
    EXPECT_EQ(der::count_all(der::wrap(der::octet_string, "\x30\x80" + pair)), 5U) << "anything may be there";
    EXPECT_FALSE(der::count_all(pair + "\x30"));
    EXPECT_FALSE(der::count_all("\x30\x80\x05\0\0\0"s)) << "BER";
    EXPECT_FALSE(der::count_all(der::wrap(0x24, der::wrap(der::octet_string, pair)))) << "BER";
    std::string deep;
    for (int i = 0; i < 1000; ++i) deep = der::wrap(der::sequence, deep);
    EXPECT_FALSE(der::count_all(deep));
}

TEST(Der, WritesWhatItReads)
{
    namespace der = cms::der;
    for (const std::size_t n : {0U, 1U, 127U, 128U, 255U, 256U, 65535U, 65536U}) {
        const std::string body(n, 'x');
        const std::string out = der::wrap(der::octet_string, body);
        EXPECT_EQ(der::Reader(out).next()->body, body);
        EXPECT_EQ(der::Reader(out).next()->size, out.size());
    }
    for (const unsigned n : {0U, 1U, 127U, 128U, 255U, 256U, 65535U, 0xffffffffU})
        EXPECT_EQ(der::unsigned_value(*der::Reader(der::small_integer(n)).next()), n);
    EXPECT_FALSE(der::unsigned_value(*der::Reader("\x02\x01\xff"sv).next())) << "negative";
    EXPECT_EQ(der::set_of(der::set, {"\x05\0"s, "\x02\x01\x01"s}), "\x31\x05\x02\x01\x01\x05\0"s);
}

}  // namespace
