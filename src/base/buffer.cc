#include "base/buffer.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace base
{

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
    constexpr std::size_t step = 1 << 21;  // whole huge pages where the kernel has them
    const std::size_t next = (std::max(wanted, capacity_ + capacity_ / 4) + step - 1) / step * step;
    if (next < wanted) return false;
    void* grown = mapped_ ? mremap(data_, capacity_, next, MREMAP_MAYMOVE)
                          : mmap(nullptr, next, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (grown == MAP_FAILED) return false;
    if (!mapped_) {
        if (size_ > 0) std::memcpy(grown, data_, size_);
        std::free(data_);
        mapped_ = true;
    }
    data_ = static_cast<char*>(grown);
    capacity_ = next;
    return true;
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
