#include "cms/der.h"
#include "cms/key_material.h"

namespace cms
{
namespace
{

base::Result<> keep(EVP_PKEY* key, const Opening& opening, const ossl::ErrorScope& errors, Container& out)
{
    if (key == nullptr) return opening.damaged("private key cannot be read: " + errors.text());
    out.keys.push_back(std::make_shared<const PrivateKey>(NativeKey(key, EVP_PKEY_free)));
    return {};
}

}  // namespace

base::Result<> add_certificate(base::Octets der, const Opening& opening, Container& out)
{
    auto certificate = Certificate::from_der(der);
    if (!certificate) return opening.damaged(certificate.error().what);
    out.certificates.push_back(std::move(*certificate));
    return {};
}

base::Result<> add_certificate(X509* x509, const Opening& opening, Container& out)
{
    auto certificate = Certificate::from_native(x509);
    if (!certificate) return opening.damaged(certificate.error().what);
    out.certificates.push_back(std::move(*certificate));
    return {};
}

base::Result<> add_crl(base::Octets der, const Opening& opening, Container& out)
{
    const ossl::ErrorScope errors;
    const unsigned char* at = ossl::bytes(der);
    const ossl::CrlPtr crl(d2i_X509_CRL(nullptr, &at, static_cast<long>(der.size())));
    if (!crl) return opening.damaged("damaged CRL: " + errors.text());
    out.crls.emplace_back(der);
    return {};
}

base::Result<> add_pkcs7(base::Octets der, const Opening& opening, Container& out)
{
    const ossl::ErrorScope errors;
    const unsigned char* at = ossl::bytes(der);
    const ossl::CmsPtr cms(d2i_CMS_ContentInfo(nullptr, &at, static_cast<long>(der.size())));
    if (!cms) return opening.damaged("damaged PKCS#7: " + errors.text());
    const ossl::X509StackPtr certificates(CMS_get1_certs(cms.get()));
    for (int i = 0; i < sk_X509_num(certificates.get()); ++i)
        if (auto ok = add_certificate(sk_X509_value(certificates.get(), i), opening, out); !ok) return ok;
    const ossl::CrlStackPtr crls(CMS_get1_crls(cms.get()));
    for (int i = 0; i < sk_X509_CRL_num(crls.get()); ++i)
        out.crls.push_back(ossl::encode(sk_X509_CRL_value(crls.get(), i), i2d_X509_CRL));
    return {};
}

base::Result<> add_plain_key(const PKCS8_PRIV_KEY_INFO* key, const Opening& opening, Container& out)
{
    const ossl::ErrorScope errors;
    return keep(key != nullptr ? EVP_PKCS82PKEY(key) : nullptr, opening, errors, out);
}

base::Result<> add_encrypted_key(const X509_SIG* key, Opening& opening, LegacyContext& legacy,
                                 const char* password, int size, Container& out)
{
    const ossl::ErrorScope errors;
    const X509_ALGOR* algorithm = nullptr;
    X509_SIG_get0(key, &algorithm, nullptr);
    const auto scheme = examine(algorithm, opening);
    if (!scheme) return base::fail(scheme.error());
    if (auto ok = opening.spend(scheme->rounds); !ok) return ok;
    out.legacy = out.legacy || scheme->outdated;
    OSSL_LIB_CTX* context = nullptr;
    if (scheme->legacy_provider) {
        const auto got = legacy.get(opening);
        if (!got) return base::fail(got.error());
        context = *got;
    }
    const ossl::Pkcs8Ptr plain(PKCS8_decrypt_ex(key, password, size, context, nullptr));
    if (!plain) return opening.password == nullptr ? opening.password_needed() : opening.password_wrong();
    // The key lives in the process's own context, whatever it was wrapped with.
    return add_plain_key(plain.get(), opening, out);
}

base::Result<> add_key(base::Octets der, Opening& opening, Container& out)
{
    const ossl::ErrorScope errors;
    const auto size = static_cast<long>(der.size());
    const unsigned char* at = ossl::bytes(der);
    const auto outer = der::Reader(der).next(der::sequence);
    if (!outer) return opening.damaged("private key cannot be read");
    der::Reader fields(outer->body);
    if (fields.next(der::sequence)) {
        const ossl::EncryptedKeyPtr key(d2i_X509_SIG(nullptr, &at, size));
        if (!key) return opening.damaged("encrypted private key cannot be read: " + errors.text());
        if (opening.password == nullptr) return opening.password_needed();
        LegacyContext legacy;
        const std::string& password = opening.password->reveal();
        return add_encrypted_key(key.get(), opening, legacy, password.data(),
                                 static_cast<int>(password.size()), out);
    }
    fields.next(der::integer);
    const auto second = fields.next();
    if (second && second->tag == der::sequence) {
        const ossl::Pkcs8Ptr key(d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, size));
        if (!key) return opening.damaged("private key cannot be read: " + errors.text());
        return add_plain_key(key.get(), opening, out);
    }
    // PKCS#1 goes on with the modulus, RFC 5915 with the key's octets; the
    // numbers of a DSA key begin with p as well, and are more than two primes.
    const bool ec = second && second->tag == der::octet_string;
    const bool rsa = der::count(outer->body, 9).value_or(0) == 9;
    return keep(d2i_PrivateKey(ec    ? EVP_PKEY_EC
                               : rsa ? EVP_PKEY_RSA
                                     : EVP_PKEY_DSA,
                               nullptr, &at, size),
                opening, errors, out);
}

}  // namespace cms
