#include "milter/admission.h"

#include <unistd.h>

#include <algorithm>
#include <thread>
#include <utility>

namespace milter
{
namespace
{

// Accounting in steps, so that a header of many fields does not take the lock for each.
constexpr std::uint64_t step = 16'384;

constexpr std::uint64_t in_steps(std::uint64_t octets) { return (octets + step - 1) / step * step; }

std::uint64_t quarter_of_memory()
{
    const long pages = sysconf(_SC_PHYS_PAGES);
    const long page = sysconf(_SC_PAGESIZE);
    if (pages <= 0 || page <= 0) return std::uint64_t{256} << 20;
    return static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page) / 4;
}

}  // namespace

void Admission::set_limits(AdmissionLimits limits)
{
    if (limits.octets == 0) limits.octets = quarter_of_memory();
    if (limits.slots == 0) limits.slots = 2 * std::max(1U, std::thread::hardware_concurrency());
    const std::lock_guard lock(mutex_);
    octet_limit_ = limits.octets;
    slot_limit_ = limits.slots;
    freed_.notify_all();
}

Admission::Usage Admission::usage() const
{
    const std::lock_guard lock(mutex_);
    return {octets_, octet_limit_, slots_, slot_limit_, given_back_, waiting_};
}

bool Admission::fits(std::uint64_t more, std::uint64_t own) const
{
    return octets_ == own || (octets_ <= octet_limit_ && more <= octet_limit_ - octets_);
}

bool Admission::Share::grow_to(std::uint64_t octets)
{
    if (octets <= held_) return true;
    const std::uint64_t more = in_steps(octets - held_);
    const std::lock_guard lock(owner_.mutex_);
    if (!owner_.fits(more, held_)) return false;
    owner_.octets_ += more;
    held_ += more;
    return true;
}

void Admission::Share::shrink_to(std::uint64_t octets)
{
    octets = in_steps(octets);
    if (octets >= held_) return;
    const std::lock_guard lock(owner_.mutex_);
    owner_.octets_ -= held_ - octets;
    held_ = octets;
    owner_.freed_.notify_all();
}

Admission::Slot& Admission::Slot::operator=(Slot&& other) noexcept
{
    if (this != &other) {
        release();
        owner_ = std::exchange(other.owner_, nullptr);
        working_ = std::exchange(other.working_, 0);
        paused_ = std::exchange(other.paused_, false);
    }
    return *this;
}

void Admission::Slot::pause()
{
    if (owner_ == nullptr || paused_) return;
    const std::lock_guard lock(owner_->mutex_);
    --owner_->slots_;
    ++owner_->given_back_;
    paused_ = true;
    owner_->freed_.notify_all();
}

void Admission::Slot::release()
{
    pause();
    if (owner_ == nullptr) return;
    const std::lock_guard lock(owner_->mutex_);
    owner_->octets_ -= working_;
    owner_->freed_.notify_all();
    owner_ = nullptr;
    paused_ = false;
}

bool Admission::wait(std::unique_lock<std::mutex>& lock, std::chrono::steady_clock::time_point deadline,
                     const std::function<bool()>& progress, const std::function<bool()>& free)
{
    while (!free()) {
        const auto now = std::chrono::steady_clock::now();
        if (now >= deadline) return false;
        ++waiting_;
        const bool freed = freed_.wait_until(lock, std::min(deadline, now + std::chrono::seconds(1)), free);
        --waiting_;
        if (freed) break;
        // Not under the lock: this writes to the MTA, which may be slow to read.
        lock.unlock();
        const bool wanted = progress();
        lock.lock();
        if (!wanted) return false;
    }
    return true;
}

Admission::Slot Admission::enter(const Share& share, std::uint64_t working,
                                 std::chrono::steady_clock::time_point deadline,
                                 const std::function<bool()>& progress)
{
    Slot slot;
    std::unique_lock lock(mutex_);
    if (!wait(lock, deadline, progress, [&] { return slots_ < slot_limit_ && fits(working, share.held_); }))
        return slot;
    ++slots_;
    octets_ += working;
    slot.owner_ = this;
    slot.working_ = working;
    return slot;
}

bool Admission::resume(Slot& slot, std::chrono::steady_clock::time_point deadline,
                       const std::function<bool()>& progress)
{
    std::unique_lock lock(mutex_);
    if (!wait(lock, deadline, progress, [&] { return slots_ < slot_limit_; })) return false;
    ++slots_;
    slot.paused_ = false;
    return true;
}

}  // namespace milter
