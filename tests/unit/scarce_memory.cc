#include "scarce_memory.h"

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <limits>
#include <new>

#include "cms/library.h"

namespace
{

constexpr long never = std::numeric_limits<long>::min();
std::atomic<std::size_t> made = 0;
std::atomic<long> left = never;  // allocations until the one that fails
std::atomic<fixture::ScarceMemory::Whose> whose;
thread_local bool chooses = false;  // this is the thread that made the ScarceMemory

bool fails_now()
{
    if (left.load(std::memory_order_relaxed) == never) return false;
    if (chooses != (whose == fixture::ScarceMemory::Whose::this_thread)) return false;
    ++made;
    return left-- == 0;
}

// Before any test has OpenSSL do anything.
[[maybe_unused]] const bool looked_after = cms::look_after_memory();

}  // namespace

namespace fixture
{

ScarceMemory::ScarceMemory(std::size_t nth, Whose of)
{
    chooses = true;
    made = 0;
    whose = of;
    left = static_cast<long>(nth);
}

ScarceMemory::~ScarceMemory()
{
    left = never;
    chooses = false;
}

void ScarceMemory::end() { left = never; }
std::size_t ScarceMemory::allocations() { return made; }

}  // namespace fixture

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)

namespace
{

void* allocate(std::size_t size) noexcept
{
    return fails_now() ? nullptr : std::malloc(size == 0 ? 1 : size);
}

void* must_allocate(std::size_t size)
{
    void* got = allocate(size);
    if (got == nullptr) throw std::bad_alloc();
    return got;
}

}  // namespace

// All that the sanitizer would serve from memory of a kind of its own.
void* operator new(std::size_t size) { return must_allocate(size); }
void* operator new[](std::size_t size) { return must_allocate(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { std::free(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t) noexcept { std::free(p); }

#else

extern "C" {
void* __libc_malloc(std::size_t size);  // NOLINT(bugprone-reserved-identifier): glibc's own

void* malloc(std::size_t size)
{
    if (!fails_now()) return __libc_malloc(size);
    errno = ENOMEM;
    return nullptr;
}
}

#endif
