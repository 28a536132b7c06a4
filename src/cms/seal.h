// Octets that only we can read and only we can have written, under a key of our
// own: AES-256-GCM (NIST SP 800-38D).  No CMS: nobody else is to open them.
#pragma once

#include <string>

#include "base/octets.h"
#include "base/result.h"
#include "base/secret.h"

namespace cms
{

inline constexpr std::size_t seal_key_octets = 32;

// The nonce, the encrypted octets and the tag; every call draws a fresh nonce.
[[nodiscard]] base::Result<std::string> seal(base::Octets content, const base::Secret& key);

// What was sealed with the same key; an error for everything else.
[[nodiscard]] base::Result<std::string> unseal(base::Octets sealed, const base::Secret& key);

}  // namespace cms
