// A private key is a handle; what is behind it (file, token, TPM) loads on first use.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.h"
#include "cms/certificate.h"

struct evp_pkey_st;

namespace cms
{

// The native key, reference counted; for cms/ only.
using NativeKey = std::shared_ptr<evp_pkey_st>;

// For as long as OpenSSL works with a key; for cms/ only.  What a TPM holds works with
// the TPM's own algorithms, and one operation after the other.
class KeyInUse
{
public:
    explicit KeyInUse(evp_pkey_st* key);
    [[nodiscard]] const char* properties() const { return properties_; }  // nullptr: any will do

private:
    const char* properties_ = nullptr;
    std::unique_lock<std::mutex> turn_;
};

// Thread-safe.  cms::sign() and decryption take the handle; nobody
// outside cms/ sees the key itself.
class PrivateKey
{
public:
    using Loader = std::function<base::Result<NativeKey>()>;

    explicit PrivateKey(NativeKey key) : key_(std::move(key)) {}
    explicit PrivateKey(Loader loader) : loader_(std::move(loader)) {}
    // The same, and `loader` is asked each time: it has a cache of its own.
    static std::shared_ptr<const PrivateKey> lent(Loader loader);

    // Loads on first use; a failure is not cached, so that a repaired file works.
    [[nodiscard]] base::Result<NativeKey> native() const;

    // Does the private key belong to this certificate?
    [[nodiscard]] base::Result<bool> matches(const Certificate& certificate) const;
    // As Certificate::key_fingerprint(); finds the certificate among many.
    [[nodiscard]] base::Result<std::string> key_fingerprint() const;

private:
    mutable std::mutex mutex_;
    mutable NativeKey key_;
    Loader loader_;
    bool kept_ = true;
};

using PrivateKeyHandle = std::shared_ptr<const PrivateKey>;

}  // namespace cms
