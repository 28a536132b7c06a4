// Judging CMS SignedData: structure, content, attributes.  The ids in comments
// are those of tests/conformance.tsv.
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <thread>

#include "cms_fixture.h"

namespace
{

using namespace fixture;
using cms::ContentKind;
using cms::Finding;

std::vector<std::string> usual() { return {content_type(), message_digest()}; }

// --- what a ContentInfo is ---

TEST(ContentKindTest, ReadsTheTypeAndNothingElse)
{
    const auto info = [](const char* type) { return cms::der::wrap(cms::der::sequence, oid(type)); };
    EXPECT_EQ(cms::content_kind(sign(pki().alice)), ContentKind::signed_data);
    EXPECT_EQ(cms::content_kind(info("pkcs7-envelopedData")), ContentKind::enveloped_data);
    EXPECT_EQ(cms::content_kind(info("1.2.840.113549.1.9.16.1.23")), ContentKind::auth_enveloped_data);
    EXPECT_EQ(cms::content_kind(info("1.2.840.113549.1.9.16.1.9")), ContentKind::compressed_data);
    EXPECT_EQ(cms::content_kind(info("pkcs7-data")), ContentKind::other);
    EXPECT_EQ(cms::content_kind(""), ContentKind::malformed);
    EXPECT_EQ(cms::content_kind("plain text, no CMS at all"), ContentKind::malformed);
    EXPECT_EQ(cms::content_kind("\x30\x80\x06"), ContentKind::malformed);
}

// --- good ones ---

TEST(Verify, ClearSignaturePasses)  // V01
{
    const auto v = verify(sign(pki().alice));
    EXPECT_EQ(verdict(v), "pass");
    ASSERT_EQ(v.signers.size(), 1U);
    const auto& s = v.signers[0];
    ASSERT_TRUE(s.certificate);
    EXPECT_EQ(*s.certificate, pki().alice.certificate);
    EXPECT_EQ(s.serial, pki().alice.certificate.serial());
    EXPECT_EQ(s.issuer, "CN=Test Sub CA");
    EXPECT_EQ(s.digest, "sha256");
    EXPECT_EQ(s.signature, "ecdsa");
    EXPECT_EQ(s.signing_time, now);
    EXPECT_TRUE(s.comments.empty());
    EXPECT_TRUE(v.content.empty());
}

TEST(Verify, OpaqueSignaturePassesAndHandsOutItsContent)  // V02
{
    const auto v = cms::verify_opaque(sign(pki().alice, false), options());
    EXPECT_EQ(verdict(v), "pass");
    EXPECT_EQ(v.content, content);
    EXPECT_FALSE(v.certificates_only);
}

TEST(Verify, ContentMayBeInManyPiecesOrEmpty)
{
    std::vector<base::Octets> octets;
    for (const char& c : content) octets.emplace_back(&c, 1);
    EXPECT_EQ(verdict(cms::verify_detached(sign(pki().alice), octets, options())), "pass");
    EXPECT_EQ(verdict(verify(sign(pki().alice, true, ""), "")), "pass");
}

TEST(Verify, AcceptsRsaAndPssAndEdwards)  // V42, V43
{
    EXPECT_EQ(verdict(verify(sign(alice_rsa()))), "pass");

    cms::SignRequest r;
    r.certificate = &alice_rsa().certificate;
    r.key = alice_rsa().key.get();
    r.chain = &pki().chain;
    r.padding = cms::Padding::pss;
    const base::Octets pieces[] = {content};
    const auto v = verify(must(cms::sign(pieces, r)).der);
    EXPECT_EQ(verdict(v), "pass");
    EXPECT_EQ(v.signers.at(0).signature, "rsa-pss");

    const auto ed = pki().leaf("Alice Ed", [](auto& q) { q.ed25519 = true; });
    const auto w = verify(sign(ed));
    EXPECT_EQ(verdict(w), "pass");
    EXPECT_EQ(w.signers.at(0).signature, "ed25519");
    EXPECT_EQ(verdict(verify(sign(ed), content + "x")), "fail content-mismatch");
}

TEST(Verify, EdwardsSignatureOverOtherAttributesFails)  // V43
{
    const auto ed = pki().leaf("Alice Ed", [](auto& q) { q.ed25519 = true; });
    Signer s;
    s.who = &ed;
    s.digest_name = "sha512";
    s.signature_name = "ED25519";
    s.md = nullptr;
    s.attributes = {content_type(), message_digest(content, EVP_sha512())};
    EXPECT_EQ(verdict(verify(crafted(s))), "pass");
    s.attributes = {message_digest(content, EVP_sha512()), content_type()};  // V15: not sorted
    EXPECT_EQ(verdict(verify(crafted(s))), "pass");
    s.signature = std::string(64, '\x17');
    EXPECT_EQ(verdict(verify(crafted(s))), "fail bad-signature");
    s.signature.clear();
    s.no_attributes = true;
    EXPECT_EQ(verdict(verify(crafted(s))), "neutral unsupported-algorithm missing-attributes");
}

TEST(Verify, AcceptsUnsortedAttributes)  // V15
{
    auto attributes = usual();
    const auto forward = verify(crafted(attributes));
    const auto backward = verify(crafted({attributes[1], attributes[0]}));
    EXPECT_EQ(verdict(forward), "pass");
    EXPECT_EQ(verdict(backward), "pass");
}

// The outer layers again with indefinite lengths, down to `depth`.
std::string indefinite(std::string_view der, int depth)
{
    cms::der::Reader reader(der);
    std::string out;
    while (!reader.at_end()) {
        const auto e = reader.next().value();
        if (depth > 0 && (e.tag & 0x20) != 0)
            out +=
                std::string(1, static_cast<char>(e.tag)) + '\x80' + indefinite(e.body, depth - 1) + "\0\0"s;
        else
            out += cms::der::wrap(e.tag, e.body);
    }
    return out;
}

TEST(Verify, AcceptsIndefiniteLengths)  // V15
{
    for (int depth = 1; depth <= 4; ++depth) {
        EXPECT_EQ(verdict(verify(indefinite(sign(pki().alice), depth))), "pass") << depth;
        const auto v = cms::verify_opaque(indefinite(sign(pki().alice, false), depth), options());
        EXPECT_EQ(verdict(v), "pass") << depth;
        EXPECT_EQ(v.content, content);
    }
}

TEST(Verify, AcceptsOpaqueContentInSegments)  // V15: streaming signers cut it up
{
    std::string segments;
    for (std::size_t i = 0; i < content.size(); i += 7) segments += octet_string(content.substr(i, 7));
    Signer s;
    s.attributes = usual();
    const std::string inside = "\xa0\x80\x24\x80"s + segments + "\0\0\0\0"s;
    const auto v = cms::verify_opaque(
        signed_data_around(inside, {signer_info(s)}, {pki().alice.certificate, pki().sub.certificate},
                           "sha256", "pkcs7-data"),
        options());
    EXPECT_EQ(verdict(v), "pass");
    EXPECT_EQ(v.content, content);
}

// --- content ---

TEST(Verify, AnyChangeOfTheContentFails)  // V11
{
    const std::string der = sign(pki().alice);
    std::string changed = content;
    changed[changed.size() / 2] ^= 1;
    std::string lf = content;
    for (std::size_t at; (at = lf.find('\r')) != std::string::npos;) lf.erase(at, 1);
    for (const std::string& what :
         {changed, lf, content + "\r\n", content.substr(0, content.size() - 2), std::string()})
        EXPECT_EQ(verdict(verify(der, what)), "fail content-mismatch");
}

TEST(Verify, ChangedSignatureFails)
{
    Signer s;
    s.attributes = usual();
    s.signature = raw_signature(pki().alice, "something else", EVP_sha256());
    EXPECT_EQ(verdict(verify(crafted(s))), "fail bad-signature");
    s.signature = "not even a signature";
    EXPECT_EQ(verdict(verify(crafted(s))), "fail bad-signature");
    s.signature.clear();
    s.signature_name = "rsaEncryption";  // not what the key is
    EXPECT_EQ(verdict(verify(crafted(s))), "fail bad-signature");
}

// --- structure ---

TEST(Verify, ContentInsideADetachedSignatureConflicts)  // V07
{
    // Its content is the same, so the digest fits; a client might show either.
    EXPECT_EQ(verdict(verify(sign(pki().alice, false))), "permerror conflicting-content");
    EXPECT_EQ(verdict(verify(sign(pki().alice, false, "other\r\n"))),
              "fail content-mismatch conflicting-content");
    EXPECT_EQ(verdict(verify(signed_data({}, {pki().alice.certificate}, content))),
              "permerror conflicting-content no-signer");
}

TEST(Verify, NoSignerIsNoSignature)  // V08
{
    const std::string bag = signed_data({}, {pki().alice.certificate});
    EXPECT_EQ(verdict(verify(bag)), "permerror no-signer");
    const auto v = cms::verify_opaque(bag, options());
    EXPECT_TRUE(v.certificates_only);
    EXPECT_TRUE(v.findings.empty());
    EXPECT_TRUE(v.signers.empty());
    EXPECT_EQ(verdict(cms::verify_opaque(signed_data({}, {}, content), options())), "permerror no-signer");
}

TEST(Verify, OpaqueWithoutContentIsAStructureError)
{
    EXPECT_EQ(verdict(cms::verify_opaque(sign(pki().alice), options())), "permerror structure");
}

TEST(Verify, OctetsAfterTheSignatureAreNeutral)  // V10
{
    EXPECT_EQ(verdict(verify(sign(pki().alice) + "x")), "neutral trailing-data");
    EXPECT_EQ(verdict(verify(sign(pki().alice) + "\0"s)), "neutral trailing-data");
    EXPECT_EQ(verdict(verify(sign(pki().alice) + sign(pki().bob))), "neutral trailing-data");
    EXPECT_EQ(verdict(cms::verify_opaque(sign(pki().alice, false) + "\r\n", options())),
              "neutral trailing-data");
}

TEST(Verify, EveryTruncationIsMalformed)  // V10
{
    const std::string der = sign(pki().alice);
    for (std::size_t n = 0; n < der.size(); ++n)
        EXPECT_EQ(verdict(verify(std::string_view(der).substr(0, n))), "neutral malformed") << n;
}

TEST(Verify, NoChangeOfWhatIsSignedPasses)
{
    // Version numbers and algorithm names outside may change without harm; the
    // certificate, the digest of the content and the signature may not.
    const std::string der = sign(pki().alice);
    const std::string certificate = pki().alice.certificate.der(), hash = digest(content);
    const std::size_t ranges[][2] = {
        {der.find(certificate), certificate.size()}, {der.find(hash), hash.size()}, {der.size() - 64, 64}};
    for (const auto& [from, size] : ranges) {
        ASSERT_LT(from, der.size());
        for (std::size_t i = from; i < from + size; i += 2) {
            std::string bad = der;
            bad[i] = static_cast<char>(bad[i] ^ 0x15);
            EXPECT_FALSE(all(verify(bad)).empty()) << i;
        }
    }
}

TEST(Verify, OtherContentTypesAreAMismatch)  // V03
{
    const std::string enveloped = cms::der::wrap(
        cms::der::sequence, {oid("pkcs7-envelopedData"), cms::der::wrap(cms::der::context(0), "")});
    EXPECT_EQ(verdict(verify(enveloped)), "neutral type-mismatch");
    Signer s;
    s.attributes = {attribute("contentType", {oid("id-smime-ct-TSTInfo")}), message_digest()};
    EXPECT_EQ(verdict(verify(signed_data({signer_info(s)}, {pki().alice.certificate, pki().sub.certificate},
                                         {}, "sha256", "id-smime-ct-TSTInfo"))),
              "neutral type-mismatch");
}

TEST(Verify, LimitsAreKeptWithoutWork)  // V18
{
    Signer s;
    s.attributes = usual();
    const std::string one = signer_info(s);
    const std::vector<cms::Certificate> both{pki().alice.certificate, pki().sub.certificate};
    EXPECT_EQ(verdict(verify(signed_data(std::vector(8, one), both))), "pass");
    EXPECT_EQ(verdict(verify(signed_data(std::vector(9, one), both))), "permerror limit");
    EXPECT_EQ(verdict(verify(signed_data({one}, std::vector(32, both[0])))), "policy untrusted");
    EXPECT_EQ(verdict(verify(signed_data({one}, std::vector(33, both[0])))), "permerror limit");

    Signer chatty;
    chatty.attributes = usual();
    const auto few = chatty.attributes.size();
    while (chatty.attributes.size() < 64) chatty.attributes.push_back(attribute("signingTime", {}));
    EXPECT_NE(verdict(verify(signed_data({signer_info(chatty)}, both))), "permerror limit");
    chatty.attributes.push_back(chatty.attributes[few]);
    EXPECT_EQ(verdict(verify(signed_data({signer_info(chatty)}, both))), "permerror limit");
    const std::string large = signed_data({one}, {both[0], both[1]}, std::string(2U << 20, 'x'));
    EXPECT_EQ(verdict(cms::verify_opaque(large, options())), "fail content-mismatch")
        << "only what is around the content is limited";
    Signer heavy;
    heavy.attributes = usual();
    heavy.attributes.push_back(attribute("signingTime", {octet_string(std::string(1U << 20, 'x'))}));
    const std::string around = signed_data({signer_info(heavy)}, both, content);
    EXPECT_EQ(verdict(cms::verify_opaque(around, options())), "permerror limit");

    const auto before = std::chrono::steady_clock::now();
    const std::string many = signed_data(std::vector(100'000, cms::der::wrap(cms::der::sequence, "")), both);
    EXPECT_EQ(verdict(cms::verify_opaque(many, options())), "permerror limit");
    EXPECT_EQ(verdict(verify(std::string(2U << 20, 'x'))), "permerror limit");
    std::string nest;
    for (int i = 0; i < 500'000; ++i) nest += "\x30\x80";
    EXPECT_EQ(verdict(verify(nest)), "neutral malformed");
    EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(5));
}

// --- signed attributes ---

TEST(Verify, WithoutAttributesIsPolicyAtMost)  // V09
{
    Signer s;
    s.no_attributes = true;
    EXPECT_EQ(verdict(verify(crafted(s))), "policy missing-attributes");
    EXPECT_EQ(verdict(verify(crafted(s), content + "x")), "fail bad-signature missing-attributes");
    Signer rsa;
    rsa.no_attributes = true;
    rsa.who = &alice_rsa();
    rsa.signature_name = "rsaEncryption";
    EXPECT_EQ(verdict(verify(crafted(rsa))), "policy missing-attributes");
}

TEST(Verify, WithoutAttributesTheContentIsHashedOnceForAllSigners)  // V18
{
    // Eight signers, sixteen certificates each: a large content must not be
    // hashed for every pair.
    const std::string large = "X: y\r\n\r\n" + std::string(8U << 20, 'x');
    Signer s;
    s.no_attributes = true;
    s.by_key_identifier = true;
    s.signed_content = large;
    s.signature = raw_signature(pki().bob, large, EVP_sha256());
    std::vector<cms::Certificate> same_key;
    same_key.reserve(16);
    for (long i = 0; i < 16; ++i)
        same_key.push_back(altered(pki().alice.certificate, pki().sub,
                                   [&](X509* x) { ASN1_INTEGER_set(X509_get_serialNumber(x), i + 1); }));
    const auto before = std::chrono::steady_clock::now();
    const auto v = verify(signed_data(std::vector(8, signer_info(s)), same_key), large);
    EXPECT_TRUE(all(v).has(Finding::bad_signature));
    EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(3));
}

TEST(Verify, AttributesDisguisedAsContentAreAForgery)  // V09
{
    // From an honest signature: its attributes become the content.
    Signer honest;
    honest.attributes = usual();
    const std::string signed_octets =
        cms::der::wrap(cms::der::set, honest.attributes[0] + honest.attributes[1]);
    Signer forged;
    forged.no_attributes = true;
    forged.signed_content = signed_octets;
    const std::string der = crafted(forged);
    EXPECT_EQ(verdict(verify(der, signed_octets)), "fail forgery-pattern missing-attributes");
    // The same when the disguise is opaque.
    EXPECT_EQ(verdict(cms::verify_opaque(
                  signed_data({signer_info(forged)}, {pki().alice.certificate, pki().sub.certificate},
                              signed_octets),
                  options())),
              "fail forgery-pattern missing-attributes");
}

TEST(Verify, WithoutAttributesTheContentMustBeginLikeAnEntity)  // V09
{
    const auto judged = [](std::string_view what) {
        Signer s;
        s.no_attributes = true;
        s.signed_content = what;
        return all(verify(crafted(s), what)).has(Finding::forgery_pattern);
    };
    EXPECT_FALSE(judged("Content-Type: text/plain\r\n\r\nx"));
    EXPECT_FALSE(judged("X-1 : obsolete\r\n\r\nx"));
    EXPECT_FALSE(judged("1st: a name may begin with the octet of a SET\r\n\r\n"));
    EXPECT_FALSE(judged("\r\nno header"));
    EXPECT_TRUE(judged(""));
    EXPECT_TRUE(judged("no colon here"));
    EXPECT_TRUE(judged(": no name"));
    EXPECT_TRUE(judged(std::string(5000, 'a') + ": too long"));
}

TEST(Verify, MissingOrRepeatedAttributesFail)  // V12
{
    const auto t = content_type(), d = message_digest();
    const std::string twice =
        attribute("messageDigest", {octet_string(digest(content)), octet_string(digest("x"))});
    for (const auto& attributes : std::vector<std::vector<std::string>>{
             {d},                                                       // no contentType
             {t},                                                       // no messageDigest
             {},                                                        // none, but the field is there
             {t, t, d},                                                 // contentType twice
             {t, d, d},                                                 // messageDigest twice
             {t, twice},                                                // two values in one
             {t, attribute("messageDigest", {})},                       // no value
             {t, attribute("messageDigest", {oid("pkcs7-data")})},      // of another type
             {attribute("contentType", {oid("pkcs7-signedData")}), d},  // contradicts eContentType
         }) {
        const auto v = verify(crafted(attributes));
        EXPECT_TRUE(all(v).has(Finding::attribute_error)) << verdict(v);
        EXPECT_EQ(all(v).code(), cms::Code::fail);
    }
}

TEST(Verify, AttributesThatMustBeSingleAre)  // V12
{
    const std::string capability = cms::der::wrap(cms::der::sequence, algorithm("aes-256-cbc"));
    const auto with = [&](std::vector<std::string> more) {
        auto a = usual();
        for (auto& m : more) a.push_back(std::move(m));
        return verdict(verify(crafted(a)));
    };
    EXPECT_EQ(with({attribute("SMIME-CAPS", {capability})}), "pass");
    EXPECT_EQ(with({attribute("SMIME-CAPS", {capability, capability})}), "fail attribute-error");
    EXPECT_EQ(with({attribute("SMIME-CAPS", {})}), "fail attribute-error");
    EXPECT_EQ(with({attribute("SMIME-CAPS", {capability}), attribute("SMIME-CAPS", {capability})}),
              "fail attribute-error");
    EXPECT_EQ(with({attribute("id-smime-aa-encrypKeyPref", {capability, capability})}),
              "fail attribute-error");
    const std::string time = cms::der::wrap(cms::der::utc_time, "260601000000Z");
    EXPECT_EQ(with({attribute("signingTime", {time})}), "pass");
    EXPECT_EQ(with({attribute("signingTime", {time, time})}), "fail attribute-error");
    EXPECT_EQ(with({attribute("signingTime", {octet_string("now")})}), "fail attribute-error");
    EXPECT_EQ(with({attribute("signingTime", {cms::der::wrap(cms::der::utc_time, "no time")})}),
              "fail attribute-error");
}

TEST(Verify, AlgorithmProtectionMustAgree)
{
    const auto with = [&](const char* d, const char* s) {
        const std::string value =
            cms::der::wrap(cms::der::sequence, {algorithm(d), cms::der::wrap(cms::der::context(1), oid(s))});
        return verdict(
            verify(crafted({content_type(), message_digest(), attribute("1.2.840.113549.1.9.52", {value})})));
    };
    EXPECT_EQ(with("sha256", "ecdsa-with-SHA256"), "pass");
    EXPECT_EQ(with("sha512", "ecdsa-with-SHA256"), "fail attribute-error");
    EXPECT_EQ(with("sha256", "rsaEncryption"), "fail attribute-error");
}

TEST(Verify, SigningTimeFarInTheFutureIsPolicy)
{
    using namespace std::chrono_literals;
    const auto at_time = [](base::Time t) {
        cms::SignRequest r;
        r.certificate = &pki().alice.certificate;
        r.key = pki().alice.key.get();
        r.chain = &pki().chain;
        r.signing_time = t;
        const base::Octets pieces[] = {content};
        return verify(must(cms::sign(pieces, r)).der);
    };
    EXPECT_EQ(verdict(at_time(now + 25h)), "policy signing-time");
    const auto soon = at_time(now + 1h);
    EXPECT_EQ(verdict(soon), "pass");
    ASSERT_EQ(soon.signers.at(0).comments.size(), 1U);
    EXPECT_TRUE(at_time(now + 10min).signers.at(0).comments.empty());
    // Before the certificate was: noted, nothing more (a clock may be wrong).
    const auto early = at_time(start - 24h);
    EXPECT_EQ(verdict(early), "pass");
    EXPECT_EQ(early.signers.at(0).comments.size(), 1U);
    EXPECT_EQ(at_time(at("2055-01-01")).signers.at(0).signing_time, at("2055-01-01"));
}

// --- nobody's state ---

TEST(Verify, ThreadsShareTrustAndLeaveNothingBehind)
{
    const std::string good = sign(pki().alice), bad = sign(pki().alice) + "x";
    std::array<std::thread, 4> threads;
    std::array<int, 4> right{};
    for (std::size_t i = 0; i < threads.size(); ++i)
        threads[i] = std::thread([&, i] {
            for (int n = 0; n < 10; ++n)
                right[i] += verdict(verify(good)) == "pass" &&
                            verdict(verify(bad)) == "neutral trailing-data" &&
                            verdict(verify("junk")) == "neutral malformed";
        });
    for (auto& t : threads) t.join();
    for (const int n : right) EXPECT_EQ(n, 10);
}

}  // namespace
