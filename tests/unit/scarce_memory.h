// Memory that runs out at a moment that a test chooses, for all of the program: malloc(),
// which is also OpenSSL's.  Under a sanitizer, whose malloc() it is, operator new alone.
#pragma once

#include <cstddef>

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

}  // namespace fixture
