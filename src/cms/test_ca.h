// A certification authority for trying things out and for the tests.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cms/certificate.h"
#include "cms/private_key.h"

namespace cms
{

struct Identity {
    Certificate certificate;
    PrivateKeyHandle key;
};

struct CertificateRequest {
    std::string common_name;
    std::vector<std::string> addresses;  // rfc822Name
    bool ec = false;                     // P-256 (else RSA)
    int rsa_bits = 2048;
    bool ed25519 = false;
    bool ca = false;
    base::Time not_before{}, not_after{};
    // For tests of what must be refused; empty means the right thing.
    std::string key_usage;           // OpenSSL's extension syntax, "none" leaves it out
    std::string extended_key_usage;  // the same
    std::string curve;               // "P-384"
};

// Self-signed when `issuer` is null.
[[nodiscard]] base::Result<Identity> issue(const CertificateRequest& request, const Identity* issuer);

}  // namespace cms
