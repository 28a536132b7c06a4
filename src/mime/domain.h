// Internationalised domain names (RFC 5891): one form for comparing.
#pragma once

#include <string>
#include <string_view>

namespace mime
{

// Lower case, with A-labels for labels beyond ASCII ("xn--mnchen-3ya.example").  A
// name that has none (not UTF-8, not allowed by RFC 5892), and every one in a build
// without libidn2, comes back with its ASCII letters in lower case.
[[nodiscard]] std::string ascii_domain(std::string_view domain);

}  // namespace mime
