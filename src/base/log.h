// One log line per message, key=value or JSON, safe against what strangers write.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace base
{

enum class Level { debug, info, notice, warning, error };
[[nodiscard]] const char* name(Level level);
[[nodiscard]] Level level_of(Severity severity);

enum class LogFormat {
    text,  // "4bXyz: key=value key="value with blanks"", and lines of plain words
    json,  // each line one object, ASCII only: log_json.cc
};

class LogLine;

// Where lines go.  Implementations are safe to call from several threads, and
// write a control character in a line as \xHH: a line stays one line.
class Log
{
public:
    virtual ~Log() = default;
    virtual void write(Level level, std::string_view line) = 0;
    // What has keys; as text where the implementation knows nothing better.
    virtual void record(Level level, const LogLine& line);
    // A line that is complete and says its level itself: written as it is.
    virtual void put(Level level, std::string_view complete) { write(level, complete); }
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
    void put(Level level, std::string_view complete) override;

private:
    std::string name_;
};

// Drops lines below a level and gives the rest their form; a reload may change both.
class FilterLog final : public Log
{
public:
    explicit FilterLog(std::unique_ptr<Log> next) : next_(std::move(next)) {}
    void threshold(Level level);
    void format(LogFormat format);
    void write(Level level, std::string_view line) override;
    void record(Level level, const LogLine& line) override;

private:
    struct Wanted {
        Level threshold = Level::info;
        LogFormat format = LogFormat::text;
    };
    [[nodiscard]] Wanted wanted() const;

    std::unique_ptr<Log> next_;
    mutable std::mutex mutex_;
    Wanted wanted_;
};

// Control characters and octets above 0x7e become \xHH, `\` becomes `\\`;
// at most `limit` octets of input are kept, then "...".
inline constexpr std::size_t longest_log_value = 256;
[[nodiscard]] std::string printable(std::string_view text, std::size_t limit = longest_log_value);

// What is said about one thing, key by key.  Keys are ours, values anybody's: of each
// no more than longest_log_value octets are kept, so a LogLine is bounded by its keys.
class LogLine
{
public:
    LogLine() = default;
    // About a message: its queue id comes first, "NOQUEUE" stands for none.
    static LogLine about(std::string_view queue_id);

    LogLine& add(std::string_view key, std::string_view value);      // skips an empty value
    LogLine& address(std::string_view key, std::string_view value);  // <...>, kept when empty
    LogLine& number(std::string_view key, long long value);
    LogLine& say(std::string_view words);  // without a key; "message" in JSON

    // `4bXyz: words key=value key="value with blanks"`: quotes inside a value become `'`.
    [[nodiscard]] std::string text() const;
    // {"time":"2026-11-23T12:00:00Z","level":"info","queue_id":"4bXyz","key":"value"}: ASCII;
    // octets that are not UTF-8 become U+FFFD; a key that comes again has an array.  At most
    // longest_json octets, what is over is left out and "truncated":true says so.
    [[nodiscard]] std::string json(Level level, Time time) const;
    static constexpr std::size_t longest_json = 7900;  // rsyslog takes 8 KiB

private:
    enum class Kind { text, address, number, words };
    struct Field {
        std::string key, value;
        Kind kind;
        bool cut;
    };
    LogLine& keep(std::string_view key, std::string_view value, Kind kind, std::size_t limit);
    [[nodiscard]] static std::string json_of(const Field& field, std::size_t room);

    bool has_queue_id_ = false;
    std::string queue_id_;
    std::vector<Field> fields_;
};

}  // namespace base
