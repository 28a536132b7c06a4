#include "base/log.h"

#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/ascii.h"

namespace base
{
namespace
{

int priority(Level level)
{
    switch (level) {
        case Level::debug: return LOG_DEBUG;
        case Level::info: return LOG_INFO;
        case Level::notice: return LOG_NOTICE;
        case Level::warning: return LOG_WARNING;
        case Level::error: return LOG_ERR;
    }
    return LOG_ERR;
}

// The last line of defence against forged lines: whatever a text comes from, a
// control character in it does not reach the log as one.  UTF-8 of the
// administrator's own names stays readable.
std::string one_line(std::string_view line)
{
    std::string out;
    out.reserve(line.size());
    for (const char c : line) {
        if (!is_control(c)) {
            out += c;
            continue;
        }
        char code[8];
        std::snprintf(code, sizeof code, "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
        out += code;
    }
    return out;
}

// An Error or a Problem says how bad it is: "error: ..." or "file:3: error: ...".
bool says_itself(std::string_view line, Level level)
{
    const std::string word = std::string(name(level)) + ": ";
    const auto at = line.find(word);
    if (at == 0) return true;
    const auto where = line.substr(0, at);
    return at != std::string_view::npos && where.ends_with(": ") &&
           std::none_of(where.begin(), where.end(), is_control);
}

void write_out(std::string_view text)
{
    // A log that cannot be written has nowhere else to complain.
    if (::write(STDERR_FILENO, text.data(), text.size()) < 0) return;
}

}  // namespace

const char* name(Level level)
{
    switch (level) {
        case Level::debug: return "debug";
        case Level::info: return "info";
        case Level::notice: return "notice";
        case Level::warning: return "warning";
        case Level::error: return "error";
    }
    return "error";
}

Level level_of(Severity severity)
{
    switch (severity) {
        case Severity::notice: return Level::notice;
        case Severity::warning: return Level::warning;
        case Severity::error: return Level::error;
    }
    return Level::error;
}

void Log::record(Level level, const LogLine& line) { write(level, line.text()); }

SyslogLog::SyslogLog(const char* name) { openlog(name, LOG_PID | LOG_NDELAY, LOG_MAIL); }
SyslogLog::~SyslogLog() { closelog(); }

void SyslogLog::write(Level level, std::string_view line)
{
    syslog(priority(level), "%s", one_line(line.substr(0, 8000)).c_str());
}

void StderrLog::write(Level level, std::string_view line)
{
    std::string text = name_ + ": ";
    if (!says_itself(line, level)) text += std::string(base::name(level)) + ": ";
    text += one_line(line);
    text += '\n';
    write_out(text);
}

void StderrLog::put(Level, std::string_view complete) { write_out(one_line(complete) + "\n"); }

void FilterLog::threshold(Level level)
{
    const std::lock_guard lock(mutex_);
    wanted_.threshold = level;
}

void FilterLog::format(LogFormat format)
{
    const std::lock_guard lock(mutex_);
    wanted_.format = format;
}

FilterLog::Wanted FilterLog::wanted() const
{
    const std::lock_guard lock(mutex_);
    return wanted_;
}

void FilterLog::write(Level level, std::string_view line)
{
    const auto now = wanted();
    if (level < now.threshold) return;
    if (now.format == LogFormat::text)
        next_->write(level, line);
    else
        next_->put(level, LogLine().say(line).json(level, SystemClock().now()));
}

void FilterLog::record(Level level, const LogLine& line)
{
    const auto now = wanted();
    if (level < now.threshold) return;
    if (now.format == LogFormat::text)
        next_->write(level, line.text());
    else
        next_->put(level, line.json(level, SystemClock().now()));
}

std::string printable(std::string_view text, std::size_t limit)
{
    std::string out;
    const bool cut = text.size() > limit;
    if (cut) text = text.substr(0, limit);
    for (char c : text) {
        if (c == '\\') {
            out += "\\\\";
        } else if (is_control(c) || static_cast<unsigned char>(c) > 0x7e) {
            char code[8];
            std::snprintf(code, sizeof code, "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
            out += code;
        } else {
            out += c;
        }
    }
    if (cut) out += "...";
    return out;
}

LogLine LogLine::about(std::string_view queue_id)
{
    LogLine line;
    line.has_queue_id_ = true;
    line.queue_id_ = queue_id.empty() ? "NOQUEUE" : queue_id.substr(0, 64);
    return line;
}

LogLine& LogLine::keep(std::string_view key, std::string_view value, Kind kind, std::size_t limit)
{
    fields_.push_back({std::string(key), std::string(value.substr(0, limit)), kind, value.size() > limit});
    return *this;
}

LogLine& LogLine::add(std::string_view key, std::string_view value)
{
    return value.empty() ? *this : keep(key, value, Kind::text, longest_log_value);
}

LogLine& LogLine::address(std::string_view key, std::string_view value)
{
    return keep(key, value, Kind::address, longest_log_value);
}

LogLine& LogLine::number(std::string_view key, long long value)
{
    return keep(key, std::to_string(value), Kind::number, longest_log_value);
}

LogLine& LogLine::say(std::string_view words) { return keep("message", words, Kind::words, longest_json); }

std::string LogLine::text() const
{
    std::string out;
    if (has_queue_id_) {
        // One word, or whoever speaks to our socket could write keys and values with it.
        out = printable(queue_id_) + ":";
        std::replace(out.begin(), out.end(), ' ', '_');
        std::replace(out.begin(), out.end(), '=', '_');
    }
    for (const Field& field : fields_) {
        if (!out.empty()) out += ' ';
        std::string safe = printable(field.value, field.value.size());
        if (field.cut) safe += "...";
        switch (field.kind) {
            case Kind::words: out += safe; continue;
            case Kind::number: out.append(field.key).append("=").append(safe); continue;
            case Kind::address:
                std::replace(safe.begin(), safe.end(), ' ', '_');
                out.append(field.key).append("=<").append(safe).append(">");
                continue;
            case Kind::text: break;
        }
        out.append(field.key).append("=");
        if (safe.find_first_of(" \"=,") == std::string::npos) {
            out += safe;
            continue;
        }
        std::replace(safe.begin(), safe.end(), '"', '\'');
        out.append("\"").append(safe).append("\"");
    }
    return out;
}

}  // namespace base
