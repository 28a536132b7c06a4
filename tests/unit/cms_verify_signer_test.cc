// Judging CMS SignedData: algorithms, keys, certificates, several signers.
#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include <chrono>

#include "cms_fixture.h"

namespace
{

using namespace fixture;
using cms::Finding;

Signer usual(const EVP_MD* md = EVP_sha256(), const char* digest_name = "sha256")
{
    Signer s;
    s.md = md;
    s.digest_name = digest_name;
    s.attributes = {content_type(), message_digest(content, md)};
    return s;
}

TEST(SignerAlgorithms, WeakDigestsArePolicy)  // V30
{
    Signer sha1 = usual(EVP_sha1(), "sha1");
    sha1.signature_name = "ecdsa-with-SHA1";
    EXPECT_EQ(verdict(verify(crafted(sha1))), "policy weak-digest");
    auto o = options();
    o.allow_sha1 = true;
    EXPECT_EQ(verdict(verify(crafted(sha1), content, o)), "pass");

    Signer md5 = usual(EVP_md5(), "md5");
    md5.who = &alice_rsa();
    md5.signature_name = "rsaEncryption";
    EXPECT_EQ(verdict(verify(crafted(md5), content, o)), "policy weak-digest");
}

TEST(SignerAlgorithms, OtherGoodDigestsPass)
{
    for (const auto& [md, name] :
         {std::pair{EVP_sha224(), "sha224"}, {EVP_sha384(), "sha384"}, {EVP_sha512(), "sha512"}})
        EXPECT_EQ(verdict(verify(crafted(usual(md, name)))), "pass") << name;
}

TEST(SignerAlgorithms, UnknownOnesAreNeutral)
{
    Signer digest = usual();
    digest.digest_name = "ripemd160";
    auto v = verify(crafted(digest));
    EXPECT_EQ(verdict(v), "neutral unsupported-algorithm");
    EXPECT_EQ(v.signers.at(0).digest, "RIPEMD160");
    Signer signature = usual();
    signature.signature_name = "1.2.3.4.5";
    v = verify(crafted(signature));
    EXPECT_EQ(verdict(v), "neutral unsupported-algorithm");
    EXPECT_EQ(v.signers.at(0).signature, "unknown");
    EXPECT_FALSE(all(v).intact());
}

TEST(SignerKeys, ShortRsaIsPolicy)  // V31
{
    for (const int bits : {512, 1024}) {
        const auto weak = pki().leaf("Weak", [&](auto& r) {
            r.ec = false;
            r.rsa_bits = bits;
        });
        Signer s = usual();
        s.who = &weak;
        s.signature_name = "rsaEncryption";
        const auto v = verify(crafted(s));
        EXPECT_EQ(verdict(v), "policy weak-key") << bits;
        EXPECT_TRUE(all(v).intact());
    }
}

TEST(SignerKeys, HugeOrStrangeRsaIsNotComputed)  // V31
{
    for (const auto& [bits, exponent] :
         {std::pair{16384, "65537"}, {2048, "36893488147419103233"}, {2048, "65536"}, {2048, "1"}}) {
        const auto c = rsa_certificate(bits, exponent);
        Signer s = usual();
        s.named = &c;
        s.signature_name = "rsaEncryption";
        s.signature = std::string(256, 'x');
        const auto before = std::chrono::steady_clock::now();
        const auto v = verify(signed_data({signer_info(s)}, {c, pki().sub.certificate}));
        EXPECT_EQ(verdict(v), "policy key-size") << bits << " " << exponent;
        EXPECT_FALSE(all(v).intact()) << "nobody knows whether it is";
        EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(5));
    }
}

TEST(Findings, RevocationHidesNothingThatIsWorse)
{
    cms::Findings findings;
    findings.add(Finding::revoked);
    EXPECT_EQ(findings.code(), cms::Code::fail);
    EXPECT_TRUE(findings.intact()) << "the octets are as they were signed";
    for (const auto broken : {Finding::content_mismatch, Finding::bad_signature, Finding::malformed}) {
        findings = {};
        findings.add(Finding::revoked);
        findings.add(broken);
        EXPECT_FALSE(findings.intact()) << cms::word(broken);
    }
}

TEST(SignerKeys, UnknownCurvesAreNotComputed)
{
    const auto odd = pki().leaf("Odd", [](auto& r) { r.curve = "secp256k1"; });
    Signer s = usual();
    s.who = &odd;
    EXPECT_EQ(verdict(verify(crafted(s))), "neutral unsupported-algorithm");
    const auto brainpool = pki().leaf("Brainpool", [](auto& r) { r.curve = "brainpoolP256r1"; });
    s.who = &brainpool;
    EXPECT_EQ(verdict(verify(crafted(s))), "pass");
}

TEST(SignerUsage, KeyUsageMustAllowSignatures)  // V33
{
    const auto judged = [](const char* usage) {
        const auto who = pki().leaf("KU", [&](auto& r) { r.key_usage = usage; });
        return verdict(verify(sign(who)));
    };
    EXPECT_EQ(judged("keyAgreement"), "policy key-usage");
    EXPECT_EQ(judged("nonRepudiation"), "pass");
    EXPECT_EQ(judged("digitalSignature"), "pass");
    EXPECT_EQ(judged("none"), "pass");
}

TEST(SignerUsage, ExtendedKeyUsageMustAllowMail)  // V34
{
    const auto judged = [](const char* usage) {
        const auto who = pki().leaf("EKU", [&](auto& r) { r.extended_key_usage = usage; });
        return verdict(verify(sign(who)));
    };
    EXPECT_EQ(judged("serverAuth"), "policy extended-key-usage");
    EXPECT_EQ(judged("anyExtendedKeyUsage"), "pass");
    EXPECT_EQ(judged("serverAuth,emailProtection"), "pass");
    EXPECT_EQ(judged("none"), "pass");
}

TEST(SignerUsage, AuthorityDoesNotSignMail)
{
    const auto v = verify(sign(pki().sub));
    EXPECT_TRUE(all(v).has(Finding::key_usage)) << verdict(v);
}

// --- which certificate ---

std::string ess_v2(const cms::Certificate& c)
{
    namespace der = cms::der;
    return attribute(
        "id-smime-aa-signingCertificateV2",
        {der::wrap(der::sequence,
                   der::wrap(der::sequence, der::wrap(der::sequence, octet_string(digest(c.der())))))});
}

std::string ess_v1(const cms::Certificate& c)
{
    namespace der = cms::der;
    return attribute(
        "id-smime-aa-signingCertificate",
        {der::wrap(
            der::sequence,
            der::wrap(der::sequence, der::wrap(der::sequence, octet_string(digest(c.der(), EVP_sha1())))))});
}

TEST(SignerCertificate, SubstitutedOneIsSeen)  // V35
{
    // The same key in another certificate, which the message names.
    const auto other = altered(pki().alice.certificate, pki().sub,
                               [](X509* x) { ASN1_INTEGER_set(X509_get_serialNumber(x), 4711); });
    const auto judged = [&](const std::string& ess, const cms::Certificate& named) {
        Signer s = usual();
        s.attributes.push_back(ess);
        s.named = &named;
        return verdict(verify(signed_data({signer_info(s)}, {named, pki().sub.certificate})));
    };
    const auto& own = pki().alice.certificate;
    EXPECT_EQ(judged(ess_v2(own), own), "pass");
    EXPECT_EQ(judged(ess_v1(own), own), "pass");
    EXPECT_EQ(judged(ess_v2(own), other), "fail certificate-substituted");
    EXPECT_EQ(judged(ess_v1(own), other), "fail certificate-substituted");
    EXPECT_EQ(judged(attribute("id-smime-aa-signingCertificateV2", {octet_string("?")}), own),
              "fail certificate-substituted");
    EXPECT_EQ(judged(attribute("id-smime-aa-signingCertificateV2", {}), own), "fail attribute-error");
}

TEST(SignerCertificate, AbsentOneComesFromTheStore)  // V40
{
    Signer s = usual();
    const std::string der = signed_data({signer_info(s)}, {});
    const auto v = verify(der);
    EXPECT_EQ(verdict(v), "permerror signer-certificate-missing");
    EXPECT_FALSE(v.signers.at(0).certificate);
    EXPECT_EQ(v.signers.at(0).serial, pki().alice.certificate.serial());
    EXPECT_EQ(v.signers.at(0).issuer, "CN=Test Sub CA");

    const auto trust = must(
        cms::Trust::make({{pki().root.certificate}, {pki().alice.certificate, pki().sub.certificate}, {}}));
    EXPECT_EQ(verdict(verify(der, content, options(trust))), "pass");
    // The content is judged all the same when the certificate is missing.
    EXPECT_EQ(verdict(verify(der, "other")), "fail content-mismatch signer-certificate-missing");
}

TEST(SignerCertificate, EveryKeyIdentifierMatchIsTried)  // V41
{
    // Bob's key under alice's key identifier, put first.
    const auto decoy = altered(pki().alice.certificate, pki().sub, [](X509* x) {
        X509_set_pubkey(x, native(pki().bob));
        ASN1_INTEGER_set(X509_get_serialNumber(x), 13);
    });
    Signer s = usual();
    s.by_key_identifier = true;
    const auto v =
        verify(signed_data({signer_info(s)}, {decoy, pki().alice.certificate, pki().sub.certificate}));
    EXPECT_EQ(verdict(v), "pass");
    EXPECT_EQ(*v.signers.at(0).certificate, pki().alice.certificate);
    EXPECT_EQ(verdict(verify(signed_data({signer_info(s)}, {decoy, pki().sub.certificate}))),
              "fail bad-signature");
}

TEST(SignerCertificate, EssChoosesAmongCertificatesOfOneKey)  // V35, V41
{
    const auto renewed = altered(pki().alice.certificate, pki().sub,
                                 [](X509* x) { ASN1_INTEGER_set(X509_get_serialNumber(x), 99); });
    Signer s = usual();
    s.by_key_identifier = true;
    s.attributes.push_back(ess_v2(renewed));
    const auto v =
        verify(signed_data({signer_info(s)}, {pki().alice.certificate, renewed, pki().sub.certificate}));
    EXPECT_EQ(verdict(v), "pass");
    EXPECT_EQ(*v.signers.at(0).certificate, renewed);
}

// --- several signers ---

TEST(SeveralSigners, EachIsJudgedForItself)  // V44
{
    const std::vector<cms::Certificate> certificates{pki().alice.certificate, pki().bob.certificate,
                                                     pki().sub.certificate};
    Signer alice = usual(), bob = usual();
    bob.who = &pki().bob;
    auto v = verify(signed_data({signer_info(alice), signer_info(bob)}, certificates));
    EXPECT_EQ(verdict(v), "pass");
    ASSERT_EQ(v.signers.size(), 2U);
    EXPECT_EQ(*v.signers[0].certificate, pki().alice.certificate);
    EXPECT_EQ(*v.signers[1].certificate, pki().bob.certificate);

    bob.attributes = {content_type(), message_digest("something else")};
    v = verify(signed_data({signer_info(alice), signer_info(bob)}, certificates));
    EXPECT_EQ(verdict(v), "fail content-mismatch");
    EXPECT_TRUE(v.signers.at(0).findings.empty());
    EXPECT_TRUE(v.signers.at(1).findings.has(Finding::content_mismatch));
}

// --- trust, as the verdict shows it ---

TEST(SignerTrust, UnknownRootIsPolicyAndNoAnchorNeverPasses)  // V36
{
    const cms::Trust nothing;
    EXPECT_EQ(verdict(verify(sign(pki().alice), content, options(nothing))), "policy untrusted");
    const auto other = must(cms::issue(ca_request("Test Root"), nullptr));  // the same name, another key
    const auto trust = must(cms::Trust::make({{other.certificate}, {}, {}}));
    EXPECT_EQ(verdict(verify(sign(pki().alice), content, options(trust))), "policy untrusted");
    auto without = options();
    without.trust = nullptr;
    EXPECT_EQ(verdict(verify(sign(pki().alice), content, without)), "policy untrusted");
}

TEST(SignerTrust, SelfSignedSignerIsUntrusted)  // V36
{
    const auto self = must(cms::issue(request("Self", {"alice@example.org"}), nullptr));
    EXPECT_EQ(verdict(verify(sign(self))), "policy untrusted");
}

TEST(SignerTrust, ExpiryCountsNowWhateverTheSigningTimeSays)  // V38
{
    auto o = options();
    o.path.at = end + std::chrono::hours(24);
    EXPECT_EQ(verdict(verify(sign(pki().alice), content, o)), "policy expired");
    o.path.at = start - std::chrono::hours(1);
    EXPECT_TRUE(all(verify(sign(pki().alice), content, o)).has(Finding::not_yet_valid));
}

TEST(SignerTrust, EveryFindingIsCollected)
{
    const auto who = pki().leaf("All wrong", [](auto& r) {
        r.extended_key_usage = "serverAuth";
        r.key_usage = "keyAgreement";
    });
    auto o = options();
    o.path.at = end + std::chrono::hours(24);
    EXPECT_EQ(verdict(verify(sign(who), content + "x", o)),
              "fail content-mismatch expired key-usage extended-key-usage");
    Signer none = usual();
    none.who = &who;
    none.attributes = {content_type()};
    EXPECT_EQ(verdict(verify(crafted(none), content, o)),
              "fail attribute-error expired key-usage extended-key-usage");
}

}  // namespace
