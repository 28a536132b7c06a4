// Octets and how this project passes them around.
//
// A message is octets, not text: NUL, 8-bit and bare CR or LF are ordinary
// content.  A view is a std::string_view that promises nothing about encoding
// or line ends; each header that takes one says which line ends it expects.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace base
{

// Borrowed octets.  The owner is named where the view is handed out.
using Octets = std::string_view;

// Several borrowed runs that are read one after the other as if they were one
// (a signed entity is "moved header fields, blank line, body" without a copy).
using Pieces = std::span<const Octets>;

inline std::size_t total_size(Pieces pieces)
{
    std::size_t n = 0;
    for (Octets p : pieces) n += p.size();
    return n;
}

}  // namespace base
