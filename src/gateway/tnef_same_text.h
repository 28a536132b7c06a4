// Two forms of one text, or two texts?
#pragma once

#include "base/octets.h"
#include "mime/tnef.h"

namespace gateway
{

// Does the text that stands before the TNEF say what the TNEF says?  Compared are the
// words of their beginnings: line breaks, targets of links and the like differ between
// two forms of one text, so seven words of ten are enough.  `charset`: of the text, may
// be null.  Whoever gets a wrong "no" reads one text twice; nobody misses one.
[[nodiscard]] bool same_text(const mime::TnefMessage& message, base::Octets text, const std::string* charset);

}  // namespace gateway
