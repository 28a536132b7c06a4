#include <gtest/gtest.h>
#include <openssl/rsa.h>

#include <map>

#include "cms/decrypt.h"
#include "cms/der.h"
#include "cms/encrypt.h"
#include "cms_fixture.h"

namespace
{

using namespace fixture;

const std::string secret = "Content-Type: text/plain\r\n\r\nAttack at dawn \r\n.\r\n";

std::string encrypt_for(std::vector<cms::Certificate> who, cms::Cipher cipher = cms::Cipher::aes256_cbc,
                        cms::KeyTransport transport = cms::KeyTransport::pkcs1,
                        std::string_view what = secret)
{
    const base::Octets pieces[] = {what.substr(0, what.size() / 3), what.substr(what.size() / 3)};
    return must(cms::encrypt(pieces, {who, cipher, transport}));
}

std::string decrypt_by(const cms::Identity& who, std::string_view der,
                       const cms::EnvelopedLimits& limits = {})
{
    const auto message = cms::Enveloped::read(der, limits);
    if (!message) return "refused: " + message.error().what;
    auto plain = message->decrypt(who.certificate, *who.key);
    return plain ? *plain : "failed: " + plain.error().what;
}

const cms::Identity& on_curve(const std::string& curve)
{
    static std::map<std::string, cms::Identity> made;
    const auto at = made.find(curve);
    if (at != made.end()) return at->second;
    return made.emplace(curve, pki().leaf("On " + curve, [&](auto& r) { r.curve = curve; })).first->second;
}

bool has(std::string_view der, const char* oid)
{
    const std::unique_ptr<ASN1_OBJECT, void (*)(ASN1_OBJECT*)> object(OBJ_txt2obj(oid, 1), ASN1_OBJECT_free);
    unsigned char* out = nullptr;
    const int n = i2d_ASN1_OBJECT(object.get(), &out);
    const std::string wanted(reinterpret_cast<char*>(out), static_cast<std::size_t>(n));
    OPENSSL_free(out);
    return der.find(wanted) != std::string_view::npos;
}

TEST(Encrypt, EveryCipherAndKeyComesBackAsItWas)
{
    for (const auto cipher : {cms::Cipher::aes128_cbc, cms::Cipher::aes192_cbc, cms::Cipher::aes256_cbc,
                              cms::Cipher::aes128_gcm, cms::Cipher::aes256_gcm})
        for (const auto* who : {&alice_rsa(), &pki().alice, &on_curve("P-384"), &on_curve("P-521")}) {
            const std::string der = encrypt_for({who->certificate}, cipher);
            EXPECT_EQ(decrypt_by(*who, der), secret)
                << cms::name(cipher) << " " << who->certificate.subject();
            const auto message = must(cms::Enveloped::read(der));
            EXPECT_EQ(message.cipher(), cms::name(cipher));
            EXPECT_EQ(message.authenticated(), cms::authenticates(cipher));
            EXPECT_EQ(cms::cipher_named(message.cipher()), cipher);
        }
}

TEST(Encrypt, OaepUsesSha256Twice)
{
    const std::string der =
        encrypt_for({alice_rsa().certificate}, cms::Cipher::aes256_cbc, cms::KeyTransport::oaep);
    EXPECT_EQ(decrypt_by(alice_rsa(), der), secret);
    EXPECT_TRUE(has(der, "1.2.840.113549.1.1.7"));    // id-RSAES-OAEP
    EXPECT_TRUE(has(der, "2.16.840.1.101.3.4.2.1"));  // id-sha256
    EXPECT_TRUE(has(der, "1.2.840.113549.1.1.8"));    // id-mgf1
    EXPECT_FALSE(has(der, "1.3.14.3.2.26"));          // id-sha1
}

TEST(Encrypt, KeyAgreementUsesSha256AndAWrapAsStrongAsTheCipher)
{
    const std::string strong = encrypt_for({pki().alice.certificate}, cms::Cipher::aes256_cbc);
    EXPECT_TRUE(has(strong, "1.3.132.1.11.1"));           // dhSinglePass-stdDH-sha256kdf
    EXPECT_FALSE(has(strong, "1.3.133.16.840.63.0.2"));   // ... with the SHA-1 KDF
    EXPECT_TRUE(has(strong, "2.16.840.1.101.3.4.1.45"));  // id-aes256-wrap
    const std::string weaker = encrypt_for({pki().alice.certificate}, cms::Cipher::aes128_gcm);
    EXPECT_TRUE(has(weaker, "2.16.840.1.101.3.4.1.5"));  // id-aes128-wrap
    EXPECT_FALSE(has(weaker, "2.16.840.1.101.3.4.1.45"));
}

TEST(Encrypt, ManyKindsOfRecipientsReadTheSameMessage)
{
    const std::string der = encrypt_for({alice_rsa().certificate, pki().bob.certificate,
                                         on_curve("P-384").certificate, pki().bob.certificate});
    EXPECT_EQ(decrypt_by(alice_rsa(), der), secret);
    EXPECT_EQ(decrypt_by(pki().bob, der), secret);
    EXPECT_EQ(decrypt_by(on_curve("P-384"), der), secret);
    const auto message = must(cms::Enveloped::read(der));
    ASSERT_EQ(message.recipients().size(), 3U) << "a certificate counts once";
    EXPECT_EQ(message.recipients()[0].issuer, alice_rsa().certificate.issuer());
    EXPECT_EQ(message.recipients()[0].serial, alice_rsa().certificate.serial());
    EXPECT_TRUE(message.names(pki().bob.certificate));
    EXPECT_FALSE(message.names(pki().alice.certificate));
}

TEST(Encrypt, KeysAndNoncesAreFresh)
{
    for (const auto cipher : {cms::Cipher::aes256_cbc, cms::Cipher::aes256_gcm}) {
        const auto one = encrypt_for({alice_rsa().certificate}, cipher);
        const auto two = encrypt_for({alice_rsa().certificate}, cipher);
        ASSERT_EQ(one.size(), two.size());
        std::size_t same = 0;
        for (std::size_t i = one.size() - secret.size(); i < one.size(); ++i)
            same += one[i] == two[i] ? 1U : 0U;
        EXPECT_LT(same, secret.size() / 2);
    }
}

TEST(Encrypt, EmptyAndLargeContentIsKept)
{
    const std::string large(3 << 20, 'x');
    for (const std::string& what : {std::string(), std::string(1, '\0'), large})
        for (const auto cipher : {cms::Cipher::aes256_cbc, cms::Cipher::aes256_gcm})
            EXPECT_TRUE(decrypt_by(pki().alice, encrypt_for({pki().alice.certificate}, cipher, {}, what)) ==
                        what)
                << what.size() << " " << cms::name(cipher);
}

TEST(Encrypt, UnfitCertificatesAreRefusedWithTheReason)
{
    const auto why = [](const cms::Identity& i) {
        return cms::unfit_for_encryption(i.certificate).value_or("fit");
    };
    EXPECT_EQ(why(alice_rsa()), "fit");
    EXPECT_EQ(why(pki().alice), "fit");
    EXPECT_EQ(why(pki().leaf("weak", [](auto& r) { r.ec = false, r.rsa_bits = 1024; })),
              "its key has 1024 bits, wanted 2048 to 8192");
    EXPECT_EQ(why(pki().leaf("curve", [](auto& r) { r.curve = "brainpoolP256r1"; })),
              "its key is on the curve brainpoolP256r1, wanted P-256, P-384 or P-521");
    EXPECT_EQ(why(pki().leaf("ed", [](auto& r) { r.ec = false, r.ed25519 = true; })),
              "its key (Ed25519) cannot receive keys");
    EXPECT_EQ(why(pki().leaf("usage", [](auto& r) { r.key_usage = "digitalSignature"; })),
              "its key usage lacks keyAgreement");
    EXPECT_EQ(why(pki().leaf("usage", [](auto& r) { r.ec = false, r.key_usage = "digitalSignature"; })),
              "its key usage lacks keyEncipherment");
    EXPECT_EQ(why(pki().leaf("purpose", [](auto& r) { r.extended_key_usage = "serverAuth"; })),
              "its extended key usage lacks emailProtection");

    const auto weak = pki().leaf("usage", [](auto& r) { r.key_usage = "digitalSignature"; });
    const base::Octets pieces[] = {secret};
    const std::vector<cms::Certificate> mixed = {alice_rsa().certificate, weak.certificate};
    EXPECT_FALSE(cms::encrypt(pieces, {mixed, cms::Cipher::aes256_cbc, {}})) << "all recipients or none";
    EXPECT_FALSE(cms::encrypt(pieces, {{}, cms::Cipher::aes256_cbc, {}}));
}

// --- decryption ---

TEST(Decrypt, AKeyIsNotTriedOnMessagesThatDoNotNameItsCertificate)
{
    const std::string der = encrypt_for({alice_rsa().certificate});
    EXPECT_EQ(decrypt_by(pki().bob, der), "failed: the message is not encrypted for this certificate");
    // The same key in another certificate.
    const auto again = altered(alice_rsa().certificate, pki().sub,
                               [](X509* x) { ASN1_INTEGER_set(X509_get_serialNumber(x), 4711); });
    EXPECT_EQ(decrypt_by({again, alice_rsa().key}, der),
              "failed: the message is not encrypted for this certificate");
    EXPECT_EQ(decrypt_by({alice_rsa().certificate, pki().bob.key}, der),
              "failed: the private key does not belong to the certificate");
}

TEST(Decrypt, SubjectKeyIdentifiersNameCertificatesToo)
{
    const std::unique_ptr<BIO, int (*)(BIO*)> in(
        BIO_new_mem_buf(secret.data(), static_cast<int>(secret.size())), BIO_free);
    for (const auto* who : {&alice_rsa(), &pki().alice}) {
        BIO_reset(in.get());
        STACK_OF(X509)* none = nullptr;
        const std::unique_ptr<CMS_ContentInfo, void (*)(CMS_ContentInfo*)> cms(
            CMS_encrypt(none, nullptr, EVP_aes_256_cbc(), CMS_BINARY | CMS_PARTIAL), CMS_ContentInfo_free);
        CMS_add1_recipient_cert(cms.get(), who->certificate.native(), CMS_USE_KEYID);
        ASSERT_EQ(CMS_final(cms.get(), in.get(), nullptr, CMS_BINARY), 1);
        unsigned char* out = nullptr;
        const int n = i2d_CMS_ContentInfo(cms.get(), &out);
        const std::string der(reinterpret_cast<char*>(out), static_cast<std::size_t>(n));
        OPENSSL_free(out);
        EXPECT_EQ(decrypt_by(*who, der), secret);
        const auto message = must(cms::Enveloped::read(der));
        EXPECT_EQ(message.recipients().front().key_identifier.size(), 40U);
        EXPECT_EQ(message.recipients().front().issuer, "");
    }
}

TEST(Decrypt, TamperedAuthenticatedContentGivesNothing)
{
    std::string der = encrypt_for({alice_rsa().certificate}, cms::Cipher::aes256_gcm);
    for (const std::size_t back : {std::size_t{1}, std::size_t{16}, std::size_t{19}, std::size_t{30}}) {
        std::string changed = der;
        changed[changed.size() - back] = static_cast<char>(changed[changed.size() - back] ^ 1);
        EXPECT_EQ(decrypt_by(alice_rsa(), changed), "failed: the message cannot be decrypted with this key")
            << back;
    }
}

TEST(Decrypt, ACorruptedKeyBlockNeverThrowsAndNeverTellsWhy)
{
    const std::string der = encrypt_for({alice_rsa().certificate});
    // The encrypted key is the first OCTET STRING of 256 octets.
    const auto at = der.find("\x04\x82\x01\x00"s);
    ASSERT_NE(at, std::string::npos);
    for (std::size_t i = 0; i < 256; i += 5) {
        std::string changed = der;
        changed[at + 4 + i] = static_cast<char>(changed[at + 4 + i] ^ 0x40);
        const std::string plain = decrypt_by(alice_rsa(), changed);
        // Now and then CBC yields garbage that looks padded: that is why callers judge the content.
        EXPECT_NE(plain, secret);
        if (plain.starts_with("failed")) {
            EXPECT_EQ(plain, "failed: the message cannot be decrypted with this key");
        }
    }
}

// --- crafted structures: every message is refused before a key is used ---

// Elements of a message: rewrites the EncryptedContentInfo or what follows it.
struct Shape {
    std::string type = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03"s;
    std::string before, recipients, content, after;

    [[nodiscard]] std::string der() const
    {
        using namespace cms::der;
        return wrap(sequence, {wrap(object_identifier, type),
                               wrap(context(0), wrap(sequence, {before, recipients, content, after}))});
    }
};

Shape take_apart(std::string_view der)
{
    using namespace cms::der;
    Shape s;
    const auto info = Reader(der).next();
    Reader outer(info->body);
    s.type = outer.next()->body;
    Reader parts(Reader(outer.next()->body).next()->body);
    const auto one = [&] {
        const auto e = parts.next();
        return std::string(wrap(e->tag, e->body));
    };
    s.before = one();
    s.recipients = one();
    s.content = one();
    s.after = parts.rest();
    return s;
}

const std::string auth_enveloped = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17"s;
const std::string enveloped = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03"s;

std::string replaced(std::string in, const std::string& from, const std::string& to)
{
    const auto at = in.find(from);
    if (at == std::string::npos || from.size() != to.size()) throw std::runtime_error("nothing to replace");
    return in.replace(at, from.size(), to);
}

std::string fate(const std::string& der) { return decrypt_by(alice_rsa(), der); }

TEST(DecryptRefuses, ShortOrUnannouncedTags)
{
    const auto good = take_apart(encrypt_for({alice_rsa().certificate}, cms::Cipher::aes256_gcm));
    EXPECT_EQ(fate(good.der()), secret);
    ASSERT_EQ(good.after.size(), 18U);
    for (const std::size_t length :
         {std::size_t{0}, std::size_t{4}, std::size_t{8}, std::size_t{11}, std::size_t{15}}) {
        auto s = good;
        s.after = cms::der::wrap(cms::der::octet_string, good.after.substr(2, length));
        EXPECT_EQ(fate(s.der()), "refused: the authentication tag has not the length that is announced");
        // ICVlen says the same small number.
        s.content = replaced(s.content, "\x02\x01\x10"s, "\x02\x01"s + static_cast<char>(length));
        if (length < 12) {
            EXPECT_EQ(fate(s.der()), "refused: an authentication tag of less than 12 octets");
        } else {
            EXPECT_EQ(fate(s.der()), secret) << "RFC 5084 section 3.2 allows 12 to 16";
        }
    }
    auto s = good;
    s.content = replaced(s.content, "\x02\x01\x10"s, "\x02\x01\x11"s);
    EXPECT_EQ(fate(s.der()), "refused: an authentication tag of an unknown length");
}

TEST(DecryptRefuses, CiphersOfTheOtherContentType)
{
    auto cbc = take_apart(encrypt_for({alice_rsa().certificate}));
    cbc.type = auth_enveloped;
    cbc.after = cms::der::wrap(cms::der::octet_string, std::string(16, 'x'));
    EXPECT_EQ(fate(cbc.der()), "refused: the cipher aes256-cbc does not belong into AuthEnvelopedData");
    auto gcm = take_apart(encrypt_for({alice_rsa().certificate}, cms::Cipher::aes128_gcm));
    gcm.type = enveloped;
    gcm.after.clear();
    EXPECT_EQ(fate(gcm.der()), "refused: the cipher aes128-gcm does not belong into EnvelopedData");
}

TEST(DecryptRefuses, UnknownAndWeakCiphers)
{
    const auto good = take_apart(encrypt_for({alice_rsa().certificate}));
    auto s = good;
    s.content =
        replaced(s.content, "\x60\x86\x48\x01\x65\x03\x04\x01\x2a"s, "\x60\x86\x48\x01\x65\x03\x04\x01\x7f"s);
    EXPECT_EQ(fate(s.der()), "refused: a cipher that is not known");

    const std::unique_ptr<BIO, int (*)(BIO*)> in(
        BIO_new_mem_buf(secret.data(), static_cast<int>(secret.size())), BIO_free);
    const std::unique_ptr<CMS_ContentInfo, void (*)(CMS_ContentInfo*)> weak(
        CMS_encrypt(nullptr, nullptr, EVP_des_ede3_cbc(), CMS_BINARY | CMS_PARTIAL), CMS_ContentInfo_free);
    CMS_add1_recipient_cert(weak.get(), alice_rsa().certificate.native(), 0);
    ASSERT_EQ(CMS_final(weak.get(), in.get(), nullptr, CMS_BINARY), 1);
    unsigned char* out = nullptr;
    const int n = i2d_CMS_ContentInfo(weak.get(), &out);
    const std::string der(reinterpret_cast<char*>(out), static_cast<std::size_t>(n));
    OPENSSL_free(out);
    EXPECT_EQ(fate(der), "refused: the cipher des3-cbc is too weak");
    cms::EnvelopedLimits legacy;
    legacy.allow_3des = true;
    EXPECT_EQ(decrypt_by(alice_rsa(), der, legacy), secret) << "unless the administrator allows it";
}

TEST(DecryptRefuses, NoncesThatAreNotTwelveOctets)
{
    auto s = take_apart(encrypt_for({alice_rsa().certificate}, cms::Cipher::aes256_gcm));
    using namespace cms::der;
    Reader fields(Reader(s.content).next()->body);
    const auto type = fields.next();
    Reader algorithm(fields.next()->body);
    const auto oid = algorithm.next();
    const std::string params =
        wrap(sequence, {wrap(cms::der::octet_string, std::string(8, 'n')), small_integer(16)});
    s.content = wrap(sequence, {wrap(type->tag, type->body),
                                wrap(sequence, {wrap(oid->tag, oid->body), params}), fields.rest()});
    EXPECT_EQ(fate(s.der()), "refused: the nonce of AES-GCM has not 12 octets");
}

TEST(DecryptRefuses, TooManyRecipientsHoweverTheyAreHidden)
{
    using namespace cms::der;
    const auto many_transports = [] {
        auto s = take_apart(encrypt_for({alice_rsa().certificate}));
        const std::string one(Reader(s.recipients).next()->body);
        std::string all;
        for (int i = 0; i < 101; ++i) all += one;
        s.recipients = wrap(set, all);
        return s.der();
    }();
    EXPECT_EQ(fate(many_transports), "refused: more than 100 recipients");
    const auto many_in_one_agreement = [] {
        auto s = take_apart(encrypt_for({pki().alice.certificate}));
        Reader info(Reader(s.recipients).next()->body);
        Reader fields(info.next()->body);
        std::string rest;
        std::optional<Element> last;
        while (!fields.at_end()) {
            if (last) rest += wrap(last->tag, last->body);
            last = fields.next();
        }
        std::string keys;
        for (int i = 0; i < 100; ++i) keys += last->body;
        s.recipients = wrap(set, wrap(context(1), {rest, wrap(sequence, keys)}));
        return s.der();
    }();
    EXPECT_EQ(decrypt_by(pki().alice, many_in_one_agreement), "refused: more than 100 recipients");
}

TEST(DecryptRefuses, PasswordRecipientsWithoutLookingAtThem)
{
    using namespace cms::der;
    auto s = take_apart(encrypt_for({alice_rsa().certificate}));
    // [3] PasswordRecipientInfo of nonsense makes OpenSSL refuse the whole; a sound one is passed over.
    const std::unique_ptr<BIO, int (*)(BIO*)> in(
        BIO_new_mem_buf(secret.data(), static_cast<int>(secret.size())), BIO_free);
    const std::unique_ptr<CMS_ContentInfo, void (*)(CMS_ContentInfo*)> both(
        CMS_encrypt(nullptr, nullptr, EVP_aes_256_cbc(), CMS_BINARY | CMS_PARTIAL), CMS_ContentInfo_free);
    std::string password = "password";
    auto* copy = static_cast<unsigned char*>(OPENSSL_memdup(password.data(), password.size()));
    ASSERT_NE(CMS_add0_recipient_password(both.get(), -1, NID_undef, NID_undef, copy,
                                          static_cast<ossl_ssize_t>(password.size()), nullptr),
              nullptr);
    ASSERT_EQ(CMS_final(both.get(), in.get(), nullptr, CMS_BINARY), 1);
    unsigned char* out = nullptr;
    const int n = i2d_CMS_ContentInfo(both.get(), &out);
    const std::string der(reinterpret_cast<char*>(out), static_cast<std::size_t>(n));
    OPENSSL_free(out);
    const auto message = must(cms::Enveloped::read(der));
    EXPECT_TRUE(message.recipients().empty());
    EXPECT_FALSE(message.decrypt(alice_rsa().certificate, *alice_rsa().key));
}

TEST(DecryptRefuses, WhatIsNoEncryptedMessage)
{
    const std::string der = encrypt_for({alice_rsa().certificate});
    EXPECT_EQ(fate(""), "refused: malformed encrypted message");
    EXPECT_EQ(fate(sign(pki().alice)), "refused: neither EnvelopedData nor AuthEnvelopedData");
    EXPECT_EQ(fate(der + "x"), "refused: octets after the encrypted message");
    auto s = take_apart(der);
    s.content =
        replaced(s.content, "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"s, "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"s);
    EXPECT_EQ(fate(s.der()), "refused: what is encrypted is not id-data (RFC 8551 section 2.4)");
    for (std::size_t n = 0; n < der.size(); n += 3)
        EXPECT_TRUE(fate(der.substr(0, n)).starts_with("refused: ")) << n;
}

TEST(Decrypt, IndefiniteLengthsAreRead)
{
    using namespace cms::der;
    const auto s = take_apart(encrypt_for({alice_rsa().certificate}));
    const auto open = [](unsigned char tag, const std::string& body) {
        return std::string(1, static_cast<char>(tag)) + "\x80"s + body + "\0\0"s;
    };
    Reader fields(Reader(s.content).next()->body);
    const auto type = fields.next();
    const auto algorithm = fields.next();
    const auto octets = fields.next();
    std::string chunks;
    for (std::size_t i = 0; i < octets->body.size(); i += 10)
        chunks += wrap(cms::der::octet_string, octets->body.substr(i, 10));
    const std::string content =
        open(sequence,
             wrap(type->tag, type->body) + wrap(algorithm->tag, algorithm->body) + open(context(0), chunks));
    const std::string ber =
        open(sequence, wrap(object_identifier, enveloped) +
                           open(context(0), open(sequence, s.before + s.recipients + content)));
    EXPECT_EQ(fate(ber), secret);
}

}  // namespace
