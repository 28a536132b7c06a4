// Who may use how much: octets in memory and concurrent cryptography.
//
// libmilter's pool of threads has no upper bound, so we bound what its threads
// do.  What does not fit is answered with 451 and comes again; the machine is
// never driven out of memory.  Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>

namespace milter
{

struct AdmissionLimits {
    std::uint64_t octets = 0;  // 0: a quarter of the machine's memory, or of what our cgroup may use
    unsigned slots = 0;        // 0: two for each processor
};

// Of the machine, or what our cgroup may use of it.
[[nodiscard]] std::uint64_t usable_memory();

class Admission
{
public:
    explicit Admission(AdmissionLimits limits = {}) { set_limits(limits); }

    // A reload may change them while messages are in flight; what is admitted stays.
    void set_limits(AdmissionLimits limits);

    struct Usage {
        std::uint64_t octets = 0, octet_limit = 0;
        unsigned slots = 0, slot_limit = 0;
        std::uint64_t slots_given_back = 0;  // ever
        unsigned waiting = 0;                // for a slot, or for memory to work in
    };
    [[nodiscard]] Usage usage() const;

    // The octets one message holds, given back when it dies or is released.
    // One message at a time, not for concurrent use.
    class Share
    {
    public:
        explicit Share(Admission& owner) : owner_(owner) {}
        ~Share() { release(); }
        Share(const Share&) = delete;
        Share& operator=(const Share&) = delete;

        // False: over the cap, and nothing changed.  A message that is alone is
        // always admitted, or one larger than the cap could never get through.
        [[nodiscard]] bool grow_to(std::uint64_t octets);
        void shrink_to(std::uint64_t octets);
        void release() { shrink_to(0); }
        [[nodiscard]] std::uint64_t held() const { return held_; }

    private:
        friend class Admission;
        Admission& owner_;
        std::uint64_t held_ = 0;
    };

    // The right to do cryptography and to use `working` octets more meanwhile;
    // given back when it dies.  While its owner waits for somebody else the right can
    // be with others; the octets stay, they are still used.
    class Slot
    {
    public:
        Slot() = default;
        Slot(Slot&& other) noexcept { *this = static_cast<Slot&&>(other); }
        Slot& operator=(Slot&& other) noexcept;
        ~Slot() { release(); }
        [[nodiscard]] explicit operator bool() const { return owner_ != nullptr && !paused_; }
        void pause();  // until Admission::resume()
        // The work is done; of its octets these are still used.
        void finish(std::uint64_t octets);
        void release() { finish(0); }

    private:
        friend class Admission;
        Admission* owner_ = nullptr;
        std::uint64_t working_ = 0;
        bool paused_ = false;
    };

    // Waits for both at most until `deadline`, first come, first served; `progress` is
    // called about once a second meanwhile and ends the wait when it returns false
    // (nobody is waiting for the answer any more); it must not throw.  An empty Slot:
    // not granted.
    // When nobody is at work, nor uses octets of it, the first in the queue may be, whatever
    // the octets: else messages that together hold all there is would wait for one another.
    [[nodiscard]] Slot enter(const Share& share, std::uint64_t working,
                             std::chrono::steady_clock::time_point deadline,
                             const std::function<bool()>& progress);
    // The same for a slot that is paused; false: not granted, it still is.  Those who have
    // begun go before those who have not: they hold memory, and need no more.
    [[nodiscard]] bool resume(Slot& slot, std::chrono::steady_clock::time_point deadline,
                              const std::function<bool()>& progress);

private:
    struct Waiter {
        std::uint64_t working, own;
        bool admitted;  // has its octets already
        bool granted = false;
        std::condition_variable called{};
    };
    // Until it is granted; false: it is not, and has left the queue.
    bool wait(Waiter& self, std::unique_lock<std::mutex>& lock,
              std::chrono::steady_clock::time_point deadline, const std::function<bool()>& progress);
    [[nodiscard]] bool fits(std::uint64_t more, std::uint64_t own) const;
    void call_waiters();  // as far as what is free reaches; under the lock

    mutable std::mutex mutex_;
    std::list<Waiter*> queue_;  // the one that came first is the first
    std::uint64_t octets_ = 0, octet_limit_ = 0;
    unsigned slots_ = 0, slot_limit_ = 0;
    unsigned at_work_ = 0;  // those that have a slot, paused or not, or still use octets of their work
    std::uint64_t given_back_ = 0;
};

}  // namespace milter
