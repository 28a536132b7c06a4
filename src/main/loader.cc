#include "main/loader.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace daemon_main
{
namespace
{

// Changes that a running daemon cannot follow: it is bound and it is who it is.
std::vector<std::string> restart_needed(const policy::Config& old, const policy::Config& now)
{
    std::vector<std::string> keys;
    if (old.socket != now.socket) keys.emplace_back("socket");
    if (old.control_socket != now.control_socket) keys.emplace_back("control_socket");
    if (old.metrics_listen != now.metrics_listen) keys.emplace_back("metrics_listen");
    if (old.user != now.user) keys.emplace_back("user");
    return keys;
}

// All keys or all anchors would be gone: an empty mount point or a changed mode,
// more often than somebody's will, who can say so in the configuration.
bool loses(const gateway::Snapshot& before, const gateway::Snapshot& now)
{
    return std::any_of(now.lacks.begin(), now.lacks.end(), [&](const base::Error& lack) {
        return std::none_of(before.lacks.begin(), before.lacks.end(),
                            [&](const base::Error& known) { return known.what == lack.what; });
    });
}

// Where the unit keeps what it may forget; "" where there is no such place.
std::string state_file(const char* name)
{
    const char* given = getenv("STATE_DIRECTORY");  // NOLINT(concurrency-mt-unsafe)
    const std::string directory = given != nullptr && *given == '/' ? given : "/var/lib/smime-milter";
    return access(directory.c_str(), W_OK | X_OK) == 0 ? directory + "/" + name : std::string();
}

}  // namespace

std::string counted(std::size_t n, const char* what)
{
    return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

Loader::Loader(std::string file, bool verbose, base::FilterLog& log, const base::Clock& clock)
    : file_(std::move(file)), verbose_(verbose), log_(log), clock_(clock)
{
    if (verbose_) log_.threshold(base::Level::debug);
}

void Loader::say(base::Level level, const std::string& line, std::vector<std::string>& lines)
{
    log_.write(level, line);
    lines.push_back(line);
}

std::shared_ptr<const gateway::Snapshot> Loader::load(std::vector<std::string>& lines,
                                                      const gateway::Snapshot* before)
{
    std::vector<base::Problem> problems;
    auto snapshot = gateway::load_snapshot(file_, clock_.now(), problems,
                                           {.key_index = state_file("keys.index"), .before = before});
    if (snapshot)
        for (const auto& lack : snapshot->lacks) problems.push_back({base::Severity::error, lack});
    for (const auto& problem : problems) say(level_of(problem.severity), problem.text(), lines);
    if (snapshot && before != nullptr && loses(*before, *snapshot)) snapshot = nullptr;
    if (snapshot && !verbose_) log_.threshold(snapshot->config.log_level);
    if (snapshot) log_.format(snapshot->config.log_format);
    const std::lock_guard lock(last_mutex_);
    history_.when = clock_.now();
    history_.succeeded = snapshot != nullptr;
    if (snapshot) history_.last_success = history_.when;
    return snapshot;
}

std::shared_ptr<const gateway::Snapshot> Loader::load()
{
    const std::lock_guard lock(loading_);
    std::vector<std::string> lines;
    return load(lines, nullptr);
}

void Loader::remember_hand_overs(milter::Runtime& runtime)
{
    if (runtime.snapshot()->config.split.hand_over.empty()) return;
    const std::string file = state_file("handed-over");
    if (file.empty())
        return log_.write(base::Level::warning,
                          "[split] hand_over: there is no directory for state, so a restart makes copies "
                          "possible that come twice");
    if (const auto kept = runtime.handed_over.keep_in(file, clock_.now()); !kept)
        log_.write(base::Level::error, "[split] hand_over: " + kept.error().text());
}

Loader::Result Loader::reload(milter::Runtime& runtime)
{
    const std::lock_guard lock(loading_);
    Result result;
    auto snapshot = load(result.lines, runtime.snapshot().get());
    if (!snapshot) {
        say(base::Level::error, "the configuration was not loaded, the one from before stays in force",
            result.lines);
        return result;
    }
    for (const auto& key : restart_needed(runtime.snapshot()->config, snapshot->config))
        say(base::Level::warning, key + " has changed: this takes effect after a restart", result.lines);
    const std::string summary = "configuration loaded: " + counted(snapshot->config.rules.size(), "rule") +
                                ", " + counted(snapshot->keys.all().size(), "key");
    runtime.replace_snapshot(snapshot);
    remember_hand_overs(runtime);
    say(base::Level::notice, summary, result.lines);
    result.loaded = true;
    return result;
}

void Loader::tell(const std::vector<base::Problem>& problems)
{
    for (const auto& problem : problems) log_.write(level_of(problem.severity), problem.text());
}

std::string Loader::last() const
{
    const auto last = history();
    return base::iso8601(last.when) + (last.succeeded ? " ok" : " failed");
}

Loader::History Loader::history() const
{
    const std::lock_guard lock(last_mutex_);
    return history_;
}

}  // namespace daemon_main
