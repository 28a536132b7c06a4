// From a detached signature to an opaque one, without a key (semantics D).
#pragma once

#include <string>

#include "base/octets.h"
#include "base/result.h"

namespace cms
{

// The ContentInfo `der` (SignedData, RFC 5652 section 5.1) with `content` put
// into it as its eContent.  Version, digest algorithms, certificates, CRLs and
// signer infos are copied octet for octet, whatever their encoding and order:
// signatures cover the content and the signed attributes, never the question
// whether the content is inside.  Only the headers of what encloses them are
// written anew, with definite lengths.
//
// Nothing is verified: whoever sends the result verifies it first.  Code::data
// when `der` is no SignedData over id-data, has a content already, or octets
// come after it.
[[nodiscard]] base::Result<std::string> encapsulate(base::Octets der, base::Pieces content);

}  // namespace cms
