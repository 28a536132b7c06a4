// One log line per message, key=value, safe against what strangers write.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace base
{

enum class Level { debug, info, notice, warning, error };

// Where lines go.  Implementations are safe to call from several threads, and
// write a control character in a line as \xHH: a line stays one line.
class Log
{
public:
    virtual ~Log() = default;
    virtual void write(Level level, std::string_view line) = 0;
};

// syslog(3), facility LOG_MAIL, under the name given (which must outlive it).
class SyslogLog final : public Log
{
public:
    explicit SyslogLog(const char* name);
    ~SyslogLog() override;
    void write(Level level, std::string_view line) override;
};

class StderrLog final : public Log
{  // "name: level: line", one write(2) a line
public:
    explicit StderrLog(std::string name) : name_(std::move(name)) {}
    void write(Level level, std::string_view line) override;

private:
    std::string name_;
};

// Drops lines below a level, which a reload may change.
class FilterLog final : public Log
{
public:
    explicit FilterLog(std::unique_ptr<Log> next) : next_(std::move(next)) {}
    void threshold(Level level);
    void write(Level level, std::string_view line) override;

private:
    std::unique_ptr<Log> next_;
    std::mutex mutex_;
    Level threshold_ = Level::info;
};

// Control characters and octets above 0x7e become \xHH, `\` becomes `\\`;
// at most `limit` octets of input are kept, then "...".
[[nodiscard]] std::string printable(std::string_view text, std::size_t limit = 256);

// Builds `key=value key="value with blanks"`.
class LogLine
{
public:
    LogLine& add(std::string_view key, std::string_view value);      // skips an empty value
    LogLine& address(std::string_view key, std::string_view value);  // <...>, kept when empty
    LogLine& number(std::string_view key, long long value);
    [[nodiscard]] const std::string& text() const { return text_; }

private:
    std::string text_;
};

}  // namespace base
