#include "milter/admission.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <utility>

namespace milter
{
namespace
{

// Accounting in steps, so that a header of many fields does not take the lock for each.
constexpr std::uint64_t step = 16'384;

constexpr std::uint64_t in_steps(std::uint64_t octets) { return (octets + step - 1) / step * step; }

// What the cgroup of this process, and those around it, allow (cgroup v2; MemoryMax of
// systemd); no number where there is no such limit.
std::optional<std::uint64_t> cgroup_limit()
{
    std::string path;
    std::ifstream own("/proc/self/cgroup");
    for (std::string line; std::getline(own, line);)
        if (line.starts_with("0::")) path = line.substr(3);
    std::optional<std::uint64_t> least;
    constexpr int deepest = 16;
    for (int depth = 0; !path.empty() && depth < deepest; ++depth) {
        std::ifstream file("/sys/fs/cgroup" + path + "/memory.max");
        std::uint64_t limit = 0;  // "max" is no number
        if (file >> limit) least = std::min(least.value_or(limit), limit);
        path.resize(std::min(path.rfind('/'), path.size()));
    }
    return least;
}

}  // namespace

std::uint64_t usable_memory()
{
    const long pages = sysconf(_SC_PHYS_PAGES);
    const long page = sysconf(_SC_PAGESIZE);
    std::uint64_t memory = std::uint64_t{1} << 30;
    if (pages > 0 && page > 0) memory = static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page);
    return std::min(memory, cgroup_limit().value_or(memory));
}

void Admission::set_limits(AdmissionLimits limits)
{
    if (limits.octets == 0) limits.octets = usable_memory() / 4;
    if (limits.slots == 0) limits.slots = 2 * std::max(1U, std::thread::hardware_concurrency());
    const std::lock_guard lock(mutex_);
    octet_limit_ = limits.octets;
    slot_limit_ = limits.slots;
    call_waiters();
}

Admission::Usage Admission::usage() const
{
    const std::lock_guard lock(mutex_);
    return {octets_, octet_limit_, slots_, slot_limit_, given_back_, static_cast<unsigned>(queue_.size())};
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
    owner_.call_waiters();
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
    owner_->call_waiters();
}

void Admission::Slot::finish(std::uint64_t octets)
{
    pause();
    if (owner_ == nullptr) return;
    const std::lock_guard lock(owner_->mutex_);
    octets = std::min(octets, working_);
    owner_->octets_ -= working_ - octets;
    working_ = octets;
    if (octets == 0) --owner_->at_work_;
    owner_->call_waiters();
    if (octets != 0) return;
    owner_ = nullptr;
    paused_ = false;
}

void Admission::call_waiters()
{
    while (!queue_.empty() && slots_ < slot_limit_) {
        Waiter& first = *queue_.front();
        if (!first.admitted && at_work_ > 0 && !fits(first.working, first.own)) return;
        if (!first.admitted) ++at_work_;
        ++slots_;
        octets_ += first.working;
        first.granted = true;
        first.called.notify_one();
        queue_.pop_front();
    }
}

bool Admission::wait(Waiter& self, std::unique_lock<std::mutex>& lock,
                     std::chrono::steady_clock::time_point deadline, const std::function<bool()>& progress)
{
    call_waiters();
    while (!self.granted) {
        const auto now = std::chrono::steady_clock::now();
        const bool late = now >= deadline;
        if (!late && self.called.wait_until(lock, std::min(deadline, now + std::chrono::seconds(1)),
                                            [&] { return self.granted; }))
            break;
        // Not under the lock: this writes to the MTA, which may be slow to read.
        lock.unlock();
        const bool wanted = !late && progress();
        lock.lock();
        if (self.granted || wanted) continue;
        queue_.remove(&self);
        call_waiters();  // who stood behind us may have wanted less
        return false;
    }
    return true;
}

Admission::Slot Admission::enter(const Share& share, std::uint64_t working,
                                 std::chrono::steady_clock::time_point deadline,
                                 const std::function<bool()>& progress)
{
    Slot slot;
    Waiter self{working, share.held_, false};
    std::unique_lock lock(mutex_);
    queue_.push_back(&self);
    if (!wait(self, lock, deadline, progress)) return slot;
    slot.owner_ = this;
    slot.working_ = working;
    return slot;
}

bool Admission::resume(Slot& slot, std::chrono::steady_clock::time_point deadline,
                       const std::function<bool()>& progress)
{
    Waiter self{0, 0, true};
    std::unique_lock lock(mutex_);
    queue_.insert(std::find_if(queue_.begin(), queue_.end(), [](const Waiter* w) { return !w->admitted; }),
                  &self);
    if (!wait(self, lock, deadline, progress)) return false;
    slot.paused_ = false;
    return true;
}

}  // namespace milter
