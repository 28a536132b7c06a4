// Encoded-words (RFC 2047): looking through them at what a reader would see.
#pragma once

#include <string>

#include "base/octets.h"

namespace mime
{

// Unfolded, encoded-words decoded (UTF-8, US-ASCII and ISO-8859-1 to UTF-8;
// other charsets: their ASCII octets, the rest as "?"), the rest unchanged.
[[nodiscard]] std::string decode_encoded_words(base::Octets value);

// Text as encoded-words of at most 75 columns, folded with CRLF SP; pure printable
// ASCII comes back as it is.  What is not UTF-8 gets the charset unknown-8bit (RFC
// 1428 section 3), which keeps its octets.
[[nodiscard]] std::string encode_words(std::string_view text);

}  // namespace mime
