// The Date field (RFC 5322 section 3.3, obsolete zones included).
#pragma once

#include <optional>

#include "base/clock.h"
#include "base/octets.h"

namespace mime
{

[[nodiscard]] std::optional<base::Time> parse_date(base::Octets value);
[[nodiscard]] std::string format_date(base::Time t);  // "Mon, 23 Nov 2026 12:00:00 +0000"

}  // namespace mime
