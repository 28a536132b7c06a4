// Would an entity survive the journey as it is?  (semantics A.2, A.4)
#pragma once

#include <optional>
#include <string>

#include "mime/structure.h"

namespace mime
{

// The longest line, without CRLF, that neither Postfix (998) nor Sendmail (990)
// touches, with a margin.
inline constexpr std::size_t max_line = 988;

// Why the entity cannot be signed as it stands: 8-bit octets, NUL, bare CR or
// LF, a line over max_line, identity-encoded text with trailing blanks, a line
// "From " or a lone ".", or a structure that an MTA repairs on delivery.  Of
// the root's header only Content-* fields count.  Inside signed and encrypted
// parts octets and repairs count, but not what text could be spared by encoding.
// nullopt: safe, sign it octet for octet.  The reason is one lower-case phrase
// such as "8-bit text in part 1.2".
//
// Fragile text (trailing blanks, "From ", lone dots) is 7-bit and survives a
// faithful transport; Fragile::allowed lets it be signed as it is.
enum class Fragile { refused, allowed };
[[nodiscard]] std::optional<std::string> transport_hazard(const Structure& structure,
                                                          Fragile fragile = Fragile::refused);

// The same for bare octets without MIME knowledge: 8-bit, NUL, bare CR/LF, long line.
[[nodiscard]] std::optional<std::string> octet_hazard(base::Octets octets);

}  // namespace mime
