// Private to cms/: content that is a disguised set of signed attributes, which
// is how a signature with attributes is passed off as one without
// (draft-ietf-lamps-cms-euf-cma-signeddata, "Recipient Detection").
#pragma once

#include "base/octets.h"

namespace cms
{

// For a signature without signed attributes only: the content parses as
// SET OF Attribute with contentType and messageDigest, or does not begin like a
// MIME entity (a header field or an empty line).
[[nodiscard]] bool looks_forged(base::Pieces content);

}  // namespace cms
