#include "ctl/status.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "ctl/output.h"

namespace ctl
{
namespace
{

// "2 action=sign status=ok" -> "sign ok", "1 action=reject status="550 5.7.1"" -> "reject 550 5.7.1"
std::string ending_name(std::string_view text)
{
    std::string out;
    for (const std::string_view key : {"action=", "status="}) {
        const auto at = text.find(key);
        if (at == std::string_view::npos) continue;
        auto value = text.substr(at + key.size());
        if (value.starts_with('"'))
            value = value.substr(1, value.find('"', 1) - 1);
        else
            value = value.substr(0, value.find(' '));
        out.append(out.empty() ? "" : " ").append(value);
    }
    return out;
}

// The first word, which goes away from the text.
std::string_view take_word(std::string_view& text)
{
    const auto end = std::min(text.find(' '), text.size());
    const auto word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return word;
}

DaemonStatus::Counted counted(std::string_view text, bool ending)
{
    const auto count = base::parse_decimal(take_word(text)).value_or(0);
    return {ending ? ending_name(text) : std::string(text), count};
}

std::string date_of(std::string_view iso) { return std::string(iso.substr(0, 10)); }

// "2026-11-23T12:00:00Z" -> "2026-11-23 12:00:00 UTC"
std::string readable(std::string_view iso)
{
    if (iso.size() < 19) return display(iso);
    return date_of(iso) + " " + std::string(iso.substr(11, 8)) + " UTC";
}

std::optional<std::chrono::seconds> between(std::string_view from, std::string_view to)
{
    const auto a = base::parse_time(from), b = base::parse_time(to);
    if (!a || !b) return std::nullopt;
    return *b - *a;
}

// "3 d 4 h", "2 h 5 min", "42 s"
std::string span(std::chrono::seconds time)
{
    const auto s = std::max<std::int64_t>(time.count(), 0);
    if (s >= 86400) return fmt::format("{} d {} h", s / 86400, s % 86400 / 3600);
    if (s >= 3600) return fmt::format("{} h {} min", s / 3600, s % 3600 / 60);
    return s >= 60 ? fmt::format("{} min {} s", s / 60, s % 60) : fmt::format("{} s", s);
}

std::string size_of(std::uint64_t octets)
{
    const char* units[] = {"B", "KB", "MB", "GB", "TB"};
    auto size = static_cast<double>(octets);
    std::size_t unit = 0;
    while (size >= 1024 && unit < 4) {
        size /= 1024;
        ++unit;
    }
    return unit == 0 ? fmt::format("{} B", octets) : fmt::format("{:.1f} {}", size, units[unit]);
}

std::string bar(std::uint64_t used, std::uint64_t of)
{
    constexpr std::uint64_t width = 20;
    auto filled = of == 0 ? 0
                          : std::min(width, static_cast<std::uint64_t>(static_cast<double>(used) /
                                                                       static_cast<double>(of) * width));
    if (used > 0) filled = std::max<std::uint64_t>(filled, 1);
    return "[" + std::string(filled, '#') + std::string(width - filled, '-') + "]";
}

class Picture
{
public:
    Picture(const DaemonStatus& status, const DaemonStatus* before) : status_(status)
    {
        if (before == nullptr || before->value("pid") != status.value("pid")) return;
        const auto time = between(before->value("time"), status.value("time"));
        if (!time || time->count() <= 0) return;
        before_ = before;
        seconds_ = static_cast<double>(time->count());
    }

    std::vector<std::string> lines()
    {
        head();
        load();
        expiry();
        table("MESSAGES", status_.processed, &DaemonStatus::processed);
        table("RULES", status_.rules, &DaemonStatus::rules);
        table("ERRORS, BY STAGE", status_.errors, &DaemonStatus::errors);
        return std::move(lines_);
    }

private:
    void row(std::string_view name, const std::string& text)
    {
        lines_.push_back(fmt::format("{:<14}{}", name, text));
    }

    // "rules" and 2: "2 rules"
    [[nodiscard]] std::string how_many(std::string_view plural) const
    {
        return ctl::counted(base::parse_decimal(status_.value(plural)).value_or(0),
                            plural.substr(0, plural.size() - 1));
    }

    void head()
    {
        const auto since = status_.value("started");
        const auto up = between(since, status_.value("time"));
        lines_.push_back(fmt::format("smime-milter {} is {}, pid {}, since {}{}",
                                     display(status_.value("version")), display(status_.state),
                                     display(status_.value("pid")), readable(since),
                                     up ? " (" + span(*up) + ")" : ""));
        row("configuration",
            fmt::format("{}: {}, {}", display(status_.value("config")), how_many("rules"), how_many("keys")));
        std::string_view reload;
        const std::string text = status_.value("reload");
        reload = text;
        const auto when = take_word(reload);
        if (reload == "failed")
            row("", "RELOAD FAILED " + readable(when) + ": what was loaded before is in force");
        else
            row("", "loaded " + readable(when));
    }

    void load()
    {
        row("sessions", fmt::format("{} open, {} messages in work", status_.number("connections"),
                                    status_.number("messages")));
        const auto used = status_.number("in_flight"), limit = status_.number("in_flight", 1);
        row("memory",
            fmt::format("{} {} of {} for messages", bar(used, limit), size_of(used), size_of(limit)));
        const auto busy = status_.number("crypto_slots"), slots = status_.number("crypto_slots", 1);
        row("cryptography", fmt::format("{} {} of {} slots, {} messages waiting", bar(busy, slots), busy,
                                        slots, status_.number("crypto_waiting")));
        auto count = status_.number("answered"), spent = status_.number("answered", 1);
        std::string what = fmt::format("{} messages", count);
        if (before_ != nullptr) {
            count -= std::min(count, before_->number("answered"));
            spent -= std::min(spent, before_->number("answered", 1));
            what += fmt::format(", {:.1f} per s", static_cast<double>(count) / seconds_);
        }
        if (count > 0)
            what += fmt::format(", {:.1f} ms each",
                                static_cast<double>(spent) / static_cast<double>(count) / 1000);
        row("answered", what);
    }

    void expiry()
    {
        const char* title = "expires first";
        for (const auto& e : status_.expiry) {
            const auto left = between(status_.value("time"), e.time);
            std::string when = date_of(e.time);
            if (left && left->count() < 0)
                when += ", EXPIRED";
            else if (left)
                when += fmt::format(", {} days", left->count() / 86400);
            row(title, fmt::format("{:<24}{} {}", when, display(e.kind), display(e.name)));
            title = "";
        }
    }

    void table(const char* title, const std::vector<DaemonStatus::Counted>& now,
               std::vector<DaemonStatus::Counted> DaemonStatus::* earlier)
    {
        if (now.empty()) return;
        lines_.emplace_back();
        lines_.push_back(
            fmt::format("{:<40}{:>12}{}", title, "TOTAL", before_ == nullptr ? "" : "     PER S"));
        for (const auto& one : now) {
            auto line = fmt::format("{:<40}{:>12}", display(one.name), one.count);
            if (before_ != nullptr) line += fmt::format("{:>10.1f}", rate(one, before_->*earlier));
            lines_.push_back(std::move(line));
        }
    }

    [[nodiscard]] double rate(const DaemonStatus::Counted& now,
                              const std::vector<DaemonStatus::Counted>& earlier) const
    {
        const auto it = std::find_if(earlier.begin(), earlier.end(),
                                     [&](const auto& other) { return other.name == now.name; });
        const auto past = it == earlier.end() ? 0 : std::min(it->count, now.count);
        return static_cast<double>(now.count - past) / seconds_;
    }

    const DaemonStatus& status_;
    const DaemonStatus* before_ = nullptr;
    double seconds_ = 1;
    std::vector<std::string> lines_;
};

Json list_of(const std::vector<DaemonStatus::Counted>& all, const char* key)
{
    Json out = Json::array();
    for (const auto& one : all) out.push_back({{key, one.name}, {"count", one.count}});
    return out;
}

}  // namespace

std::string DaemonStatus::value(std::string_view key) const
{
    const auto it = values.find(key);
    return it == values.end() ? std::string() : it->second;
}

std::uint64_t DaemonStatus::number(std::string_view key, std::size_t which) const
{
    const std::string text = value(key);
    std::string_view rest = text;
    while (!rest.empty())
        if (const auto n = base::parse_decimal(take_word(rest)); n && which-- == 0) return *n;
    return 0;
}

std::optional<DaemonStatus> parse_status(std::string_view answer)
{
    constexpr std::string_view fine = "ok: ";
    if (!answer.starts_with(fine)) return std::nullopt;
    DaemonStatus out;
    bool first = true;
    while (!answer.empty()) {
        const auto end = std::min(answer.find('\n'), answer.size());
        auto line = answer.substr(0, end);
        answer.remove_prefix(std::min(end + 1, answer.size()));
        if (std::exchange(first, false)) {
            out.state = line.substr(fine.size());
            continue;
        }
        const auto colon = line.find(": ");
        if (colon == std::string_view::npos) continue;
        const auto key = line.substr(0, colon);
        auto value = line.substr(colon + 2);
        if (key == "processed") {
            out.processed.push_back(counted(value, true));
        } else if (key == "rule") {
            out.rules.push_back(counted(value, false));
        } else if (key == "error") {
            out.errors.push_back(counted(value, false));
        } else if (key == "expiry") {
            DaemonStatus::Expiry e;
            e.time = take_word(value);
            e.kind = take_word(value);
            e.name = value;
            out.expiry.push_back(std::move(e));
        } else {
            out.values.insert_or_assign(std::string(key), std::string(value));
        }
    }
    if (out.values.empty()) return std::nullopt;
    return out;
}

std::string picture(const DaemonStatus& status, const DaemonStatus* before, std::size_t lines)
{
    auto all = Picture(status, before).lines();
    if (all.size() > lines && lines > 0) {
        all.resize(lines);
        all.back() = "...";
    }
    return join(all, "\n") + "\n";
}

Json to_json(const DaemonStatus& status)
{
    const std::string reload = status.value("reload");
    std::string_view rest = reload;
    const std::string when(take_word(rest));
    Json out = {
        {"state", status.state},
        {"version", status.value("version")},
        {"pid", status.number("pid")},
        {"started", status.value("started")},
        {"time", status.value("time")},
        {"config", status.value("config")},
        {"reload", {{"time", when}, {"ok", rest == "ok"}}},
        {"rules", status.number("rules")},
        {"keys", status.number("keys")},
        {"connections", status.number("connections")},
        {"messages", status.number("messages")},
        {"in_flight", {{"octets", status.number("in_flight")}, {"limit", status.number("in_flight", 1)}}},
        {"crypto",
         {{"used", status.number("crypto_slots")},
          {"slots", status.number("crypto_slots", 1)},
          {"waiting", status.number("crypto_waiting")}}},
        {"answered", {{"count", status.number("answered")}, {"microseconds", status.number("answered", 1)}}},
        {"processed", list_of(status.processed, "ending")},
        {"errors", list_of(status.errors, "stage")},
        {"applied", list_of(status.rules, "rule")}};
    auto& expiry = out["expiry"] = Json::array();
    for (const auto& e : status.expiry)
        expiry.push_back({{"time", e.time}, {"kind", e.kind}, {"name", e.name}});
    return out;
}

}  // namespace ctl
