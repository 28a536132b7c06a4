// Header fields of parts with raw UTF-8 in them (RFC 6532), as older software
// may read them.
#pragma once

#include <optional>
#include <string>

#include "mime/header.h"

namespace mime
{

// The field, with its final CRLF, in ASCII: the file name in Content-Type and
// Content-Disposition becomes the extended parameter of RFC 2231 section 4
// (filename*=utf-8''...), the text of a Content-Description encoded-words (RFC
// 2047); every other octet stays.  nullopt when it is not UTF-8, when the octets
// stand elsewhere, or when what a reader would see is not certain (the extended
// parameter is there as well, encoded-words beside raw text).
[[nodiscard]] std::optional<std::string> ascii_field(const Field& field);

}  // namespace mime
