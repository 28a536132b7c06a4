// The one place that owns a message's octets.
#pragma once

#include <cstddef>

#include "base/octets.h"

namespace base
{

// A growing run of octets.  Small buffers live on the heap; from `map_threshold` on
// in an own mapping that mremap(2) grows without a copy and that goes back to the
// system at once when the buffer dies.  A mapping of more than a huge page is made of
// huge pages where the kernel has them: what a large message costs is page faults, and
// there are five hundred times fewer of those.
//
// Views into it are valid until it is changed, reserve() included.  Not for concurrent use.
class Buffer
{
public:
    static constexpr std::size_t map_threshold = 256U << 10;

    Buffer() = default;
    Buffer(Buffer&& other) noexcept { swap(other); }
    Buffer& operator=(Buffer&& other) noexcept
    {
        Buffer moved(static_cast<Buffer&&>(other));
        swap(moved);
        return *this;
    }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer();

    // False when memory cannot be had; the content is then as it was before.
    [[nodiscard]] bool append(Octets more);
    [[nodiscard]] bool reserve(std::size_t capacity);
    void clear();  // gives the memory back

    [[nodiscard]] Octets view() const { return {data_, size_}; }
    [[nodiscard]] std::size_t size() const { return size_; }
    // Of memory, for what it holds: huge pages are there as a whole.
    [[nodiscard]] std::size_t held() const;

private:
    void swap(Buffer& other) noexcept;
    char* data_ = nullptr;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
    bool mapped_ = false;
};

}  // namespace base
