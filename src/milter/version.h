// Which libmilter this was built with; milter/service.h knows the one that is loaded.
#pragma once

#include <string>

namespace milter
{

[[nodiscard]] std::string headers_version();  // "1.0.1"

}  // namespace milter
