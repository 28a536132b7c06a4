#include "cms/signature.h"

#include <algorithm>

#include "cms/algorithms.h"
#include "cms/der.h"

namespace cms
{
namespace
{

// --- Ed25519 (RFC 8419), which OpenSSL 3.0 cannot do in CMS ---

bool ed25519_verifies(const Certificate& certificate, base::Octets message, base::Octets signature)
{
    const ossl::DigestContextPtr context(EVP_MD_CTX_new());
    return context &&
           EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr,
                                X509_get0_pubkey(certificate.native())) == 1 &&
           EVP_DigestVerify(context.get(), ossl::bytes(signature), signature.size(), ossl::bytes(message),
                            message.size()) == 1;
}

bool ed25519_signer_verifies(CMS_SignerInfo* signer, const Certificate& certificate)
{
    const base::Octets signature = ossl::octets(CMS_SignerInfo_get0_signature(signer));
    const int n = CMS_signed_get_attr_count(signer);
    std::vector<std::string> attributes;
    std::string body;
    for (int i = 0; i < n; ++i) {
        attributes.push_back(ossl::encode(CMS_signed_get_attr(signer, i), i2d_X509_ATTRIBUTE));
        body += attributes.back();
    }
    // As they were sent, which is what OpenSSL takes for the other schemes, or
    // in the order of DER, in which they should have been sent.
    return ed25519_verifies(certificate, der::wrap(der::set, body), signature) ||
           ed25519_verifies(certificate, der::set_of(der::set, std::move(attributes)), signature);
}

// --- without signed attributes, the other schemes ---

bool write_all(BIO* bio, base::Octets octets)
{
    while (!octets.empty()) {
        const int n =
            BIO_write(bio, octets.data(), static_cast<int>(std::min<std::size_t>(octets.size(), 1U << 20)));
        if (n <= 0) return false;
        octets.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

}  // namespace

const std::string& ContentDigests::of(const DigestAlgorithm& algorithm)
{
    const auto found =
        std::find_if(known_.begin(), known_.end(), [&](const auto& k) { return k.first == algorithm.nid; });
    if (found != known_.end()) return found->second;
    return known_.emplace_back(algorithm.nid, digest_of(content_, algorithm)).second;
}

BIO* SignatureVerifier::digested_content()
{
    if (digested_ || !digestible_) return digested_.get();
    BIO* sink = BIO_new(BIO_s_null());
    digested_.reset(CMS_dataInit(cms_, sink));  // owns the sink from here on
    digestible_ = digested_ != nullptr;
    if (!digestible_) BIO_free(sink);
    for (base::Octets p : content_)
        if (digestible_ && !write_all(digested_.get(), p)) {
            digestible_ = false;
            digested_.reset();
        }
    return digested_.get();
}

bool SignatureVerifier::verifies(CMS_SignerInfo* signer, Scheme scheme, const Certificate& certificate)
{
    if (scheme == Scheme::ed25519) return ed25519_signer_verifies(signer, certificate);
    CMS_SignerInfo_set1_signer_cert(signer, certificate.native());
    if (CMS_signed_get_attr_count(signer) >= 0) return CMS_SignerInfo_verify(signer) == 1;
    BIO* digested = digested_content();
    return digested != nullptr && CMS_SignerInfo_verify_content(signer, digested) == 1;
}

}  // namespace cms
