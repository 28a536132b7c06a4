// UTF-8 (RFC 3629) as far as mail headers need it.
#pragma once

#include "base/octets.h"

namespace mime
{

// Length of the well-formed character at the start, 0 when there is none
// (overlong forms, surrogates and values above U+10FFFF are not well-formed).
[[nodiscard]] std::size_t utf8_character(base::Octets text);

[[nodiscard]] bool is_utf8(base::Octets text);
[[nodiscard]] bool is_ascii(base::Octets text);

}  // namespace mime
