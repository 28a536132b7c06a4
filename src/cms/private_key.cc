#include "cms/private_key.h"

#include <openssl/provider.h>

#include <string_view>
#include <vector>

#include "cms/openssl.h"
#include "cms/text.h"

namespace cms
{

base::Result<NativeKey> PrivateKey::native() const
{
    if (!kept_) return loader_();
    const std::lock_guard lock(mutex_);
    if (key_ != nullptr) return key_;
    if (!loader_)
        return base::fail(base::Code::internal, "", "a private key without octets and without a loader");
    auto loaded = loader_();
    if (!loaded) return loaded;
    if (*loaded == nullptr) return base::fail(base::Code::internal, "", "the loader gave no private key");
    key_ = *loaded;
    return key_;
}

std::shared_ptr<const PrivateKey> PrivateKey::lent(Loader loader)
{
    auto out = std::make_shared<PrivateKey>(std::move(loader));
    out->kept_ = false;
    return out;
}

KeyInUse::KeyInUse(evp_pkey_st* key)
{
    static std::mutex tpm;
    const OSSL_PROVIDER* const provider = EVP_PKEY_get0_provider(key);
    if (provider == nullptr || std::string_view(OSSL_PROVIDER_get0_name(provider)) != "tpm2") return;
    properties_ = "?provider=tpm2";
    turn_ = std::unique_lock(tpm);
}

namespace
{

// Does its signature hold with the public key of the certificate?
bool proves_itself(EVP_PKEY* key, const Certificate& certificate)
{
    const ossl::DigestContextPtr signing(EVP_MD_CTX_new()), verifying(EVP_MD_CTX_new());
    EVP_PKEY* const public_key = X509_get0_pubkey(certificate.native());
    constexpr unsigned char text[] = "smime-milter: is this your key?";
    std::size_t size = 0;
    const KeyInUse use(key);
    if (!signing || !verifying || public_key == nullptr ||
        EVP_DigestSignInit_ex(signing.get(), nullptr, "SHA256", nullptr, use.properties(), key, nullptr) !=
            1 ||
        EVP_DigestSign(signing.get(), nullptr, &size, text, sizeof text) != 1)
        return false;
    std::vector<unsigned char> signature(size);
    return EVP_DigestSign(signing.get(), signature.data(), &size, text, sizeof text) == 1 &&
           size <= signature.size() &&  // not so when there was no memory: cms/sign.cc
           EVP_DigestVerifyInit(verifying.get(), nullptr, EVP_sha256(), nullptr, public_key) == 1 &&
           EVP_DigestVerify(verifying.get(), signature.data(), size, text, sizeof text) == 1;
}

}  // namespace

base::Result<bool> PrivateKey::matches(const Certificate& certificate) const
{
    const auto key = native();
    if (!key) return base::fail(key.error());
    const ossl::ErrorScope errors;
    if (X509_check_private_key(certificate.native(), key->get()) == 1) return true;
    // Tokens spell out public keys in ways of their own, or keep them to themselves.
    return loader_ && proves_itself(key->get(), certificate);
}

base::Result<std::string> PrivateKey::key_fingerprint() const
{
    const auto key = native();
    if (!key) return base::fail(key.error());
    const ossl::ErrorScope errors;
    std::string print = cms::key_fingerprint(key->get());
    if (print.empty()) return base::fail(base::Code::data, "", "a private key of an unknown kind");
    return print;
}

}  // namespace cms
