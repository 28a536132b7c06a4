// Private to cms/: which digests, signatures and keys are known, and how good
// they are (semantics A.8, B.2 steps 8 and 12; RFC 8551 sections 2.1, 2.2, 6).
#pragma once

#include <optional>

#include "base/octets.h"
#include "cms/certificate.h"
#include "cms/finding.h"
#include "cms/openssl.h"

namespace cms
{

struct DigestAlgorithm {
    int nid;
    const char* name;  // "sha256", also what EVP_MD_fetch() knows it by
    bool weak;
};
// nullptr: not known.
[[nodiscard]] const DigestAlgorithm* find_digest(int nid);
[[nodiscard]] const DigestAlgorithm* find_digest(const X509_ALGOR* algorithm);
// Fetched once and kept: a fetch takes locks that all threads share.  nullptr when
// the library does not have it.
[[nodiscard]] const EVP_MD* implementation(const DigestAlgorithm& algorithm);
// Raw octets; empty when the library does not have the algorithm, or failed.
[[nodiscard]] std::string digest_of(base::Pieces content, const DigestAlgorithm& algorithm);
[[nodiscard]] std::string digest_of(base::Octets content, int nid);

enum class Scheme { rsa_pkcs1, rsa_pss, ecdsa, dsa, ed25519, unknown };
[[nodiscard]] Scheme scheme_of(const X509_ALGOR* algorithm);
[[nodiscard]] const char* name(Scheme s);  // "rsa-pkcs1"
[[nodiscard]] bool fits(Scheme s, KeyKind key);

// Why no public-key operation may be done with this key: Finding::key_size
// when a stranger could make us compute for long (RSA above 8192 bits, odd
// exponents), unsupported_algorithm for curves and keys we do not know.
[[nodiscard]] std::optional<Finding> must_not_compute(const Certificate& certificate);

// RSA below 2048 bits, any DSA.
[[nodiscard]] bool is_weak_key(const Certificate& certificate);

}  // namespace cms
