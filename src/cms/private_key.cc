#include "cms/private_key.h"

#include "cms/openssl.h"
#include "cms/text.h"

namespace cms
{

base::Result<NativeKey> PrivateKey::native() const
{
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

base::Result<bool> PrivateKey::matches(const Certificate& certificate) const
{
    const auto key = native();
    if (!key) return base::fail(key.error());
    const ossl::ErrorScope errors;
    return X509_check_private_key(certificate.native(), key->get()) == 1;
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
