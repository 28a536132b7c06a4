#include "cms/test_ca.h"

#include <openssl/rsa.h>

#include <algorithm>

#include "cms/openssl.h"

namespace cms
{
namespace
{

base::Result<ossl::KeyPtr> make_key(const CertificateRequest& request)
{
    const ossl::ErrorScope errors;
    ossl::KeyPtr key;
    if (request.ed25519)
        key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    else if (request.ec || !request.curve.empty())
        key.reset(EVP_EC_gen(request.curve.empty() ? "P-256" : request.curve.c_str()));
    else
        key.reset(EVP_RSA_gen(static_cast<unsigned>(request.rsa_bits)));
    if (!key)
        return base::fail(base::Code::internal, request.common_name, "cannot make a key: " + errors.text());
    return key;
}

bool set_serial(X509* x)
{
    // Positive, 127 bits: unpredictable, and at most 20 octets (RFC 5280 section 4.1.2.2).
    const ossl::BignumPtr number(BN_new());
    return number && BN_rand(number.get(), 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
           BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(x)) != nullptr;
}

bool set_names(X509* x, const CertificateRequest& request, const Identity* issuer)
{
    X509_NAME* name = X509_get_subject_name(x);
    const auto size = static_cast<int>(request.common_name.size());
    if (X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, ossl::bytes(request.common_name),
                                   size, -1, 0) != 1)
        return false;
    return X509_set_issuer_name(
               x, issuer != nullptr ? X509_get_subject_name(issuer->certificate.native()) : name) == 1;
}

bool set_validity(X509* x, const CertificateRequest& request)
{
    const auto seconds = [](base::Time t) { return static_cast<time_t>(t.time_since_epoch().count()); };
    return ASN1_TIME_set(X509_getm_notBefore(x), seconds(request.not_before)) != nullptr &&
           ASN1_TIME_set(X509_getm_notAfter(x), seconds(request.not_after)) != nullptr;
}

// rfc822Name, or SmtpUTF8Mailbox for what is not ASCII (RFC 9598).  Built as
// objects: OpenSSL's text syntax would let a comma in an address add names.
bool add_addresses(X509* x, const std::vector<std::string>& addresses)
{
    if (addresses.empty()) return true;
    const std::unique_ptr<GENERAL_NAMES, ossl::Free<GENERAL_NAMES_free>> names(sk_GENERAL_NAME_new_null());
    for (const std::string& address : addresses) {
        std::unique_ptr<GENERAL_NAME, ossl::Free<GENERAL_NAME_free>> name(GENERAL_NAME_new());
        const bool ascii = std::none_of(address.begin(), address.end(),
                                        [](char c) { return static_cast<unsigned char>(c) > 0x7f; });
        ASN1_STRING* text = ASN1_STRING_type_new(ascii ? V_ASN1_IA5STRING : V_ASN1_UTF8STRING);
        if (!names || !name || text == nullptr ||
            ASN1_STRING_set(text, address.data(), static_cast<int>(address.size())) != 1) {
            ASN1_STRING_free(text);
            return false;
        }
        if (ascii) {
            GENERAL_NAME_set0_value(name.get(), GEN_EMAIL, text);
        } else {
            ASN1_TYPE* value = ASN1_TYPE_new();
            if (value == nullptr) {
                ASN1_STRING_free(text);
                return false;
            }
            ASN1_TYPE_set(value, V_ASN1_UTF8STRING, text);
            if (GENERAL_NAME_set0_othername(name.get(), OBJ_nid2obj(NID_id_on_SmtpUTF8Mailbox), value) != 1)
                return false;
        }
        GENERAL_NAME* added = name.release();
        if (sk_GENERAL_NAME_push(names.get(), added) <= 0) {
            GENERAL_NAME_free(added);
            return false;
        }
    }
    return X509_add1_ext_i2d(x, NID_subject_alt_name, names.get(), 0, 0) == 1;
}

const char* default_key_usage(const CertificateRequest& request)
{
    if (request.ca) return "critical,keyCertSign,cRLSign";
    if (request.ed25519) return "critical,digitalSignature";
    if (request.ec || !request.curve.empty()) return "critical,digitalSignature,keyAgreement";
    return "critical,digitalSignature,keyEncipherment";
}

bool add_extensions(X509* x, const CertificateRequest& request, const Identity* issuer)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer != nullptr ? issuer->certificate.native() : x, x, nullptr, nullptr, 0);
    const auto add = [&](int nid, const std::string& value) {
        if (value == "none") return true;
        const std::unique_ptr<X509_EXTENSION, ossl::Free<X509_EXTENSION_free>> extension(
            X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
        return extension && X509_add_ext(x, extension.get(), -1) == 1;
    };
    const std::string usage = request.key_usage.empty() ? default_key_usage(request) : request.key_usage;
    std::string purpose = request.extended_key_usage;
    if (purpose.empty()) purpose = request.ca ? "none" : "emailProtection";
    return add(NID_basic_constraints, request.ca ? "critical,CA:TRUE" : "CA:FALSE") &&
           add(NID_key_usage, usage) && add(NID_ext_key_usage, purpose) &&
           add(NID_subject_key_identifier, "hash") && add(NID_authority_key_identifier, "keyid:always") &&
           add_addresses(x, request.addresses);
}

}  // namespace

base::Result<Identity> issue(const CertificateRequest& request, const Identity* issuer)
{
    auto made = make_key(request);
    if (!made) return base::fail(made.error());
    const NativeKey key(made->release(), EVP_PKEY_free);
    NativeKey signer = key;
    if (issuer != nullptr) {
        auto native = issuer->key->native();
        if (!native) return base::fail(native.error());
        signer = *native;
    }
    const ossl::ErrorScope errors;
    const auto failed = [&](const char* doing) {
        return base::fail(base::Code::data, request.common_name, std::string(doing) + ": " + errors.text());
    };
    const ossl::X509Ptr x(X509_new());
    if (!x || X509_set_version(x.get(), X509_VERSION_3) != 1 || !set_serial(x.get()) ||
        X509_set_pubkey(x.get(), key.get()) != 1)
        return failed("cannot make a certificate");
    if (!set_names(x.get(), request, issuer)) return failed("the name cannot be used");
    if (!set_validity(x.get(), request)) return failed("the validity cannot be used");
    if (!add_extensions(x.get(), request, issuer)) return failed("an extension cannot be used");
    const EVP_MD* md = EVP_PKEY_get_base_id(signer.get()) == EVP_PKEY_ED25519 ? nullptr : EVP_sha256();
    if (X509_sign(x.get(), signer.get(), md) <= 0) return failed("cannot sign the certificate");
    auto certificate = Certificate::from_native(x.get());
    if (!certificate) return base::fail(certificate.error());
    return Identity{std::move(*certificate), std::make_shared<const PrivateKey>(key)};
}

}  // namespace cms
