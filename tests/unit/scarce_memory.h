// Memory that runs out at a moment that a test chooses, for all of the program: malloc(),
// which is also OpenSSL's.  Under a sanitizer, whose malloc() it is, operator new alone.
#pragma once

#include <cstddef>
#include <limits>

namespace fixture
{

// While it lives, the allocation number `nth` (from 0) fails, once.  One at a time.
class ScarceMemory
{
public:
    enum class Whose { this_thread, other_threads };

    ScarceMemory(std::size_t nth, Whose whose);
    ~ScarceMemory();
    ScarceMemory(const ScarceMemory&) = delete;
    ScarceMemory& operator=(const ScarceMemory&) = delete;

    static void end();                               // from now on all succeed
    [[nodiscard]] static std::size_t allocations();  // how many there were
};

// Calls `work` once for each allocation that it makes, which then fails; where there are
// many, for some of them, evenly.  False when it makes none.
template <class Work>
bool one_by_one(ScarceMemory::Whose whose, Work work)
{
    constexpr std::size_t many = 600;
    const std::size_t all = [&] {
        const ScarceMemory memory(std::numeric_limits<long>::max(), whose);
        work();
        return ScarceMemory::allocations();
    }();
    for (std::size_t nth = 0; nth < all; nth += 1 + all / many) {
        const ScarceMemory memory(nth, whose);
        work();
    }
    return all > 0;
}

}  // namespace fixture
