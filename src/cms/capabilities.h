// What a recipient's mail program can decrypt (RFC 8551 section 2.5.2, RFC 4262).
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "cms/certificate.h"
#include "cms/encrypt.h"

namespace cms
{

// The ciphers of ours in the certificate's extension SMIMECapabilities; nullopt
// without one, or when it cannot be read.  Others that it names are left out.
[[nodiscard]] std::optional<std::vector<Cipher>> capabilities(const Certificate& certificate);

// One cipher that all of them can decrypt, the strongest first; who says nothing
// is taken to know AES in CBC mode (RFC 8551 section 2.7.1.2 would have GCM, which
// few programs read).  aes128-cbc when they have nothing in common.
[[nodiscard]] Cipher common_cipher(std::span<const Certificate> recipients);

}  // namespace cms
