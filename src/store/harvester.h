// Remembering what mail teaches, away from the mail: a thread of its own writes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "store/harvest.h"
#include "store/sources.h"

namespace store
{

// Thread-safe.  A lesson that finds too many others waiting, or a database that
// cannot be written, is lost: the next message teaches it again.
class Harvester
{
public:
    using Tell = std::function<void(base::Level, const base::LogLine&)>;
    // Borrows the clock and the sources, whose answers about an author are forgotten
    // when there is a new one.
    Harvester(const base::Clock& clock, Sources& sources, Tell tell);
    ~Harvester();
    Harvester(const Harvester&) = delete;
    Harvester& operator=(const Harvester&) = delete;

    // What to write to, from now on; nullptr: nothing.  A database is opened, brought up
    // to date and checked then, and set aside when it is damaged.
    void configure(const SourceSettings* into, Harvest mode);
    void learn(Lesson lesson);  // does not wait
    void stop();                // what waits is lost; waits for the thread

    struct Counts {
        std::uint64_t used = 0, pending = 0, ignored = 0, lost = 0;  // seen again is not counted
    };
    [[nodiscard]] Counts counts() const;
    void wait_until_idle();  // for tests

private:
    class Shared;
    std::shared_ptr<Shared> shared_;
};

}  // namespace store
