// Making CMS SignedData: what is in it, octet by octet, and what is refused.
#include <gtest/gtest.h>

#include <thread>

#include "cms_fixture.h"

namespace
{

using namespace fixture;
using cms::Digest;

// OpenSSL's view of what we made.
struct Parsed {
    explicit Parsed(const std::string& der)
    {
        const auto* at = reinterpret_cast<const unsigned char*>(der.data());
        const auto* begin = at;
        cms.reset(d2i_CMS_ContentInfo(nullptr, &at, static_cast<long>(der.size())));
        if (!cms || at != begin + der.size()) throw std::runtime_error("d2i_CMS_ContentInfo");
        signers = CMS_get0_SignerInfos(cms.get());
        signer = sk_CMS_SignerInfo_value(signers, 0);
    }
    [[nodiscard]] int values(int nid) const
    {
        const int i = CMS_signed_get_attr_by_NID(signer, nid, -1);
        if (i < 0) return 0;
        if (CMS_signed_get_attr_by_NID(signer, nid, i) >= 0) return -1;  // twice
        return X509_ATTRIBUTE_count(CMS_signed_get_attr(signer, i));
    }
    [[nodiscard]] std::string value(int nid) const
    {
        const int i = CMS_signed_get_attr_by_NID(signer, nid, -1);
        const ASN1_TYPE* t = X509_ATTRIBUTE_get0_type(CMS_signed_get_attr(signer, i), 0);
        const ASN1_STRING* s = t->value.asn1_string;
        return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(s)),
                static_cast<std::size_t>(ASN1_STRING_length(s))};
    }
    [[nodiscard]] int value_type(int nid) const
    {
        return ASN1_TYPE_get(X509_ATTRIBUTE_get0_type(
            CMS_signed_get_attr(signer, CMS_signed_get_attr_by_NID(signer, nid, -1)), 0));
    }

    std::unique_ptr<CMS_ContentInfo, void (*)(CMS_ContentInfo*)> cms{nullptr, CMS_ContentInfo_free};
    STACK_OF(CMS_SignerInfo) * signers = nullptr;
    CMS_SignerInfo* signer = nullptr;
};

cms::SignRequest request_for(const cms::Identity& who)
{
    cms::SignRequest r;
    r.certificate = &who.certificate;
    r.key = who.key.get();
    r.chain = &pki().chain;
    return r;
}

base::Result<cms::SignResult> signed_by(const cms::SignRequest& r)
{
    const base::Octets pieces[] = {content};
    return cms::sign(pieces, r);
}

bool openssl_verifies(const std::string& der, bool detached, unsigned more_flags = 0)
{
    const Parsed p(der);
    const std::unique_ptr<X509_STORE, void (*)(X509_STORE*)> store(X509_STORE_new(), X509_STORE_free);
    X509_STORE_add_cert(store.get(), pki().root.certificate.native());
    X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store.get()), now.time_since_epoch().count());
    const std::unique_ptr<BIO, int (*)(BIO*)> in(
        BIO_new_mem_buf(content.data(), static_cast<int>(content.size())), BIO_free);
    return CMS_verify(p.cms.get(), nullptr, store.get(), detached ? in.get() : nullptr, nullptr,
                      CMS_BINARY | more_flags) == 1;
}

TEST(Sign, DetachedHasNoContentAndOneSignerByIssuerAndSerial)  // S14
{
    const Parsed p(must(signed_by(request_for(pki().alice))).der);
    EXPECT_EQ(CMS_is_detached(p.cms.get()), 1);
    EXPECT_EQ(OBJ_obj2nid(CMS_get0_eContentType(p.cms.get())), NID_pkcs7_data);
    EXPECT_EQ(sk_CMS_SignerInfo_num(p.signers), 1);
    ASN1_OCTET_STRING* key_id = nullptr;
    X509_NAME* issuer = nullptr;
    ASN1_INTEGER* serial = nullptr;
    CMS_SignerInfo_get0_signer_id(p.signer, &key_id, &issuer, &serial);
    EXPECT_EQ(key_id, nullptr);
    EXPECT_EQ(CMS_SignerInfo_cert_cmp(p.signer, pki().alice.certificate.native()), 0);
}

TEST(Sign, EncodingIsDer)  // S14: what OpenSSL encodes anew is the same octets
{
    for (const bool detached : {true, false}) {
        const std::string der = sign(pki().alice, detached);
        const Parsed p(der);
        unsigned char* again = nullptr;
        const int n = i2d_CMS_ContentInfo(p.cms.get(), &again);
        EXPECT_EQ(std::string(reinterpret_cast<char*>(again), static_cast<std::size_t>(n)), der);
        OPENSSL_free(again);
    }
}

TEST(Sign, OpaqueCarriesExactlyTheContent)  // S15
{
    const std::string der = sign(pki().alice, false);
    const Parsed p(der);
    ASN1_OCTET_STRING** inside = CMS_get0_content(p.cms.get());
    ASSERT_TRUE(inside != nullptr && *inside != nullptr);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(*inside)),
                          static_cast<std::size_t>(ASN1_STRING_length(*inside))),
              content);
    EXPECT_TRUE(openssl_verifies(der, false));
}

TEST(Sign, OpenSslVerifiesEveryKindOfKeyItKnows)  // S16
{
    EXPECT_TRUE(openssl_verifies(sign(pki().alice), true));
    EXPECT_TRUE(openssl_verifies(sign(alice_rsa()), true));
    for (const char* curve : {"P-384", "P-521"}) {
        const auto who = pki().leaf(curve, [&](auto& r) { r.curve = curve; });
        EXPECT_TRUE(openssl_verifies(sign(who), true)) << curve;
    }
}

TEST(Sign, AttributesAreThereExactlyOnce)  // S50
{
    const Parsed p(sign(pki().alice));
    EXPECT_EQ(CMS_signed_get_attr_count(p.signer), 5);
    for (const int nid : {NID_pkcs9_contentType, NID_pkcs9_messageDigest, NID_pkcs9_signingTime,
                          NID_SMIMECapabilities, NID_id_smime_aa_signingCertificateV2})
        EXPECT_EQ(p.values(nid), 1) << OBJ_nid2sn(nid);
    EXPECT_EQ(p.value(NID_pkcs9_messageDigest), digest(content));
    EXPECT_EQ(CMS_unsigned_get_attr_count(p.signer), -1);
}

TEST(Sign, SigningTimeIsThereWhenAskedFor)  // S52
{
    auto r = request_for(pki().alice);
    EXPECT_EQ(Parsed(must(signed_by(r)).der).values(NID_pkcs9_signingTime), 0);
    r.signing_time = now;
    const Parsed p(must(signed_by(r)).der);
    EXPECT_EQ(p.value_type(NID_pkcs9_signingTime), V_ASN1_UTCTIME);
    EXPECT_EQ(p.value(NID_pkcs9_signingTime), "260601000000Z");
    r.signing_time = at("2050-01-01");
    const Parsed later(must(signed_by(r)).der);
    EXPECT_EQ(later.value_type(NID_pkcs9_signingTime), V_ASN1_GENERALIZEDTIME);
    EXPECT_EQ(later.value(NID_pkcs9_signingTime), "20500101000000Z");
}

TEST(Sign, CapabilitiesAreAesAndNothingWeaker)  // S53
{
    const Parsed p(sign(pki().alice));
    EXPECT_EQ(p.value(NID_SMIMECapabilities),
              cms::der::wrap(cms::der::sequence, {algorithm("aes-256-cbc"), algorithm("aes-128-cbc")}));
}

TEST(Sign, SigningCertificateNamesTheSigner)  // S54: CMS_CADES demands and checks it
{
    EXPECT_TRUE(openssl_verifies(sign(pki().alice), true, CMS_CADES));
    EXPECT_TRUE(openssl_verifies(sign(alice_rsa()), true, CMS_CADES));
}

TEST(Sign, ChainGoesAlongWithoutSelfSignedOnes)  // S55
{
    auto r = request_for(pki().alice);
    const std::vector<cms::Certificate> chain{pki().sub.certificate, pki().root.certificate,
                                              pki().sub.certificate, pki().alice.certificate};
    r.chain = &chain;
    const Parsed p(must(signed_by(r)).der);
    STACK_OF(X509)* certificates = CMS_get1_certs(p.cms.get());
    EXPECT_EQ(sk_X509_num(certificates), 2);
    sk_X509_pop_free(certificates, X509_free);
    r.chain = nullptr;
    EXPECT_TRUE(signed_by(r));
}

TEST(Sign, DigestFollowsTheKeyUnlessTold)  // S57, S02
{
    const auto p384 = pki().leaf("384", [](auto& r) { r.curve = "P-384"; });
    const auto p521 = pki().leaf("521", [](auto& r) { r.curve = "P-521"; });
    const auto ed = pki().leaf("Ed", [](auto& r) { r.ed25519 = true; });
    const auto used = [](const cms::Identity& who, Digest wanted) {
        auto r = request_for(who);
        r.digest = wanted;
        const auto made = must(signed_by(r));
        const auto v = verify(made.der);
        EXPECT_EQ(verdict(v), "pass");
        EXPECT_EQ(v.signers.at(0).digest, made.digest.algorithm);
        return made.digest.algorithm;
    };
    EXPECT_EQ(used(alice_rsa(), Digest::automatic), "sha256");
    EXPECT_EQ(used(pki().alice, Digest::automatic), "sha256");
    EXPECT_EQ(used(p384, Digest::automatic), "sha384");
    EXPECT_EQ(used(p521, Digest::automatic), "sha512");
    EXPECT_EQ(used(alice_rsa(), Digest::sha384), "sha384");
    EXPECT_EQ(used(alice_rsa(), Digest::sha512), "sha512");
    EXPECT_EQ(used(ed, Digest::automatic), "sha512");
    EXPECT_EQ(used(ed, Digest::sha256), "sha512") << "the only one for Ed25519";
    EXPECT_STREQ(cms::micalg(Digest::sha256), "sha-256");
    EXPECT_STREQ(cms::micalg(Digest::sha384), "sha-384");
    EXPECT_STREQ(cms::micalg(Digest::sha512), "sha-512");
    EXPECT_STREQ(cms::name(Digest::sha512), "sha512");
}

TEST(Sign, KeysThatCannotSignAreRefusedInClearWords)  // S57
{
    const auto refused = [](const cms::Identity& who, std::string_view words) {
        const auto r = signed_by(request_for(who));
        ASSERT_FALSE(r);
        EXPECT_NE(r.error().what.find(words), std::string::npos) << r.error().text();
        EXPECT_FALSE(r.error().remedy.empty());
    };
    refused(pki().leaf("Short",
                       [](auto& r) {
                           r.ec = false;
                           r.rsa_bits = 1024;
                       }),
            "RSA 1024 cannot sign here: too short");
    refused(pki().leaf("Koblitz", [](auto& r) { r.curve = "secp256k1"; }), "EC secp256k1");

    for (const char* kind : {"ED448", "X25519"}) {
        EVP_PKEY* key = EVP_PKEY_Q_keygen(nullptr, nullptr, kind);
        const auto c = altered(pki().alice.certificate, pki().sub, [&](X509* x) { X509_set_pubkey(x, key); });
        refused({c, std::make_shared<const cms::PrivateKey>(cms::NativeKey(key, EVP_PKEY_free))},
                "cannot sign here");
    }
}

TEST(Sign, PssUsesTheDigestForEverything)  // S58
{
    for (const auto& [d, size] :
         {std::pair{Digest::sha256, 32}, {Digest::sha384, 48}, {Digest::sha512, 64}}) {
        auto r = request_for(alice_rsa());
        r.padding = cms::Padding::pss;
        r.digest = d;
        const std::string der = must(signed_by(r)).der;
        EXPECT_TRUE(openssl_verifies(der, true));
        const Parsed p(der);
        X509_ALGOR* algorithm = nullptr;
        CMS_SignerInfo_get0_algs(p.signer, nullptr, nullptr, nullptr, &algorithm);
        const ASN1_OBJECT* object = nullptr;
        int type = 0;
        const void* value = nullptr;
        X509_ALGOR_get0(&object, &type, &value, algorithm);
        EXPECT_EQ(OBJ_obj2nid(object), NID_rsassaPss);
        const auto* text = static_cast<const ASN1_STRING*>(value);
        const std::string parameters(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                                     static_cast<std::size_t>(ASN1_STRING_length(text)));
        EXPECT_TRUE(parameters.ends_with("\xa2\x03\x02\x01"s + static_cast<char>(size)));
        const std::string hash = oid(cms::name(d));
        const auto first = parameters.find(hash);
        ASSERT_NE(first, std::string::npos);
        EXPECT_NE(parameters.find(hash, first + 1), std::string::npos) << "MGF1 with the same hash";
    }
}

TEST(Sign, KeysRestrictedToPssAlwaysUseIt)  // S58
{
    EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, "RSA-PSS", nullptr);
    EVP_PKEY* key = nullptr;
    EVP_PKEY_keygen_init(context);
    EVP_PKEY_generate(context, &key);
    EVP_PKEY_CTX_free(context);
    const auto c = altered(pki().alice.certificate, pki().sub, [&](X509* x) { X509_set_pubkey(x, key); });
    const cms::Identity who{c, std::make_shared<const cms::PrivateKey>(cms::NativeKey(key, EVP_PKEY_free))};
    const auto v = verify(sign(who));
    EXPECT_EQ(verdict(v), "pass");
    EXPECT_EQ(v.signers.at(0).signature, "rsa-pss");
}

TEST(Sign, ForeignKeyIsRefused)
{
    auto r = request_for(pki().alice);
    r.key = pki().bob.key.get();
    const auto failed = signed_by(r);
    ASSERT_FALSE(failed);
    EXPECT_NE(failed.error().what.find("not that of the certificate"), std::string::npos);
}

TEST(Sign, KeyLoadsOnFirstUseAndAFailureIsTriedAgain)
{
    int asked = 0;
    const cms::PrivateKey lazy([&]() -> base::Result<cms::NativeKey> {
        if (++asked == 1) return base::fail(base::Code::temporary, "token", "not there yet");
        return pki().alice.key->native();
    });
    auto r = request_for(pki().alice);
    r.key = &lazy;
    EXPECT_EQ(asked, 0);
    const auto first = signed_by(r);
    ASSERT_FALSE(first);
    EXPECT_EQ(first.error().what, "not there yet");
    EXPECT_TRUE(signed_by(r));
    EXPECT_TRUE(signed_by(r));
    EXPECT_EQ(asked, 2);
}

TEST(Sign, OneKeyServesSeveralThreads)  // S16
{
    std::vector<std::thread> threads;
    std::array<bool, 4> good{};
    threads.reserve(good.size());
    for (std::size_t i = 0; i < good.size(); ++i)
        threads.emplace_back([&, i] { good[i] = verdict(verify(sign(pki().alice))) == "pass"; });
    for (auto& t : threads) t.join();
    for (const bool g : good) EXPECT_TRUE(g);
}

}  // namespace
