// Private to cms/: owners for OpenSSL's objects and its error queue.
#pragma once

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/cms.h>
#include <openssl/evp.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

#include "base/octets.h"

namespace cms::ossl
{

template <auto function>
struct Free {
    template <class T>
    void operator()(T* object) const
    {
        function(object);
    }
};

// STACK_OF(T): the elements are freed with it, or only borrowed.
struct FreeX509Stack {
    void operator()(STACK_OF(X509) * s) const { sk_X509_pop_free(s, X509_free); }
};
struct FreeBorrowedX509Stack {
    void operator()(STACK_OF(X509) * s) const { sk_X509_free(s); }
};
struct FreeCrlStack {
    void operator()(STACK_OF(X509_CRL) * s) const { sk_X509_CRL_pop_free(s, X509_CRL_free); }
};
struct FreeOpensslMemory {
    void operator()(void* p) const { OPENSSL_free(p); }
};

using X509Ptr = std::unique_ptr<X509, Free<X509_free>>;
using CrlPtr = std::unique_ptr<X509_CRL, Free<X509_CRL_free>>;
using StorePtr = std::unique_ptr<X509_STORE, Free<X509_STORE_free>>;
using StoreContextPtr = std::unique_ptr<X509_STORE_CTX, Free<X509_STORE_CTX_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using DigestContextPtr = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;
using DigestPtr = std::unique_ptr<EVP_MD, Free<EVP_MD_free>>;
using BioPtr = std::unique_ptr<BIO, Free<BIO_free_all>>;
using BignumPtr = std::unique_ptr<BIGNUM, Free<BN_free>>;
using CmsPtr = std::unique_ptr<CMS_ContentInfo, Free<CMS_ContentInfo_free>>;
using Pkcs12Ptr = std::unique_ptr<PKCS12, Free<PKCS12_free>>;
using Pkcs8Ptr = std::unique_ptr<PKCS8_PRIV_KEY_INFO, Free<PKCS8_PRIV_KEY_INFO_free>>;
using EncryptedKeyPtr = std::unique_ptr<X509_SIG, Free<X509_SIG_free>>;
using X509StackPtr = std::unique_ptr<STACK_OF(X509), FreeX509Stack>;
using BorrowedX509StackPtr = std::unique_ptr<STACK_OF(X509), FreeBorrowedX509Stack>;
using CrlStackPtr = std::unique_ptr<STACK_OF(X509_CRL), FreeCrlStack>;
template <class T>
using MemoryPtr = std::unique_ptr<T, FreeOpensslMemory>;

// The error queue belongs to the thread, and libmilter moves a session between
// threads: whoever calls OpenSSL empties it before and after.
class ErrorScope
{
public:
    ErrorScope();
    ErrorScope(const ErrorScope&) = delete;
    ErrorScope& operator=(const ErrorScope&) = delete;
    ~ErrorScope();

    // What the oldest entry says ("wrong tag"), the queue is empty afterwards.
    [[nodiscard]] std::string text() const;
};

inline const unsigned char* bytes(base::Octets o) { return reinterpret_cast<const unsigned char*>(o.data()); }
inline base::Octets octets(const unsigned char* data, std::size_t size)
{
    return {reinterpret_cast<const char*>(data), size};
}
inline base::Octets octets(const ASN1_STRING* s)
{
    return octets(ASN1_STRING_get0_data(s), static_cast<std::size_t>(ASN1_STRING_length(s)));
}

// A read-only view of the octets as a BIO; the octets must outlive it.
// nullptr when there are more than an int can count.
[[nodiscard]] BioPtr memory_bio(base::Octets o);
[[nodiscard]] std::string contents(BIO* memory);

// DER of an object by its i2d function; empty when it cannot be encoded.
template <class T, class Encode>
[[nodiscard]] std::string encode(T* object, Encode i2d)
{
    unsigned char* out = nullptr;
    const int n = i2d(object, &out);
    const MemoryPtr<unsigned char> owner(out);
    if (n <= 0) return {};
    return std::string(octets(out, static_cast<std::size_t>(n)));
}

}  // namespace cms::ossl
