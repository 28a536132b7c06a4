#include "base/clock.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "base/ascii.h"

namespace base
{

Time SystemClock::now() const
{
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

std::string Random::hex(std::size_t digits)
{
    std::string raw(digits / 2, '\0');
    fill({reinterpret_cast<unsigned char*>(raw.data()), raw.size()});
    return base::hex(raw);
}

void SystemRandom::fill(std::span<unsigned char> out)
{
    while (!out.empty()) {
        const ssize_t n = getrandom(out.data(), out.size(), 0);
        if (n > 0)
            out = out.subspan(static_cast<std::size_t>(n));
        else if (errno != EINTR)
            std::abort();  // a kernel without getrandom: nothing safe can be done
    }
}

void SeededRandom::fill(std::span<unsigned char> out)
{
    for (unsigned char& c : out) {  // splitmix64
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        c = static_cast<unsigned char>(z ^ (z >> 31));
    }
}

std::string iso8601(Time t)
{
    const auto day = std::chrono::floor<std::chrono::days>(t);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(t - day);
    char text[64];
    std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02dZ", int(date.year()),
                  unsigned(date.month()), unsigned(date.day()), int(clock.hours().count()),
                  int(clock.minutes().count()), int(clock.seconds().count()));
    return text;
}

Result<Time> parse_time(std::string_view text)
{
    const auto bad = [&] {
        return fail(Code::usage, "", "\"" + std::string(text) + "\" is not a time",
                    "write 2026-11-23T12:00:00Z or @1795435200");
    };
    if (text.starts_with('@')) {
        const auto seconds = parse_decimal(text.substr(1));
        if (!seconds || *seconds > (1ULL << 40)) return bad();
        return Time(std::chrono::seconds(static_cast<long long>(*seconds)));
    }
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, used = 0;
    const std::string copy(text);
    if (std::sscanf(copy.c_str(), "%4d-%2d-%2d%n", &year, &month, &day, &used) != 3 || used != 10)
        return bad();
    const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(unsigned(month)),
                                           std::chrono::day(unsigned(day))};
    if (!date.ok()) return bad();
    Time t = std::chrono::sys_days(date);
    std::string rest = copy.substr(10);
    if (rest.empty()) return t;
    int length = 0;
    if (std::sscanf(rest.c_str(), "%*1[T ]%2d:%2d:%2d%n", &hour, &minute, &second, &length) != 3 ||
        length != 9 || hour > 23 || minute > 59 || second > 60)
        return bad();
    t += std::chrono::hours(hour) + std::chrono::minutes(minute) + std::chrono::seconds(second);
    rest.erase(0, 9);
    if (rest == "Z" || rest == "z") return t;
    int zone_hour = 0, zone_minute = 0;
    char sign = 0;
    if (rest.size() != 6 || std::sscanf(rest.c_str(), "%c%2d:%2d", &sign, &zone_hour, &zone_minute) != 3 ||
        (sign != '+' && sign != '-') || zone_hour > 23 || zone_minute > 59)
        return bad();
    const auto offset = std::chrono::hours(zone_hour) + std::chrono::minutes(zone_minute);
    return sign == '+' ? t - offset : t + offset;
}

}  // namespace base
