// Files with keys and certificates: what opens, and what is refused how.
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>

#include "cms/container.h"
#include "cms_fixture.h"

namespace
{

using namespace fixture;
using base::Secret;
using cms::Format;

std::string memory(BIO* bio)
{
    char* data = nullptr;
    const long n = BIO_get_mem_data(bio, &data);
    std::string out(data, static_cast<std::size_t>(n));
    BIO_free(bio);
    return out;
}

std::string key_pem(const cms::Identity& who, const char* password = nullptr, bool traditional = false)
{
    BIO* bio = BIO_new(BIO_s_mem());
    const EVP_CIPHER* cipher = password != nullptr ? EVP_aes_256_cbc() : nullptr;
    auto* text = const_cast<char*>(password);
    if (traditional)
        PEM_write_bio_PrivateKey_traditional(bio, native(who), cipher, nullptr, 0, nullptr, text);
    else
        PEM_write_bio_PKCS8PrivateKey(bio, native(who), cipher, nullptr, 0, nullptr, text);
    return memory(bio);
}

std::string der_of(const std::string& pem)
{
    BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    char *name = nullptr, *header = nullptr;
    unsigned char* data = nullptr;
    long n = 0;
    PEM_read_bio(bio, &name, &header, &data, &n);
    std::string out(reinterpret_cast<char*>(data), static_cast<std::size_t>(n));
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(data);
    BIO_free(bio);
    return out;
}

std::string pkcs12(const cms::Identity& who, const char* password)
{
    return must(cms::make_pkcs12(*who.key, who.certificate, pki().chain, Secret(password)));
}

std::string error_of(const base::Result<cms::Container>& r) { return r ? "no error" : r.error().text(); }

bool contains(std::string_view text, std::string_view what)
{
    return text.find(what) != std::string_view::npos;
}

TEST(Recognise, GoesByTheOctets)
{
    const std::string pem = cms::to_pem(pki().alice.certificate);
    EXPECT_EQ(cms::recognise(pem), Format::pem);
    EXPECT_EQ(cms::recognise("Bag Attributes\n    friendlyName: x\n" + pem), Format::pem);
    EXPECT_EQ(cms::recognise(pki().alice.certificate.der()), Format::certificate);
    EXPECT_EQ(cms::recognise(pkcs12(pki().alice, "x")), Format::pkcs12);
    EXPECT_EQ(cms::recognise(make_crl(pki().root, {})), Format::crl);
    EXPECT_EQ(cms::recognise(make_crl(pki().root, {pki().sub.certificate})), Format::crl);
    EXPECT_EQ(cms::recognise(signed_data({}, {pki().alice.certificate})), Format::pkcs7);
    EXPECT_EQ(cms::recognise(der_of(key_pem(pki().alice))), Format::key);
    EXPECT_EQ(cms::recognise(der_of(key_pem(pki().alice, "secret"))), Format::key);
    EXPECT_EQ(cms::recognise(der_of(key_pem(alice_rsa(), nullptr, true))), Format::key);
    EXPECT_EQ(cms::recognise(der_of(key_pem(pki().alice, nullptr, true))), Format::key);
    for (const auto junk : {""sv, "junk"sv, "\x30"sv, "\x30\x00"sv, "-----BEGI"sv, "\0\0\0"sv})
        EXPECT_EQ(cms::recognise(junk), Format::unknown);
}

TEST(Container, Pkcs12ComesBackWhole)  // C04
{
    const Secret password("pässword");
    const std::string file =
        must(cms::make_pkcs12(*pki().alice.key, pki().alice.certificate, pki().chain, password));
    const auto c = must(cms::open_container(file, "alice.p12", &password));
    ASSERT_EQ(c.keys.size(), 1U);
    EXPECT_TRUE(must(c.keys[0]->matches(pki().alice.certificate)));
    EXPECT_FALSE(must(c.keys[0]->matches(pki().bob.certificate)));
    EXPECT_EQ(must(c.keys[0]->key_fingerprint()), pki().alice.certificate.key_fingerprint());
    ASSERT_EQ(c.certificates.size(), 2U);
    EXPECT_NE(std::find(c.certificates.begin(), c.certificates.end(), pki().alice.certificate),
              c.certificates.end());
    EXPECT_FALSE(c.legacy);
}

TEST(Container, WrongAndMissingPasswordsSaySo)  // C04
{
    const std::string file = pkcs12(pki().alice, "right");
    const Secret wrong("wrong"), empty("");
    EXPECT_EQ(error_of(cms::open_container(file, "a.p12", &wrong)),
              "a.p12: error: wrong password; check the file or credential that holds the password");
    EXPECT_EQ(error_of(cms::open_container(file, "a.p12", &empty)),
              "a.p12: error: wrong password; check the file or credential that holds the password");
    EXPECT_TRUE(
        contains(error_of(cms::open_container(file, "a.p12")), "encrypted, and no password was given"));

    const std::string key = key_pem(pki().alice, "right");
    EXPECT_TRUE(contains(error_of(cms::open_container(key, "k.pem", &wrong)), "wrong password"));
    EXPECT_TRUE(
        contains(error_of(cms::open_container(key, "k.pem")), "encrypted, and no password was given"));
    const std::string old = key_pem(alice_rsa(), "right", true);
    EXPECT_TRUE(contains(old, "DEK-Info")) << "the traditional way of encryption";
    EXPECT_TRUE(
        contains(error_of(cms::open_container(old, "k.pem")), "encrypted, and no password was given"));
    EXPECT_FALSE(cms::open_container(old, "k.pem", &wrong));
    const Secret right("right");
    EXPECT_EQ(must(cms::open_container(old, "k.pem", &right)).keys.size(), 1U);
    EXPECT_EQ(must(cms::open_container(key, "k.pem", &right)).keys.size(), 1U);
    EXPECT_EQ(must(cms::open_container(der_of(key), "k.der", &right)).keys.size(), 1U);
}

TEST(Container, EmptyPasswordOpensWithNoneAtAll)
{
    const std::string file = pkcs12(pki().alice, "");
    EXPECT_EQ(must(cms::open_container(file, "a.p12")).keys.size(), 1U);
    const Secret empty("");
    EXPECT_EQ(must(cms::open_container(file, "a.p12", &empty)).keys.size(), 1U);
}

// A PFX with what is given, encrypted with `scheme` in the context given.
std::string pfx(const std::vector<const cms::Identity*>& who, int scheme, const char* password,
                OSSL_LIB_CTX* context = nullptr)
{
    STACK_OF(PKCS12_SAFEBAG)* certificates = nullptr;
    STACK_OF(PKCS12_SAFEBAG)* keys = nullptr;
    for (const auto* i : who) {
        PKCS12_add_cert(&certificates, i->certificate.native());
        PKCS12_add_key_ex(&keys, native(*i), 0, 2048, scheme, password, context, nullptr);
    }
    STACK_OF(PKCS7)* safes = nullptr;
    PKCS12_add_safe_ex(&safes, certificates, scheme, 2048, password, context, nullptr);
    PKCS12_add_safe(&safes, keys, -1, 0, nullptr);
    PKCS12* made = PKCS12_add_safes(safes, 0);
    PKCS12_set_mac(made, password, -1, nullptr, 0, 2048, EVP_sha1());
    unsigned char* der = nullptr;
    const int n = i2d_PKCS12(made, &der);
    std::string out(reinterpret_cast<char*>(der), static_cast<std::size_t>(n));
    OPENSSL_free(der);
    PKCS12_free(made);
    sk_PKCS7_pop_free(safes, PKCS7_free);
    sk_PKCS12_SAFEBAG_pop_free(certificates, PKCS12_SAFEBAG_free);
    sk_PKCS12_SAFEBAG_pop_free(keys, PKCS12_SAFEBAG_free);
    return out;
}

TEST(Container, HoldsSeveralIdentities)  // C04
{
    const Secret password("x");
    const auto c = must(
        cms::open_container(pfx({&pki().alice, &pki().bob}, NID_aes_256_cbc, "x"), "two.p12", &password));
    ASSERT_EQ(c.keys.size(), 2U);
    EXPECT_EQ(c.certificates.size(), 2U);
    EXPECT_TRUE(must(c.keys[0]->matches(pki().alice.certificate)));
    EXPECT_TRUE(must(c.keys[1]->matches(pki().bob.certificate)));
}

TEST(Container, OldPkcs12OpensAndItsKeySigns)  // C04: RC2-40 and 3DES, in a context of their own
{
    OSSL_LIB_CTX* context = OSSL_LIB_CTX_new();
    OSSL_PROVIDER* legacy = OSSL_PROVIDER_load(context, "legacy");
    OSSL_PROVIDER* standard = OSSL_PROVIDER_load(context, "default");
    ASSERT_NE(legacy, nullptr) << "OpenSSL's legacy module is not installed";
    const Secret password("old"), wrong("new");
    for (const int scheme : {NID_pbe_WithSHA1And40BitRC2_CBC, NID_pbe_WithSHA1And3_Key_TripleDES_CBC}) {
        const std::string file = pfx({&pki().alice}, scheme, "old", context);
        EXPECT_TRUE(contains(error_of(cms::open_container(file, "old.p12", &wrong)), "wrong password"));
        const auto c = must(cms::open_container(file, "old.p12", &password));
        EXPECT_TRUE(c.legacy);
        ASSERT_EQ(c.keys.size(), 1U);
        EXPECT_EQ(verdict(verify(sign({pki().alice.certificate, c.keys[0]}))), "pass");
    }
    OSSL_PROVIDER_unload(standard);
    OSSL_PROVIDER_unload(legacy);
    OSSL_LIB_CTX_free(context);
    // The process itself still has no RC2.
    EXPECT_EQ(EVP_CIPHER_fetch(nullptr, "RC2-40-CBC", nullptr), nullptr);
}

std::string with_mac_rounds(const std::string& file, std::string_view number)
{
    namespace der = cms::der;
    der::Reader parts(der::Reader(file).next(der::sequence)->body);
    const auto version = parts.next().value(), safe = parts.next().value(), mac = parts.next().value();
    der::Reader fields(mac.body);
    const auto info = fields.next().value(), salt = fields.next().value();
    const std::string again = der::wrap(
        der::sequence,
        {der::wrap(info.tag, info.body), der::wrap(salt.tag, salt.body), der::wrap(der::integer, number)});
    return der::wrap(der::sequence,
                     {der::wrap(version.tag, version.body), der::wrap(safe.tag, safe.body), again});
}

TEST(Container, IterationBombsAreRefusedBeforeAnyWork)
{
    const Secret password("x");
    const std::string file = pkcs12(pki().alice, "x");
    for (const auto number :
         {"\x7f\xff\xff\xff"sv, "\x00\x98\x96\x81"sv, "\x7f\xff\xff\xff\xff\xff\xff\xff"sv,
          "\x7f\xff\xff\xff\xff\xff\xff\xff\xff\xff"sv, "\xff"sv}) {
        const auto e = error_of(cms::open_container(with_mac_rounds(file, number), "bomb.p12", &password));
        EXPECT_TRUE(contains(e, "more than 10000000 are refused")) << e;
    }
    // An encrypted key: PBKDF2 with 2^31 - 1 rounds, scrypt with N = 2^40.
    namespace der = cms::der;
    const auto key = [](const char* kdf, std::initializer_list<base::Octets> parameters) {
        const std::string derivation =
            der::wrap(der::sequence, {oid(kdf), der::wrap(der::sequence, parameters)});
        const std::string cipher =
            der::wrap(der::sequence, {oid("aes-256-cbc"), octet_string(std::string(16, 'i'))});
        const std::string scheme =
            der::wrap(der::sequence, {oid("PBES2"), der::wrap(der::sequence, {derivation, cipher})});
        return der::wrap(der::sequence, {scheme, octet_string(std::string(64, 'k'))});
    };
    const std::string salt = octet_string("saltsalt"), eight = der::small_integer(8);
    EXPECT_TRUE(contains(
        error_of(cms::open_container(key("PBKDF2", {salt, "\x02\x04\x7f\xff\xff\xff"sv}), "k", &password)),
        "are refused"));
    EXPECT_TRUE(
        contains(error_of(cms::open_container(
                     key("id-scrypt", {salt, "\x02\x06\x01\0\0\0\0\0"sv, eight, eight}), "k", &password)),
                 "are refused"));
    EXPECT_TRUE(contains(error_of(cms::open_container(key("1.2.3.4", {salt, eight}), "k", &password)),
                         "encryption parameters cannot be read"));
}

TEST(Container, PemHoldsAnythingInAnyOrder)
{
    const std::string pem = "some text\n" + key_pem(pki().alice) + cms::to_pem(pki().alice.certificate) +
                            "more\n" + cms::to_pem(pki().sub.certificate);
    const auto c = must(cms::open_container(pem, "a.pem"));
    EXPECT_EQ(c.keys.size(), 1U);
    EXPECT_EQ(c.certificates, (std::vector{pki().alice.certificate, pki().sub.certificate}));
    std::string crlf;
    for (const char ch : pem) crlf += ch == '\n' ? "\r\n" : std::string(1, ch);
    EXPECT_EQ(must(cms::open_container(crlf, "a.pem")).certificates.size(), 2U);
}

TEST(Container, KeysOfAllKindsOpen)
{
    for (const std::string& pem : {key_pem(alice_rsa()), key_pem(alice_rsa(), nullptr, true),
                                   key_pem(pki().alice), key_pem(pki().alice, nullptr, true)}) {
        EXPECT_EQ(must(cms::open_container(pem, "k.pem")).keys.size(), 1U);
        EXPECT_EQ(must(cms::open_container(der_of(pem), "k.der")).keys.size(), 1U);
    }
    const auto ed = pki().leaf("Ed", [](auto& r) { r.ed25519 = true; });
    const auto c = must(cms::open_container(must(cms::to_pem(*ed.key)), "ed.pem"));
    EXPECT_TRUE(must(c.keys.at(0)->matches(ed.certificate)));
}

TEST(Container, CertificateBagsAndListsOpen)
{
    const auto bag = must(cms::open_container(signed_data({}, pki().chain), "chain.p7c"));
    EXPECT_EQ(bag.certificates, pki().chain);
    EXPECT_EQ(must(cms::open_container(make_crl(pki().root, {}), "root.crl")).crls.size(), 1U);
    EXPECT_EQ(must(cms::open_container(pki().root.certificate.der(), "root.der")).certificates.size(), 1U);
}

TEST(Container, NothingAndNonsenseAreErrorsWithTheFilesName)
{
    EXPECT_EQ(error_of(cms::open_container("", "x.p12")), "x.p12: error: empty file");
    EXPECT_TRUE(contains(error_of(cms::open_container("hello", "x.p12")), "x.p12: error: neither PEM nor"));
    EXPECT_TRUE(contains(error_of(cms::open_container("-----BEGIN CERTIFICATE-----\nMIIB\n", "x.pem")),
                         "damaged PEM"));
    EXPECT_TRUE(contains(error_of(cms::open_container(
                             "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "x.pem")),
                         "x.pem: error: PEM block 1: not a certificate"));
    EXPECT_TRUE(contains(error_of(cms::open_container(
                             "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "x.pem")),
                         "no certificate, key or CRL in it"));
    EXPECT_TRUE(
        contains(error_of(cms::open_container(
                     "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", "x")),
                 "OpenSSH"));
}

TEST(Container, EveryTruncationIsAnError)
{
    const Secret password("x");
    for (const std::string& file :
         {pkcs12(pki().alice, "x"), pki().alice.certificate.der(), key_pem(pki().alice),
          signed_data({}, pki().chain), make_crl(pki().root, {})})
        for (std::size_t n = 0; n + 2 < file.size(); n += 1 + file.size() / 100)
            EXPECT_FALSE(cms::open_container(file.substr(0, n), "cut", &password)) << n;
}

TEST(Container, DamageNeverBreaksAnything)
{
    const Secret password("x");
    const std::string file = pkcs12(pki().alice, "x");
    for (std::size_t i = 0; i < file.size(); i += 97) {
        std::string bad = file;
        bad[i] = static_cast<char>(bad[i] ^ 0xff);
        const auto r = cms::open_container(bad, "bad.p12", &password);
        EXPECT_TRUE(r || !r.error().what.empty());
    }
}

TEST(Pem, RoundTrip)
{
    const std::string pem = must(cms::to_pem(*pki().alice.key));
    EXPECT_TRUE(pem.starts_with("-----BEGIN PRIVATE KEY-----\n"));
    const auto c = must(cms::open_container(pem + cms::to_pem(pki().alice.certificate), "a.pem"));
    EXPECT_TRUE(must(c.keys.at(0)->matches(c.certificates.at(0))));
}

}  // namespace
