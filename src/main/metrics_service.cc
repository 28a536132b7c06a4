#include "main/metrics_service.h"

#include <unistd.h>

#include <algorithm>

#include "base/file.h"

namespace daemon_main
{
namespace
{

constexpr Answering::Limits limits{4096, 8, std::chrono::seconds(5), std::chrono::seconds(10)};
constexpr unsigned readable_by_all = 0644;

bool is_whole(std::string_view request)
{
    return request.find("\r\n\r\n") != std::string_view::npos ||
           request.find("\n\n") != std::string_view::npos;
}

std::string reply(std::string_view status, std::string_view type, std::string_view body,
                  std::string_view more = {})
{
    std::string out = "HTTP/1.1 ";
    out.append(status).append("\r\nContent-Type: ").append(type);
    out.append("\r\nContent-Length: ").append(std::to_string(body.size()));
    out.append("\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n").append(more);
    return out.append("Connection: close\r\n\r\n").append(body);
}

std::string plain(std::string_view status, std::string_view more = {})
{
    return reply(status, "text/plain; charset=utf-8", std::string(status.substr(4)) + "\n", more);
}

}  // namespace

std::string http_answer(std::string_view question, const MetricsService::Source& source)
{
    if (!is_whole(question))
        return plain(question.size() >= limits.question ? "431 Request Header Fields Too Large"
                                                        : "408 Request Timeout");
    // "GET /metrics?ignored HTTP/1.1"
    auto line = question.substr(0, question.find('\n'));
    if (line.ends_with('\r')) line.remove_suffix(1);
    const auto first = line.find(' '), last = line.rfind(' ');
    if (first == std::string_view::npos || first == last || !line.substr(last + 1).starts_with("HTTP/1."))
        return plain("400 Bad Request");
    auto path = line.substr(first + 1, last - first - 1);
    path = path.substr(0, path.find('?'));
    const bool metrics = path == "/metrics";
    if (!metrics && path != "/healthz") return plain("404 Not Found");
    if (line.substr(0, first) != "GET") return plain("405 Method Not Allowed", "Allow: GET\r\n");
    if (metrics) return reply("200 OK", "text/plain; version=0.0.4; charset=utf-8", source.text());
    return source.stopping() ? reply("503 Service Unavailable", "text/plain; charset=utf-8", "stopping\n")
                             : reply("200 OK", "text/plain; charset=utf-8", "ok\n");
}

MetricsService::Target MetricsService::target_of(const policy::Config& config)
{
    return {config.metrics_file, std::chrono::seconds(config.metrics_interval)};
}

base::Result<> MetricsService::open(const policy::Config& config, const std::string& user)
{
    if (config.metrics_listen.empty()) return {};
    const auto endpoint = milter::Endpoint::parse(config.metrics_listen);
    if (!endpoint) return base::fail(endpoint.error());
    return listener_.open(*endpoint, "metrics_listen", user);
}

base::Result<> MetricsService::start(const policy::Config& config, Source source)
{
    const std::lock_guard lock(mutex_);
    source_ = std::move(source);
    target_ = target_of(config);
    if (listener_.descriptor() < 0 && target_.path.empty()) return {};
    return run();
}

base::Result<> MetricsService::follow(const policy::Config& config)
{
    const std::lock_guard lock(mutex_);
    target_ = target_of(config);
    if (answering_.running())
        answering_.wake();
    else if (!target_.path.empty())
        return run();
    return {};
}

base::Result<> MetricsService::run()
{
    return answering_.start(
        listener_.descriptor(), limits,
        {is_whole, [this](std::string_view question) { return http_answer(question, source_); },
         [this] { return write_file(); }});
}

std::chrono::milliseconds MetricsService::write_file()
{
    Target target;
    {
        const std::lock_guard lock(mutex_);
        target = target_;
    }
    if (!written_.empty() && written_ != target.path) {
        unlink(written_.c_str());
        written_.clear();
    }
    if (target.path.empty()) return std::chrono::hours(1);
    const auto done = base::write_file(target.path, source_.text(), readable_by_all);
    if (done) {
        written_ = target.path;
        if (failed_) log_.write(base::Level::notice, target.path + ": the metrics are written again");
    } else if (!failed_) {
        // Once, not each time: the rest works, and it is seen by the age of the file.
        auto error = done.error();
        error.what = "metrics_file: " + error.what;
        if (error.remedy.empty()) error.remedy = "make its directory one that the daemon's user may write to";
        log_.write(base::Level::warning, error.text());
    }
    failed_ = !done;
    return target.interval;
}

void MetricsService::stop()
{
    answering_.stop();
    listener_.close();
    if (!written_.empty()) unlink(written_.c_str());
    written_.clear();
}

}  // namespace daemon_main
