#include "base/buffer.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/huge_page.h"

namespace base
{

namespace
{

// Address space that begins at a huge page, so that the kernel moves it by exchanging a
// few entries; not usable yet; nullptr: none left.
char* reserve_aligned(std::size_t size)
{
    if (size > SIZE_MAX - huge_page) return nullptr;
    void* got =
        mmap(nullptr, size + huge_page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (got == MAP_FAILED) return nullptr;
    auto* begin = static_cast<char*>(got);
    const std::size_t skipped = (huge_page - reinterpret_cast<std::uintptr_t>(begin) % huge_page) % huge_page;
    if (skipped > 0) munmap(begin, skipped);
    if (skipped < huge_page) munmap(begin + skipped + size, huge_page - skipped);
    return begin + skipped;
}

char* map(std::size_t size)
{
    char* place = reserve_aligned(size);
    if (place == nullptr) return nullptr;
    if (mprotect(place, size, PROT_READ | PROT_WRITE) == 0) return place;
    munmap(place, size);
    return nullptr;
}

char* remap(char* old, std::size_t old_size, std::size_t size)
{
    void* grown = mremap(old, old_size, size, 0);
    if (grown != MAP_FAILED) return old;
    char* place = reserve_aligned(size);
    if (place == nullptr) return nullptr;
    grown = mremap(old, old_size, size, MREMAP_MAYMOVE | MREMAP_FIXED, place);
    // When that fails the kernel may have taken the place away already, and another
    // thread may have it now: it is left alone.
    return grown == MAP_FAILED ? nullptr : place;
}

}  // namespace

Buffer::~Buffer() { clear(); }

void Buffer::clear()
{
    if (mapped_)
        munmap(data_, capacity_);
    else
        std::free(data_);
    data_ = nullptr;
    size_ = capacity_ = 0;
    mapped_ = false;
}

void Buffer::swap(Buffer& other) noexcept
{
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    std::swap(mapped_, other.mapped_);
}

bool Buffer::reserve(std::size_t wanted)
{
    if (wanted <= capacity_) return true;
    if (wanted < map_threshold) {
        const std::size_t next = std::max<std::size_t>({wanted, capacity_ * 2, 4096});
        void* grown = std::realloc(data_, next);
        if (grown == nullptr) return false;
        data_ = static_cast<char*>(grown);
        capacity_ = next;
        return true;
    }
    const std::size_t next =
        (std::max(wanted, capacity_ + capacity_ / 4) + huge_page - 1) / huge_page * huge_page;
    if (next < wanted) return false;
    char* grown = mapped_ ? remap(data_, capacity_, next) : map(next);
    if (grown == nullptr) return false;
    // Where there are none, nothing is lost.  Not from the beginning, lest a message of
    // 300 kB takes 2 MiB.  (All of it: mremap() wants one mapping, not two.)
    if (next > huge_page) (void)madvise(grown, next, MADV_HUGEPAGE);
    if (!mapped_) {
        if (size_ > 0) std::memcpy(grown, data_, size_);
        std::free(data_);
        mapped_ = true;
    }
    data_ = grown;
    capacity_ = next;
    return true;
}

std::size_t Buffer::held() const
{
    if (!mapped_ || capacity_ <= huge_page) return size_;
    return (size_ + huge_page - 1) / huge_page * huge_page;
}

bool Buffer::append(Octets more)
{
    if (more.empty()) return true;
    if (more.size() > SIZE_MAX - size_ || !reserve(size_ + more.size())) return false;
    std::memcpy(data_ + size_, more.data(), more.size());
    size_ += more.size();
    return true;
}

}  // namespace base
