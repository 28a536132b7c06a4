// The kernel's larger pages, of which big buffers are made.
#pragma once

#include <cstddef>

namespace base
{

// 2 MiB on all machines that we know; where it is something else, or there are none,
// memory is asked for in rounder numbers than it need be.
inline constexpr std::size_t huge_page = std::size_t{1} << 21;

}  // namespace base
