// What comes in files: PEM, DER, PKCS#12 (RFC 7292) and PKCS#7 bags.
#pragma once

#include <string>
#include <vector>

#include "base/octets.h"
#include "base/result.h"
#include "base/secret.h"
#include "cms/certificate.h"
#include "cms/private_key.h"

namespace cms
{

struct Container {
    std::vector<Certificate> certificates;  // in file order
    std::vector<PrivateKeyHandle> keys;     // in file order
    std::vector<std::string> crls;          // DER
    bool legacy = false;                    // needed the legacy provider (RC2, 3DES-SHA1): advise to convert
};

enum class Format { pem, pkcs12, pkcs7, certificate, crl, key, serialized_store, unknown };
[[nodiscard]] Format recognise(base::Octets content);  // from the octets, never from the name

// Everything in it.  `password` may be null; a wrong or missing one is an error
// that says so.  PKCS#12 MAC and encryption iteration counts over 10 million
// are refused before any work is done.  `where` names the file in errors.
[[nodiscard]] base::Result<Container> open_container(base::Octets content, const std::string& where,
                                                     const base::Secret* password = nullptr);

// Modern PKCS#12 (AES-256, PBKDF2) of one identity.
[[nodiscard]] base::Result<std::string> make_pkcs12(const PrivateKey& key, const Certificate& certificate,
                                                    const std::vector<Certificate>& chain,
                                                    const base::Secret& password);
[[nodiscard]] std::string to_pem(const Certificate& certificate);
[[nodiscard]] base::Result<std::string> to_pem(const PrivateKey& key);  // PKCS#8, not encrypted

}  // namespace cms
