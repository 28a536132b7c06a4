// What happened, counted: for metrics and for `smimectl status`.
//
// A message costs some additions to atomics and a search in two short lists; nothing
// waits for anything.  Whoever reads gets each number right, and numbers that belong
// together right to within the messages that end meanwhile.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/outcome.h"
#include "policy/config.h"

namespace milter
{

using Count = std::atomic<std::uint64_t>;

// How many values fell between which bounds.  The sum is in whole units of its values.
template <std::size_t N>
class Histogram
{
public:
    using Bounds = std::array<std::uint64_t, N>;  // ascending; what is larger than all has a place, too

    explicit Histogram(const Bounds& bounds) : bounds_(bounds) {}
    void add(std::uint64_t value)
    {
        std::size_t i = 0;
        while (i < N && value > bounds_[i]) ++i;
        counts_[i].fetch_add(1, std::memory_order_relaxed);
        sum_.fetch_add(value, std::memory_order_relaxed);
    }

    [[nodiscard]] const Bounds& bounds() const { return bounds_; }
    [[nodiscard]] std::uint64_t count(std::size_t i) const
    {
        return counts_[i].load(std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t sum() const { return sum_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t total() const
    {
        std::uint64_t n = 0;
        for (const auto& one : counts_) n += one.load(std::memory_order_relaxed);
        return n;
    }

private:
    Bounds bounds_;
    std::array<Count, N + 1> counts_{};
    Count sum_ = 0;
};

// How messages ended: by the facts "action" and "status" of the log line.  There are some
// dozens of these; should there ever be more than fit, the rest is "other".
class Endings
{
public:
    static constexpr std::size_t most = 64;
    struct Ending {
        std::string action, result;  // "none" where the log line has no status
        std::uint64_t count;
    };

    void add(std::string_view action, std::string_view result);
    [[nodiscard]] std::vector<Ending> all() const;

private:
    struct Slot {
        std::string action, result;
        Count count = 0;
    };
    [[nodiscard]] Slot* find(std::string_view action, std::string_view result);

    std::array<Slot, most> slots_;       // immutable once counted in used_, but for the count
    std::atomic<std::size_t> used_ = 0;  // release after a slot is ready, acquire before it is read
    std::mutex adding_;
    Count others_ = 0;
};

// How often each rule of a configuration applied.  A reload makes a new one, in which the
// rules of the same names go on counting.
class RuleHits
{
public:
    RuleHits() = default;
    RuleHits(std::span<const policy::Rule> rules, const RuleHits* before);
    void add(std::string_view rule) const;

    struct Hits {
        std::string_view rule;
        std::uint64_t count;
    };
    [[nodiscard]] std::vector<Hits> all() const;  // in the order of the rules

private:
    using Shared = std::shared_ptr<Count>;
    std::map<std::string, Shared, std::less<>> by_name_;
    std::vector<std::string> order_;
};

class Meter
{
public:
    // From the end of the header or of the message to the answer; octets where the whole
    // message was seen.
    void count(const gateway::Outcome& outcome, const RuleHits* rules, std::chrono::microseconds spent,
               std::optional<std::uint64_t> octets);

    using Duration = Histogram<15>;  // microseconds
    using Octets = Histogram<9>;
    Endings endings;
    std::array<Count, gateway::stages> errors{};
    Duration duration{{1'000, 2'000, 5'000, 10'000, 20'000, 50'000, 100'000, 200'000, 500'000, 1'000'000,
                       2'000'000, 5'000'000, 10'000'000, 30'000'000, 60'000'000}};
    Octets octets{{1U << 10, 1U << 12, 1U << 14, 1U << 16, 1U << 18, 1U << 20, 1U << 22, 1U << 24, 1U << 26}};
};

}  // namespace milter
