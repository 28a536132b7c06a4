// The service manager's watchdog (WatchdogSec=): it hears from us only while the
// workers make progress.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace daemon_main
{

// One kind of work: how many are at it at the moment, and how often one of them has
// come to the end of a piece of it, ever.
struct Activity {
    std::int64_t busy = 0;
    std::uint64_t finished = 0;
};

// Judges progress.  The workers are stuck when some are busy and none of them has
// finished anything for as long as the patience.  Idle workers are well.
class Progress
{
public:
    using Time = std::chrono::steady_clock::time_point;

    Progress(std::chrono::microseconds patience, Time now) : patience_(patience), since_(now) {}
    [[nodiscard]] bool made(const Activity& activity, Time now);

private:
    std::chrono::microseconds patience_;
    Time since_;  // of the last sign of life
    std::uint64_t finished_ = 0;
};

// $WATCHDOG_USEC, when it is meant for this process; nothing when there is no
// watchdog.
[[nodiscard]] std::optional<std::chrono::microseconds> watchdog_interval();

// A thread that reports three times in each interval, while all kinds of work go on.  Without an interval it
// does nothing.  When it stops reporting it says so once, and again when work goes on.
class Watchdog
{
public:
    using Observer = std::function<std::vector<Activity>()>;  // the same kinds each time
    using Complaint = std::function<void(bool stuck)>;

    Watchdog() = default;
    ~Watchdog() { stop(); }
    Watchdog(const Watchdog&) = delete;
    Watchdog& operator=(const Watchdog&) = delete;

    void start(Observer observe, Complaint complain);
    void stop();

private:
    void run(std::chrono::microseconds interval, const Observer& observe, const Complaint& complain);

    std::mutex mutex_;
    std::condition_variable wake_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace daemon_main
