#include "cms/encrypt.h"

#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "cms/openssl.h"

namespace cms
{
namespace
{

struct CipherName {
    Cipher cipher;
    const char* name;
    const EVP_CIPHER* (*native)();
};

constexpr std::array cipher_names = {
    CipherName{Cipher::aes128_cbc, "aes128-cbc", EVP_aes_128_cbc},
    CipherName{Cipher::aes192_cbc, "aes192-cbc", EVP_aes_192_cbc},
    CipherName{Cipher::aes256_cbc, "aes256-cbc", EVP_aes_256_cbc},
    CipherName{Cipher::aes128_gcm, "aes128-gcm", EVP_aes_128_gcm},
    CipherName{Cipher::aes256_gcm, "aes256-gcm", EVP_aes_256_gcm},
};

const CipherName& entry(Cipher cipher)
{
    return *std::find_if(cipher_names.begin(), cipher_names.end(),
                         [&](const CipherName& n) { return n.cipher == cipher; });
}

constexpr unsigned flags = CMS_BINARY | CMS_PARTIAL;

// OpenSSL would agree on keys with SHA-1 and mask OAEP with it (RFC 8551
// section 2.3 wants SHA-256).
bool set_algorithms(CMS_RecipientInfo* info, const Certificate& certificate, KeyTransport key_transport)
{
    EVP_PKEY_CTX* const context = CMS_RecipientInfo_get0_pkey_ctx(info);
    if (context == nullptr) return false;
    if (certificate.key_kind() == KeyKind::ec)
        return EVP_PKEY_CTX_set_ecdh_kdf_md(context, EVP_sha256()) == 1;
    if (key_transport == KeyTransport::pkcs1) return true;
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) == 1;
}

bool write(BIO* to, base::Octets octets)
{
    constexpr std::size_t most = std::numeric_limits<int>::max();
    while (!octets.empty()) {
        const auto n = std::min(octets.size(), most);
        if (BIO_write(to, octets.data(), static_cast<int>(n)) != static_cast<int>(n)) return false;
        octets.remove_prefix(n);
    }
    return true;
}

bool write_content(CMS_ContentInfo* cms, base::Pieces content)
{
    const ossl::BioPtr chain(CMS_dataInit(cms, nullptr));
    if (!chain) return false;
    for (const auto piece : content)
        if (!write(chain.get(), piece)) return false;
    return BIO_flush(chain.get()) == 1 && CMS_dataFinal(cms, chain.get()) == 1;
}

tl::unexpected<base::Error> failed(const ossl::ErrorScope& errors, std::string what)
{
    const std::string why = errors.text();
    return base::fail(base::Code::internal, "", why.empty() ? std::move(what) : what + ": " + why);
}

}  // namespace

const char* name(Cipher cipher) { return entry(cipher).name; }

std::optional<Cipher> cipher_named(std::string_view name)
{
    for (const auto& n : cipher_names)
        if (name == n.name) return n.cipher;
    return std::nullopt;
}

std::optional<std::string> key_unfit_for_encryption(const Certificate& certificate)
{
    switch (certificate.key_kind()) {
        case KeyKind::rsa:
            if (certificate.key_bits() < 2048 || certificate.key_bits() > 8192)
                return "its key has " + std::to_string(certificate.key_bits()) + " bits, wanted 2048 to 8192";
            return std::nullopt;
        case KeyKind::ec:
            if (const auto curve = certificate.curve();
                curve != "P-256" && curve != "P-384" && curve != "P-521")
                return "its key is on the curve " + curve + ", wanted P-256, P-384 or P-521";
            return std::nullopt;
        default: return "its key (" + describe_key(certificate) + ") cannot receive keys";
    }
}

std::optional<std::string> unfit_for_encryption(const Certificate& certificate)
{
    if (auto why = key_unfit_for_encryption(certificate)) return why;
    if (!certificate.usage_allows_encryption())
        return certificate.key_kind() == KeyKind::rsa ? "its key usage lacks keyEncipherment"
                                                      : "its key usage lacks keyAgreement";
    if (!certificate.purpose_allows_email()) return "its extended key usage lacks emailProtection";
    return std::nullopt;
}

base::Result<std::string> encrypt(base::Pieces content, const EncryptRequest& request)
{
    if (request.recipients.empty())
        return base::fail(base::Code::usage, "", "nobody to encrypt for", "name at least one certificate");
    for (const auto& certificate : request.recipients)
        if (const auto why = unfit_for_encryption(certificate))
            return base::fail(base::Code::data, certificate.subject(), "cannot be encrypted for: " + *why);
    // OpenSSL counts the octets of the content with an int when it encodes.
    if (base::total_size(content) > std::numeric_limits<int>::max() / 2)
        return base::fail(base::Code::data, "", "the message is too large to be encrypted");

    const ossl::ErrorScope errors;
    const ossl::CmsPtr cms(CMS_encrypt(nullptr, nullptr, entry(request.cipher).native(), flags));
    if (!cms) return failed(errors, "no encrypted message could be begun");
    std::vector<Certificate> named;
    for (const auto& certificate : request.recipients) {
        if (std::find(named.begin(), named.end(), certificate) != named.end()) continue;
        named.push_back(certificate);
        CMS_RecipientInfo* const info =
            CMS_add1_recipient_cert(cms.get(), certificate.native(), flags | CMS_KEY_PARAM);
        if (info == nullptr || !set_algorithms(info, certificate, request.key_transport))
            return failed(errors, "the certificate of " + certificate.subject() + " cannot be a recipient");
    }
    if (!write_content(cms.get(), content)) return failed(errors, "the message could not be encrypted");
    std::string der = ossl::encode(cms.get(), i2d_CMS_ContentInfo);
    if (der.empty()) return failed(errors, "the encrypted message could not be encoded");
    return der;
}

}  // namespace cms
