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

const char* name_of(Level level)
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
    const std::string word = std::string(name_of(level)) + ": ";
    const auto at = line.find(word);
    if (at == 0) return true;
    const auto where = line.substr(0, at);
    return at != std::string_view::npos && where.ends_with(": ") &&
           std::none_of(where.begin(), where.end(), is_control);
}

}  // namespace

SyslogLog::SyslogLog(const char* name) { openlog(name, LOG_PID | LOG_NDELAY, LOG_MAIL); }
SyslogLog::~SyslogLog() { closelog(); }

void SyslogLog::write(Level level, std::string_view line)
{
    syslog(priority(level), "%s", one_line(line.substr(0, 8000)).c_str());
}

void StderrLog::write(Level level, std::string_view line)
{
    std::string text = name_ + ": ";
    if (!says_itself(line, level)) text += std::string(name_of(level)) + ": ";
    text += one_line(line);
    text += '\n';
    // A log that cannot be written has nowhere else to complain.
    if (::write(STDERR_FILENO, text.data(), text.size()) < 0) return;
}

void FilterLog::threshold(Level level)
{
    const std::lock_guard lock(mutex_);
    threshold_ = level;
}

void FilterLog::write(Level level, std::string_view line)
{
    {
        const std::lock_guard lock(mutex_);
        if (level < threshold_) return;
    }
    next_->write(level, line);
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

LogLine& LogLine::add(std::string_view key, std::string_view value)
{
    if (value.empty()) return *this;
    if (!text_.empty()) text_ += ' ';
    text_ += key;
    text_ += '=';
    const std::string safe = printable(value);
    if (safe.find_first_of(" \"=,") == std::string::npos) {
        text_ += safe;
        return *this;
    }
    text_ += '"';
    for (char c : safe) text_ += c == '"' ? '\'' : c;
    text_ += '"';
    return *this;
}

LogLine& LogLine::address(std::string_view key, std::string_view value)
{
    if (!text_.empty()) text_ += ' ';
    text_ += key;
    text_ += "=<";
    std::string safe = printable(value);
    std::replace(safe.begin(), safe.end(), ' ', '_');
    text_ += safe + '>';
    return *this;
}

LogLine& LogLine::number(std::string_view key, long long value) { return add(key, std::to_string(value)); }

}  // namespace base
