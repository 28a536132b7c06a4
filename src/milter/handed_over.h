// Which copies of split mail the MTA has taken already, so that a message that is
// tried again does not reach anybody twice.
//
// A copy is known by its id (gateway::HandOver).  What is remembered survives reloads,
// and with a file also the end of the daemon, however it ends; not that of the machine:
// lines are written at once, but nobody waits for the disk.  It is bounded: after five
// days, two hours after the last copy of its message, or when there are more than 20,000
// later ones, a copy is forgotten.
#pragma once

#include <cstddef>
#include <list>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "base/result.h"

namespace milter
{

// Thread-safe.
class HandedOver
{
public:
    static constexpr std::size_t most = 20'000;
    static constexpr std::chrono::hours longest{5 * 24};  // as long as queues try again
    static constexpr std::chrono::hours for_a_retry{2};   // of a message that is done

    // From now on also in this file, whose content is read first.  Lines that make no
    // sense are passed over: the end of one may be missing.
    [[nodiscard]] base::Result<> keep_in(const std::string& file, base::Time now);

    [[nodiscard]] bool knows(const std::string& id, base::Time now) const;
    // An error: it is remembered, but not in the file.
    [[nodiscard]] base::Result<> add(const std::string& id, base::Time now,
                                     std::chrono::hours for_how_long = longest);
    // All copies of its message were taken: it is remembered for a retry only, from now
    // on, and no longer because it is tried again.
    [[nodiscard]] base::Result<> settle(const std::string& id, base::Time now);
    [[nodiscard]] base::Result<> forget(const std::string& id);
    [[nodiscard]] std::size_t size() const;

private:
    using Entries = std::list<std::pair<std::string, base::Time>>;  // the oldest comes first

    void put(const std::string& id, base::Time at);
    void drop(const std::string& id);
    void make_room(base::Time now);
    [[nodiscard]] base::Result<> write(const std::string& line);
    [[nodiscard]] base::Result<> write_all();

    mutable std::mutex mutex_;
    Entries entries_;
    std::unordered_map<std::string, Entries::iterator> known_;
    std::string file_;
    std::size_t lines_ = 0;  // in the file
};

}  // namespace milter
