// What a recipient's mail program can decrypt (RFC 8551 section 2.5.2, RFC 4262).
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/octets.h"
#include "cms/certificate.h"
#include "cms/encrypt.h"

namespace cms
{

// The ciphers of ours in the certificate's extension SMIMECapabilities; nullopt
// without one, or when it cannot be read.  Others that it names are left out.
[[nodiscard]] std::optional<std::vector<Cipher>> capabilities(const Certificate& certificate);
// The same from SMIMECapabilities in DER, as it stands in signed attributes, too.
[[nodiscard]] std::optional<std::vector<Cipher>> capabilities_in(base::Octets der);

// One cipher that all of them can decrypt, the strongest first; who says nothing
// is taken to know AES in CBC mode (RFC 8551 section 2.7.1.2 would have GCM, which
// few programs read).  aes128-cbc when they have nothing in common.  `said`: what their
// verified mail says, in the same order; it counts before the certificate.
using SaidCapabilities = std::optional<std::vector<Cipher>>;
[[nodiscard]] Cipher common_cipher(std::span<const Certificate> recipients,
                                   std::span<const SaidCapabilities> said = {});

}  // namespace cms
