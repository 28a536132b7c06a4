// Loading the configuration, at the start and again while mail passes.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "milter/runtime.h"

namespace daemon_main
{

// "1 key", "2 keys".
[[nodiscard]] std::string counted(std::size_t n, const char* what);

// Thread-safe: a signal and the control socket may ask at the same time.
class Loader
{
public:
    // `verbose`: everything is logged, whatever log_level says.
    Loader(std::string file, bool verbose, base::FilterLog& log, const base::Clock& clock);

    // Builds everything anew and swaps it in, or keeps what is there and says
    // why: there are mistakes, or all keys or all anchors would be lost.  Each problem is logged, and what
    // takes effect only after a restart.
    struct Result {
        bool loaded = false;
        std::vector<std::string> lines;  // problems and remarks, as they were logged
    };
    [[nodiscard]] Result reload(milter::Runtime& runtime);

    // With [split] hand_over, from now on beyond our end: see milter/handed_over.h.
    void remember_hand_overs(milter::Runtime& runtime);

    // The first load; nullptr when the daemon cannot start.
    [[nodiscard]] std::shared_ptr<const gateway::Snapshot> load();

    void tell(const std::vector<base::Problem>& problems);  // logs them

    [[nodiscard]] const std::string& file() const { return file_; }
    [[nodiscard]] std::string last() const;  // "2026-11-23T12:00:00Z ok", for status
    struct History {
        bool succeeded = false;  // the last load
        base::Time when;
        base::Time last_success;
    };
    [[nodiscard]] History history() const;

private:
    [[nodiscard]] std::shared_ptr<const gateway::Snapshot> load(std::vector<std::string>& lines,
                                                                const gateway::Snapshot* before);
    void say(base::Level level, const std::string& line, std::vector<std::string>& lines);

    std::string file_;
    bool verbose_;
    base::FilterLog& log_;
    const base::Clock& clock_;
    std::mutex loading_;
    mutable std::mutex last_mutex_;
    History history_;
};

}  // namespace daemon_main
