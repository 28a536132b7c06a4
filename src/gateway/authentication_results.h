// Authentication-Results (RFC 8601) with the method smime (RFC 7281).
#pragma once

#include <string>
#include <string_view>

#include "gateway/verify.h"

namespace gateway
{

// The field's value, folded with LF and a blank.  Everything from certificates
// is quoted, cut to 200 octets and free of control characters.
[[nodiscard]] std::string authentication_results(std::string_view authserv_id, const Verdict& verdict);

// A field that claims our id and the method ("smime", or "" for any), or is outside
// RFC 8601 and mentions both: to be removed unless it comes from a trusted relay.
[[nodiscard]] bool forges_results(std::string_view value, std::string_view authserv_id,
                                  std::string_view method = "smime");

}  // namespace gateway
