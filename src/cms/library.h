// The cryptographic library as a whole.
#pragma once

#include <string>

namespace cms
{

[[nodiscard]] std::string library_version();  // "OpenSSL 3.0.22 ..." as loaded at run time
[[nodiscard]] bool library_is_current();      // at least 3.0.22: older ones have CMS holes

}  // namespace cms
