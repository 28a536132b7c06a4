// Strings of many megabytes.
#pragma once

#include <cstddef>
#include <string>

namespace base
{

// An empty string with room for so many octets.  When they are many it lies in huge
// pages where the kernel has them: filling fresh pages of 4 KiB takes longer than
// most of what is done with an octet.
[[nodiscard]] std::string string_with_room(std::size_t octets);

}  // namespace base
