#include "main/watchdog.h"

#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <exception>

#include "main/notify.h"

namespace daemon_main
{
namespace
{

// A number from the environment; nothing when it is not there or is none.
std::optional<std::uint64_t> number_in(const char* name)
{
    const char* text = getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody calls setenv()
    if (text == nullptr) return std::nullopt;
    std::uint64_t number = 0;
    const char* end = text + std::strlen(text);
    const auto [at, error] = std::from_chars(text, end, number);
    if (error != std::errc() || at != end) return std::nullopt;
    return number;
}

}  // namespace

bool Progress::made(const Activity& activity, Time now)
{
    if (activity.busy <= 0 || activity.finished != finished_) {
        since_ = now;
        finished_ = activity.finished;
    }
    return now - since_ < patience_;
}

std::optional<std::chrono::microseconds> watchdog_interval()
{
    const auto interval = number_in("WATCHDOG_USEC");
    constexpr std::uint64_t longest = std::uint64_t{1} << 50;  // 35 years; keeps the arithmetic safe
    if (!interval || *interval == 0 || *interval > longest) return std::nullopt;
    // The variables are inherited; they are meant for one process.
    const auto pid = number_in("WATCHDOG_PID");
    if (pid && *pid != static_cast<std::uint64_t>(getpid())) return std::nullopt;
    return std::chrono::microseconds(*interval);
}

void Watchdog::start(Observer observe, Complaint complain)
{
    const auto interval = watchdog_interval();
    if (!interval) return;
    thread_ = std::thread([this, interval = *interval, observe = std::move(observe),
                           complain = std::move(complain)] { run(interval, observe, complain); });
}

void Watchdog::run(std::chrono::microseconds interval, const Observer& observe, const Complaint& complain)
{
    std::vector<Progress> progress;
    bool stuck = false;
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        try {
            const auto now = std::chrono::steady_clock::now();
            const auto kinds = observe();
            progress.resize(kinds.size(), Progress(interval, now));
            bool well = true;
            for (std::size_t i = 0; i < kinds.size(); ++i) well = progress[i].made(kinds[i], now) && well;
            if (well) notify_manager("WATCHDOG=1");
            if (well == stuck) complain(!well);
            stuck = !well;
        } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch)
            // There is time for the next look before the manager loses its patience.
        }
        wake_.wait_for(lock, interval / 3, [this] { return stopping_; });
    }
}

void Watchdog::stop()
{
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
}

}  // namespace daemon_main
