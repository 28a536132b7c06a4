#include "scarce_memory.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace
{

constexpr long nobody = -1;
std::atomic<long> left = nobody;  // allocations until the one that fails
std::atomic<bool> failed = false, others = false;
thread_local bool chooses = false;  // this is the thread that made the ScarceMemory

bool fails_now()
{
    if (left.load(std::memory_order_relaxed) == nobody || chooses == others) return false;
    if (left.fetch_sub(1) != 0) return false;
    failed = true;
    return true;
}

void* allocate(std::size_t size)
{
    void* got = fails_now() ? nullptr : std::malloc(size == 0 ? 1 : size);
    if (got == nullptr) throw std::bad_alloc();
    return got;
}

}  // namespace

namespace fixture
{

ScarceMemory::ScarceMemory(std::size_t nth, Whose whose)
{
    chooses = true;
    failed = false;
    others = whose == Whose::other_threads;
    left = static_cast<long>(nth);
}

ScarceMemory::~ScarceMemory()
{
    left = nobody;
    chooses = false;
}

bool ScarceMemory::has_failed() { return failed; }

}  // namespace fixture

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t) noexcept { std::free(p); }
