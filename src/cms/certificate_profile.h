// What a certificate says about itself beyond the needs of signing and
// verifying: the facts that the S/MIME Baseline Requirements and RFC 8550 have
// rules about, for the checks before an import.  No judgement here.
#pragma once

#include <string>
#include <vector>

#include "cms/certificate.h"

namespace cms
{

struct CertificateProfile {
    bool key_usage = false;
    bool key_usage_critical = false;
    std::vector<std::string> key_usages;  // "digitalSignature", in the order of the bits
    bool extended_key_usage = false;
    std::vector<std::string> purposes;  // "emailProtection", or dotted numbers
    bool alternative_names_broken = false;
    std::size_t names = 0;                       // in subjectAltName, of any type
    std::size_t unusable_addresses = 0;          // e-mail names with NUL, control characters, no "@", ...
    std::vector<std::string> subject_addresses;  // emailAddress attributes of the subject
    std::vector<std::string> policies;           // dotted numbers
    bool crl_distribution_points = false;
    bool authority_information_access = false;
    bool authority_key_identifier = false;
    std::string signature_digest;  // "sha256"; "" when it is part of the algorithm (Ed25519)
    bool weak_signature = false;   // SHA-1, MD5 and older
    unsigned serial_bits = 0;
    bool serial_negative_or_zero = false;
};

[[nodiscard]] CertificateProfile profile_of(const Certificate& certificate);

// Whether public-key operations with it are refused: RSA above 8192 bits or with
// an odd exponent, unknown curves and kinds of keys.  "" when they are not.
[[nodiscard]] std::string unusable_key(const Certificate& certificate);

}  // namespace cms
