#include "base/large_string.h"

#include <sys/mman.h>

#include <cstdint>

#include "base/huge_page.h"

namespace base
{

std::string string_with_room(std::size_t octets)
{
    std::string out;
    out.reserve(octets);
    const auto begin = (reinterpret_cast<std::uintptr_t>(out.data()) + huge_page - 1) / huge_page * huge_page;
    const auto end = (reinterpret_cast<std::uintptr_t>(out.data()) + octets) / huge_page * huge_page;
    // Whole ones inside what is ours.  A hint: the octets stay what they are.
    if (octets >= 2 * huge_page && begin < end)
        (void)madvise(out.data() + (begin - reinterpret_cast<std::uintptr_t>(out.data())), end - begin,
                      MADV_HUGEPAGE);
    return out;
}

}  // namespace base
