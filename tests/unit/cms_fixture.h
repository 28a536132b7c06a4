// What the tests of cms/ and store/ share: a small PKI, made once, and tools to
// craft messages that no honest signer makes.
#pragma once

#include <openssl/cms.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509v3.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cms/der.h"
#include "cms/sign.h"
#include "cms/test_ca.h"
#include "cms/trust.h"
#include "cms/verify.h"

namespace fixture
{

using namespace std::string_literals;
using namespace std::string_view_literals;

// A value, or the text of the error as an exception that fails the test.
template <class T>
T must(base::Result<T> r)
{
    if (!r) throw std::runtime_error(r.error().text());
    return std::move(*r);
}

inline base::Time at(std::string_view text) { return must(base::parse_time(text)); }
inline const base::Time start = at("2026-01-01"), now = at("2026-06-01"), end = at("2030-01-01");

inline const std::string content =
    "Content-Type: text/plain; charset=utf-8\r\n\r\nHello \r\n.\r\ntrailing blank \r\n\r\n";

inline cms::CertificateRequest request(std::string name, std::vector<std::string> addresses = {})
{
    cms::CertificateRequest r;
    r.common_name = std::move(name);
    r.addresses = std::move(addresses);
    r.ec = true;
    r.not_before = start;
    r.not_after = end;
    return r;
}

inline cms::CertificateRequest ca_request(std::string name)
{
    auto r = request(std::move(name));
    r.ca = true;
    return r;
}

// Root, intermediate, and alice with the usual kinds of key.
struct Pki {
    cms::Identity root = must(cms::issue(ca_request("Test Root"), nullptr));
    cms::Identity sub = must(cms::issue(ca_request("Test Sub CA"), &root));
    cms::Identity alice = leaf("Alice");
    cms::Identity bob = must(cms::issue(request("Bob", {"bob@example.org"}), &sub));
    std::vector<cms::Certificate> chain{sub.certificate};
    cms::Trust trust = must(cms::Trust::make({{root.certificate}, {}, {}}));

    [[nodiscard]] cms::Identity leaf(
        const std::string& name,
        const std::function<void(cms::CertificateRequest&)>& change = [](auto&) {}) const
    {
        auto r = request(name, {"alice@example.org"});
        change(r);
        return must(cms::issue(r, &sub));
    }
};

inline const Pki& pki()
{
    static const Pki once;
    return once;
}

inline const cms::Identity& alice_rsa()
{
    static const cms::Identity once = pki().leaf("Alice RSA", [](auto& r) { r.ec = false; });
    return once;
}

inline EVP_PKEY* native(const cms::Identity& i) { return must(i.key->native()).get(); }

// The certificate again, changed and signed anew by its issuer.
inline cms::Certificate altered(const cms::Certificate& c, const cms::Identity& issuer,
                                const std::function<void(X509*)>& change)
{
    const std::unique_ptr<X509, void (*)(X509*)> copy(X509_dup(c.native()), X509_free);
    change(copy.get());
    if (X509_sign(copy.get(), native(issuer), EVP_sha256()) <= 0) throw std::runtime_error("X509_sign");
    unsigned char* der = nullptr;
    const int n = i2d_X509(copy.get(), &der);
    const std::string octets(reinterpret_cast<char*>(der), static_cast<std::size_t>(n));
    OPENSSL_free(der);
    return must(cms::Certificate::from_der(octets));
}

// A certificate for an RSA key that nobody has: modulus of `bits`, exponent.
inline cms::Certificate rsa_certificate(int bits, const char* exponent,
                                        const cms::Certificate& like = pki().alice.certificate)
{
    BIGNUM *n = BN_new(), *e = nullptr;
    BN_rand(n, bits, BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ODD);
    BN_dec2bn(&e, exponent);
    OSSL_PARAM_BLD* build = OSSL_PARAM_BLD_new();
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n);
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e);
    OSSL_PARAM* parameters = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr);
    EVP_PKEY* key = nullptr;
    EVP_PKEY_fromdata_init(context);
    EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters);
    const auto c = altered(like, pki().sub, [&](X509* x) { X509_set_pubkey(x, key); });
    EVP_PKEY_free(key);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(build);
    BN_free(n);
    BN_free(e);
    return c;
}

inline void add_extension(X509* x, int nid, const char* value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, x, x, nullptr, nullptr, 0);
    X509_EXTENSION* e = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
    if (e == nullptr) throw std::runtime_error("X509V3_EXT_conf_nid");
    X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
}

// The same, with the extension's value as DER.
inline void add_extension_der(X509* x, const char* type, bool critical, std::string_view der)
{
    ASN1_OCTET_STRING* value = ASN1_OCTET_STRING_new();
    ASN1_OCTET_STRING_set(value, reinterpret_cast<const unsigned char*>(der.data()),
                          static_cast<int>(der.size()));
    ASN1_OBJECT* object = OBJ_txt2obj(type, 0);
    X509_EXTENSION* e = X509_EXTENSION_create_by_OBJ(nullptr, object, critical ? 1 : 0, value);
    X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
    ASN1_OBJECT_free(object);
    ASN1_OCTET_STRING_free(value);
}

inline std::string make_crl(const cms::Identity& issuer, const std::vector<cms::Certificate>& revoked,
                            base::Time last = start, base::Time next = end,
                            const std::function<void(X509_CRL*)>& alter = {})
{
    const auto seconds = [](base::Time t) { return static_cast<time_t>(t.time_since_epoch().count()); };
    const std::unique_ptr<X509_CRL, void (*)(X509_CRL*)> crl(X509_CRL_new(), X509_CRL_free);
    X509_CRL_set_version(crl.get(), X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(issuer.certificate.native()));
    const std::unique_ptr<ASN1_TIME, void (*)(ASN1_TIME*)> t(ASN1_TIME_new(), ASN1_TIME_free);
    X509_CRL_set1_lastUpdate(crl.get(), ASN1_TIME_set(t.get(), seconds(last)));
    X509_CRL_set1_nextUpdate(crl.get(), ASN1_TIME_set(t.get(), seconds(next)));
    for (const cms::Certificate& c : revoked) {
        X509_REVOKED* r = X509_REVOKED_new();
        X509_REVOKED_set_serialNumber(r, const_cast<ASN1_INTEGER*>(X509_get0_serialNumber(c.native())));
        X509_REVOKED_set_revocationDate(r, ASN1_TIME_set(t.get(), seconds(last)));
        X509_CRL_add0_revoked(crl.get(), r);
    }
    X509_CRL_sort(crl.get());
    if (alter) alter(crl.get());
    if (X509_CRL_sign(crl.get(), native(issuer), EVP_sha256()) <= 0)
        throw std::runtime_error("X509_CRL_sign");
    unsigned char* der = nullptr;
    const int n = i2d_X509_CRL(crl.get(), &der);
    const std::string out(reinterpret_cast<char*>(der), static_cast<std::size_t>(n));
    OPENSSL_free(der);
    return out;
}

// --- messages ---

inline std::string sign(const cms::Identity& who, bool detached = true, std::string_view what = content)
{
    cms::SignRequest r;
    r.certificate = &who.certificate;
    r.key = who.key.get();
    r.chain = &pki().chain;
    r.signing_time = now;
    r.detached = detached;
    const base::Octets pieces[] = {what};
    return must(cms::sign(pieces, r)).der;
}

inline cms::VerifyOptions options(const cms::Trust& trust = pki().trust)
{
    cms::VerifyOptions o;
    o.trust = &trust;
    o.path.at = now;
    return o;
}

inline cms::SignedDataVerdict verify(std::string_view der, std::string_view what = content,
                                     const cms::VerifyOptions& o = options())
{
    // In two pieces, as a signed entity usually is.
    const base::Octets pieces[] = {what.substr(0, what.size() / 2), what.substr(what.size() / 2)};
    return cms::verify_detached(der, pieces, o);
}

inline cms::Findings all(const cms::SignedDataVerdict& v)
{
    cms::Findings f = v.findings;
    for (const auto& s : v.signers) f.add(s.findings);
    return f;
}

// "pass", or the code and the words of all findings: "policy weak-digest untrusted".
inline std::string verdict(const cms::SignedDataVerdict& v)
{
    const cms::Findings f = all(v);
    std::string out(cms::name(f.code()));
    for (const cms::Finding x : f.list()) out += " " + std::string(cms::word(x));
    return out;
}

// --- crafting ---

inline std::string digest(std::string_view what, const EVP_MD* md = EVP_sha256())
{
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    EVP_Digest(what.data(), what.size(), out, &n, md, nullptr);
    return {reinterpret_cast<char*>(out), n};
}

inline std::string oid(const char* text)
{
    ASN1_OBJECT* o = OBJ_txt2obj(text, 0);
    unsigned char* der = nullptr;
    const int n = i2d_ASN1_OBJECT(o, &der);
    std::string out(reinterpret_cast<char*>(der), static_cast<std::size_t>(n));
    OPENSSL_free(der);
    ASN1_OBJECT_free(o);
    return out;
}

inline std::string attribute(const char* type, const std::vector<std::string>& values)
{
    std::string all_values;
    for (const auto& v : values) all_values += v;
    return cms::der::wrap(cms::der::sequence, {oid(type), cms::der::wrap(cms::der::set, all_values)});
}

inline std::string octet_string(std::string_view o) { return cms::der::wrap(cms::der::octet_string, o); }
inline std::string content_type() { return attribute("contentType", {oid("pkcs7-data")}); }
inline std::string message_digest(std::string_view what = content, const EVP_MD* md = EVP_sha256())
{
    return attribute("messageDigest", {octet_string(digest(what, md))});
}

inline std::string raw_signature(const cms::Identity& who, std::string_view what, const EVP_MD* md)
{
    const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    const auto* in = reinterpret_cast<const unsigned char*>(what.data());
    std::size_t n = 0;
    if (EVP_DigestSignInit(context.get(), nullptr, md, nullptr, native(who)) != 1 ||
        EVP_DigestSign(context.get(), nullptr, &n, in, what.size()) != 1)
        throw std::runtime_error("EVP_DigestSign");
    std::string out(n, '\0');
    EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &n, in, what.size());
    out.resize(n);
    return out;
}

// A SignerInfo with whatever attributes, whose signature is right all the same.
struct Signer {
    const cms::Identity* who = &pki().alice;
    const cms::Certificate* named = nullptr;  // the identifier's; else who's
    std::vector<std::string> attributes;      // as given, not sorted
    bool no_attributes = false;
    const char* digest_name = "sha256";
    const char* signature_name = "ecdsa-with-SHA256";
    const EVP_MD* md = EVP_sha256();  // nullptr: Ed25519
    bool by_key_identifier = false;
    std::string signature;                      // instead of the right one
    std::string_view signed_content = content;  // when there are no attributes
};

inline std::string algorithm(const char* name) { return cms::der::wrap(cms::der::sequence, oid(name)); }

inline std::string signer_info(const Signer& s)
{
    namespace der = cms::der;
    std::string set;
    for (const auto& a : s.attributes) set += a;
    X509* x = (s.named != nullptr ? *s.named : s.who->certificate).native();
    std::string id;
    if (s.by_key_identifier) {
        const ASN1_OCTET_STRING* key = X509_get0_subject_key_id(x);
        id = der::wrap(0x80, std::string_view(reinterpret_cast<const char*>(ASN1_STRING_get0_data(key)),
                                              static_cast<std::size_t>(ASN1_STRING_length(key))));
    } else {
        unsigned char *name = nullptr, *serial = nullptr;
        const int n = i2d_X509_NAME(X509_get_issuer_name(x), &name);
        const int m = i2d_ASN1_INTEGER(X509_get0_serialNumber(x), &serial);
        id = der::wrap(der::sequence,
                       {std::string_view(reinterpret_cast<char*>(name), static_cast<std::size_t>(n)),
                        std::string_view(reinterpret_cast<char*>(serial), static_cast<std::size_t>(m))});
        OPENSSL_free(name);
        OPENSSL_free(serial);
    }
    const std::string to_sign = s.no_attributes ? std::string(s.signed_content) : der::wrap(der::set, set);
    const std::string signature = s.signature.empty() ? raw_signature(*s.who, to_sign, s.md) : s.signature;
    return der::wrap(der::sequence,
                     {der::small_integer(s.by_key_identifier ? 3 : 1), id, algorithm(s.digest_name),
                      s.no_attributes ? std::string() : der::wrap(der::context(0), set),
                      algorithm(s.signature_name), octet_string(signature)});
}

// `inside`: what follows the eContentType, as it is on the wire.
inline std::string signed_data_around(std::string_view inside, const std::vector<std::string>& signer_infos,
                                      const std::vector<cms::Certificate>& certificates,
                                      const char* digest_name, const char* type)
{
    namespace der = cms::der;
    std::string certs, infos;
    for (const auto& c : certificates) certs += c.der();
    for (const auto& i : signer_infos) infos += i;
    const std::string data =
        der::wrap(der::sequence, {der::small_integer(1), der::wrap(der::set, algorithm(digest_name)),
                                  der::wrap(der::sequence, {oid(type), inside}),
                                  certificates.empty() ? std::string() : der::wrap(der::context(0), certs),
                                  der::wrap(der::set, infos)});
    return der::wrap(der::sequence, {oid("pkcs7-signedData"), der::wrap(der::context(0), data)});
}

inline std::string signed_data(const std::vector<std::string>& signer_infos,
                               const std::vector<cms::Certificate>& certificates,
                               std::string_view encapsulated = {}, const char* digest_name = "sha256",
                               const char* type = "pkcs7-data")
{
    const std::string inside = encapsulated.data() == nullptr
                                   ? std::string()
                                   : cms::der::wrap(cms::der::context(0), octet_string(encapsulated));
    return signed_data_around(inside, signer_infos, certificates, digest_name, type);
}

// One signer with these attributes, its certificate and the intermediate.
inline std::string crafted(const Signer& s)
{
    return signed_data({signer_info(s)}, {s.who->certificate, pki().sub.certificate}, {}, s.digest_name);
}
inline std::string crafted(std::vector<std::string> attributes)
{
    Signer s;
    s.attributes = std::move(attributes);
    return crafted(s);
}

}  // namespace fixture
