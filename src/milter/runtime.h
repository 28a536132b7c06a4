// What all sessions share: the snapshot in force, limits, log and counters.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "gateway/failure_limit.h"
#include "gateway/outcome.h"
#include "gateway/snapshot.h"
#include "milter/admission.h"
#include "milter/handed_over.h"
#include "milter/meter.h"
#include "store/harvester.h"
#include "store/revocation_fetcher.h"
#include "store/sources.h"

namespace milter
{

// The log lines of the last messages, for "what became of mine?".
class Recent
{
public:
    void add(const std::string& message_id, base::LogLine line);
    // The latest, as text whatever the log is written in.
    [[nodiscard]] std::optional<std::string> find(const std::string& message_id) const;

private:
    static constexpr std::size_t most = 256, longest = 2000;  // lines, octets of one
    mutable std::mutex mutex_;
    std::deque<std::pair<std::string, base::LogLine>> lines_;
};

// What a message is processed with, and where its rule is counted.
struct InForce {
    std::shared_ptr<const gateway::Snapshot> snapshot;
    std::shared_ptr<const RuleHits> hits;
};

// Thread-safe.  Borrows the log, the clock and the source of randomness, which
// must outlive it.
class Runtime
{
public:
    Runtime(base::Log& log_to, const base::Clock& clock_from, base::Random& random_from,
            const std::shared_ptr<const gateway::Snapshot>& first);

    // A message takes the snapshot when it begins and keeps it to its end.  (A
    // mutex, because std::atomic<std::shared_ptr> of libstdc++ 12 is no match
    // for ThreadSanitizer.)
    [[nodiscard]] std::shared_ptr<const gateway::Snapshot> snapshot() const { return in_force().snapshot; }
    [[nodiscard]] InForce in_force() const;
    void replace_snapshot(const std::shared_ptr<const gateway::Snapshot>& next);

    // While draining no new message is taken, and those whose octets are
    // arriving are finished.
    void drain() { draining_ = true; }
    [[nodiscard]] bool draining() const { return draining_; }

    base::Log& log;
    const base::Clock& clock;
    base::Random& random;
    Admission admission;
    // For a turn to compute; what waits longer is postponed.
    std::chrono::seconds longest_wait{30};
    // These outlive snapshots: a reload keeps what is known.
    gateway::FailureLimit failures;
    store::RevocationFetcher revocation{clock};
    store::Sources sources{clock,
                           [this](base::Level level, const std::string& text) { log.write(level, text); }};
    store::Harvester harvester{
        clock, sources, [this](base::Level level, const base::LogLine& line) { log.record(level, line); }};
    HandedOver handed_over;
    Meter meter;
    Recent recent;
    std::atomic<std::int64_t> connections = 0;
    std::atomic<std::int64_t> messages = 0;   // from MAIL to the end
    std::atomic<std::int64_t> receiving = 0;  // from the first header field to the end

private:
    void follow(const gateway::Snapshot& snapshot);

    mutable std::mutex mutex_;
    InForce in_force_;
    std::atomic<bool> draining_ = false;
};

// Adds one to a counter for as long as it lives.
class Counted
{
public:
    explicit Counted(std::atomic<std::int64_t>& counter) : counter_(counter) { ++counter_; }
    ~Counted() { --counter_; }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;

private:
    std::atomic<std::int64_t>& counter_;
};

}  // namespace milter
