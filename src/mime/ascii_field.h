// Header fields of parts as older software may read them: with raw UTF-8 in them
// (RFC 6532), or with long lines.
#pragma once

#include <optional>
#include <string>

#include "mime/header.h"

namespace mime
{

// The field, with its final CRLF, in ASCII: a parameter of Content-Type and
// Content-Disposition, such as the file name, becomes the extended parameter of RFC
// 2231 section 4 (filename*=utf-8''...), the text of a Content-Description
// encoded-words (RFC 2047); every other octet stays.  File names and descriptions
// that are not UTF-8 get the charset unknown-8bit (RFC 1428 section 3): their octets
// are the same, and nobody has guessed.  nullopt for other octets that are not UTF-8,
// when they stand elsewhere, or when what a reader would see is not certain (the
// extended parameter is there as well, encoded-words beside raw text).
[[nodiscard]] std::optional<std::string> ascii_field(const Field& field);

// The field, its final CRLF included, with line breaks before blanks where a line
// is longer than max_line: unfolded it is what it was (RFC 5322 section 2.2.3).
// nullopt when there is no blank to break before.
[[nodiscard]] std::optional<std::string> folded(base::Octets field);

}  // namespace mime
