// Where the figures of metrics.h go: into a file that is replaced at an interval, and to
// whoever asks over a unix socket or a loopback address.
//
// The process holds private keys, so there is no web server in it.  What there is takes a
// request of at most 4096 octets, looks at nothing but its first line, gives one of six
// answers and closes the connection:
//
//   GET /metrics  ->  200, Prometheus' text format 0.0.4
//   GET /healthz  ->  200 "ok", or 503 "stopping"
//   else          ->  400, 404, 405, 408 or 431
//
// Eight clients at a time, five seconds to ask, ten to read (Answering).  A thread of its
// own, which ends with stop(); mail waits neither for it nor for a slow disk.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/result.h"
#include "main/answering.h"
#include "main/listener.h"
#include "policy/config.h"

namespace daemon_main
{

class MetricsService
{
public:
    // Called on the thread of this object.
    struct Source {
        std::function<std::string()> text;
        std::function<bool()> stopping;
    };

    explicit MetricsService(base::Log& log) : log_(log) {}
    ~MetricsService() { stop(); }
    MetricsService(const MetricsService&) = delete;
    MetricsService& operator=(const MetricsService&) = delete;

    // Binds metrics_listen, where there is one; see Listener.
    [[nodiscard]] base::Result<> open(const policy::Config& config, const std::string& user);
    // Begins to serve, when there is a socket or a file; the source must outlive it.
    [[nodiscard]] base::Result<> start(const policy::Config& config, Source source);
    // After a reload: metrics_file and metrics_interval of the new configuration.
    // Thread-safe, not together with stop().
    [[nodiscard]] base::Result<> follow(const policy::Config& config);
    // The socket and the file go, too: figures of a daemon that is not there are wrong.
    void stop();

private:
    struct Target {
        std::string path;  // "": no file
        std::chrono::seconds interval{15};
    };
    [[nodiscard]] static Target target_of(const policy::Config& config);
    [[nodiscard]] base::Result<> run();
    [[nodiscard]] std::chrono::milliseconds write_file();

    base::Log& log_;
    Listener listener_;
    Source source_;
    std::mutex mutex_;
    Target target_;              // guarded by mutex_
    std::string written_;        // the file that is there; of the thread, of stop() after it
    bool failed_ = false;        // likewise: the last time it could not be written
    Answering answering_{log_};  // destroyed before what its thread uses
};

// The answer to a request, head and body; `question` as far as it came.
[[nodiscard]] std::string http_answer(std::string_view question, const MetricsService::Source& source);

}  // namespace daemon_main
