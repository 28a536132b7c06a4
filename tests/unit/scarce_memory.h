// Memory that runs out at a moment that a test chooses: operator new of the unit tests.
#pragma once

#include <cstddef>

namespace fixture
{

// While it lives, the allocation number `nth` (from 0) fails with std::bad_alloc, once.
// One at a time.
class ScarceMemory
{
public:
    enum class Whose { this_thread, other_threads };

    ScarceMemory(std::size_t nth, Whose whose);
    ~ScarceMemory();
    ScarceMemory(const ScarceMemory&) = delete;
    ScarceMemory& operator=(const ScarceMemory&) = delete;

    [[nodiscard]] static bool has_failed();
};

}  // namespace fixture
