// Two forms of one text, or two texts?
#pragma once

#include "base/octets.h"
#include "mime/tnef.h"

namespace gateway
{

// Can the text that stands before the TNEF take the place of the TNEF's own?  Only when
// each word of that is in it, in this order, and seven words of ten in its own beginning
// are in that: what stands between words, and some of what more it says (targets of
// links), may differ.  Where the TNEF has nothing but HTML, both are kept, as two forms of
// one text if seven words of ten are in it.  `charset`: of the text, may be null.  Whoever
// gets a wrong "no" reads one text twice; nobody misses one.
[[nodiscard]] bool same_text(const mime::TnefMessage& message, base::Octets text, const std::string* charset,
                             mime::CodePages& pages);

}  // namespace gateway
