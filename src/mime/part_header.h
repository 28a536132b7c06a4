// What the header of a part says about the part.
#pragma once

#include "mime/structure.h"

namespace mime
{

// Fills type, encoding and the defects of the header.  `default_type` is that
// of a part without Content-Type (message/rfc822 in a digest, RFC 2046 section
// 5.1.5).  Of the root only Content-* fields can have defects of their own: the
// others never become part of a signed entity.
void read_part_header(Part& part, const ContentType& default_type, bool root);

// Content-Transfer-Encoding in lower case: a token with comments around it, else the
// whole value, for what is not understood must not pass for something that is.  ""
// without the field.
[[nodiscard]] std::string encoding_of(const Header& header);
// "", 7bit, 8bit or binary.
[[nodiscard]] bool is_identity_encoding(std::string_view encoding);

}  // namespace mime
