// Private to cms/: the parts of container.cc, one for each kind of file.
#pragma once

#include <cstdint>
#include <string>

#include "cms/container.h"
#include "cms/openssl.h"

namespace cms
{

// What opening one file may use and where errors point to.
struct Opening {
    const std::string& where;
    const base::Secret* password;
    // Rounds of password hashing that may still be spent on this file; a file
    // can ask for many derivations, each below the limit of one.
    std::uint64_t rounds_left = 50'000'000;

    [[nodiscard]] tl::unexpected<base::Error> damaged(const std::string& what) const;
    [[nodiscard]] tl::unexpected<base::Error> password_needed() const;
    [[nodiscard]] tl::unexpected<base::Error> password_wrong() const;

    // Refuses more than 10 million rounds, before any of them is done.
    [[nodiscard]] base::Result<> spend(std::uint64_t rounds);
};

// How a password protects something (RFC 8018, RFC 7292 appendix C).
struct PasswordScheme {
    std::uint64_t rounds = 0;
    bool outdated = false;         // RC2, RC4, DES or 3DES with SHA-1 or MD5
    bool legacy_provider = false;  // the default provider lacks its cipher
};
// An error when the parameters cannot be read, so that nothing is run blindly.
[[nodiscard]] base::Result<PasswordScheme> examine(const X509_ALGOR* algorithm, const Opening& opening);

// A library context with the legacy provider in it, made on first use and
// shared with nobody: the rest of the process never sees RC2.
class LegacyContext
{
public:
    LegacyContext() = default;
    LegacyContext(const LegacyContext&) = delete;
    LegacyContext& operator=(const LegacyContext&) = delete;
    ~LegacyContext();
    [[nodiscard]] base::Result<OSSL_LIB_CTX*> get(const Opening& opening);

private:
    OSSL_LIB_CTX* context_ = nullptr;
    OSSL_PROVIDER* legacy_ = nullptr;
    OSSL_PROVIDER* standard_ = nullptr;
};

// One block of a PEM file, wiped when it goes: it may be a key.
struct PemBlock {
    enum class Next { block, end, damaged };

    PemBlock() = default;
    PemBlock(const PemBlock&) = delete;
    PemBlock& operator=(const PemBlock&) = delete;
    ~PemBlock();
    // Once.  What is wrong with a damaged one is in OpenSSL's queue of errors.
    [[nodiscard]] Next read(BIO* from);
    [[nodiscard]] base::Octets octets() const { return ossl::octets(data, static_cast<std::size_t>(size)); }

    char* name = nullptr;
    char* header = nullptr;
    unsigned char* data = nullptr;
    long size = 0;
};

[[nodiscard]] base::Result<> add_pkcs12(base::Octets der, Opening& opening, Container& out);
[[nodiscard]] base::Result<> add_pem(base::Octets text, Opening& opening, Container& out);

[[nodiscard]] base::Result<> add_certificate(base::Octets der, const Opening& opening, Container& out);
[[nodiscard]] base::Result<> add_certificate(X509* x509, const Opening& opening, Container& out);
[[nodiscard]] base::Result<> add_crl(base::Octets der, const Opening& opening, Container& out);
[[nodiscard]] base::Result<> add_pkcs7(base::Octets der, const Opening& opening, Container& out);
// PKCS#8 (plain or encrypted), PKCS#1 or RFC 5915.
[[nodiscard]] base::Result<> add_key(base::Octets der, Opening& opening, Container& out);
[[nodiscard]] base::Result<> add_encrypted_key(const X509_SIG* key, Opening& opening, LegacyContext& legacy,
                                               const char* password, int size, Container& out);
[[nodiscard]] base::Result<> add_plain_key(const PKCS8_PRIV_KEY_INFO* key, const Opening& opening,
                                           Container& out);

}  // namespace cms
