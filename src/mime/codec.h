// Content-Transfer-Encodings (RFC 2045 section 6).
#pragma once

#include <optional>
#include <string>

#include "base/octets.h"

namespace mime
{

// 76 columns, every line (the last too) ended by CRLF; "" for nothing.
[[nodiscard]] std::string base64_lines(base::Octets octets);

// Strict about everything that could hide something: octets outside the
// alphabet other than CR LF SP HT, data after padding, a dangling digit and
// non-zero trailing bits make it nullopt.  Missing final padding too.
[[nodiscard]] std::optional<std::string> base64_decode(base::Octets text);

// Text-preserving: CRLF in is CRLF out; at most 76 columns; no line of the
// result starts with "--", "From " or "." and none ends in a blank.
[[nodiscard]] std::string quoted_printable_lines(base::Octets octets);
[[nodiscard]] std::optional<std::string> quoted_printable_decode(base::Octets text);
// Does `text` decode to `octets`?
[[nodiscard]] bool is_quoted_printable_of(base::Octets text, base::Octets octets);

// By name (lower case): "", 7bit, 8bit, binary copy; base64 and quoted-printable
// decode; others nullopt.
[[nodiscard]] std::optional<std::string> decode(std::string_view encoding, base::Octets body);

}  // namespace mime
