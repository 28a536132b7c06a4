#include "mime/date.h"

#include <array>
#include <string_view>

#include "base/ascii.h"
#include "mime/header.h"
#include "mime/lexer.h"

namespace mime
{
namespace
{

constexpr std::size_t max_octets = 1000;
constexpr std::array<std::string_view, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

template <std::size_t N>
std::optional<unsigned> index_of(const std::array<std::string_view, N>& names, std::string_view word)
{
    for (unsigned i = 0; i < N; ++i)
        if (base::iequals(names[i], word)) return i;
    return std::nullopt;
}

// Digits, at least `least` and at most `most` of them, and the CFWS behind.
std::optional<int> number(Lexer& in, std::size_t least, std::size_t most)
{
    const auto digits = in.run(base::is_digit);
    if (digits.size() < least || digits.size() > most) return std::nullopt;
    in.skip_cfws();
    return static_cast<int>(*base::parse_decimal(digits));
}

std::string_view word(Lexer& in)
{
    const auto letters = in.run([](char c) { return base::lower(c) >= 'a' && base::lower(c) <= 'z'; });
    in.skip_cfws();
    return letters;
}

// RFC 5322 section 4.3: two digits are 1950 to 2049, three digits count from 1900.
std::optional<int> year(Lexer& in)
{
    const std::size_t begin = in.position();
    const auto digits = in.run(base::is_digit).size();
    if (digits < 2 || digits > 4) return std::nullopt;
    const int value = static_cast<int>(*base::parse_decimal(in.since(begin)));
    in.skip_cfws();
    if (digits == 4) return value >= 1900 ? std::optional(value) : std::nullopt;
    return digits == 2 && value < 50 ? value + 2000 : value + 1900;
}

// Minutes east of Greenwich; unknown and military letters mean "not known", 0.
std::optional<int> zone(Lexer& in)
{
    const int sign = in.take('-') ? -1 : in.take('+') ? 1 : 0;
    if (sign != 0) {
        const auto value = number(in, 4, 4);
        if (!value || *value % 100 > 59) return std::nullopt;
        return sign * (*value / 100 * 60 + *value % 100);
    }
    constexpr std::array<std::string_view, 10> names{"EDT", "EST", "CDT", "CST", "MDT",
                                                     "MST", "PDT", "PST", "UT",  "GMT"};
    constexpr std::array hours{-4, -5, -5, -6, -6, -7, -7, -8, 0, 0};
    const auto name = word(in);
    if (name.empty()) return std::nullopt;
    const auto known = index_of(names, name);
    return known ? hours[*known] * 60 : 0;
}

}  // namespace

std::optional<base::Time> parse_date(base::Octets value)
{
    if (value.size() > max_octets) return std::nullopt;
    const std::string text = unfold(value);
    Lexer in(text);
    in.skip_cfws();
    if (const auto name = word(in); !name.empty() && (!index_of(days, name) || !in.take(',')))
        return std::nullopt;
    in.skip_cfws();

    const auto day = number(in, 1, 2);
    const auto month = index_of(months, word(in));
    const auto in_year = year(in);
    const auto hour = number(in, 2, 2);
    if (!day || !month || !in_year || !hour || !in.take(':')) return std::nullopt;
    in.skip_cfws();
    const auto minute = number(in, 2, 2);
    std::optional<int> second = 0;
    if (in.take(':')) {
        in.skip_cfws();
        second = number(in, 2, 2);
    }
    const auto offset = zone(in);
    if (!minute || !second || !offset || !in.done() || !in.clean()) return std::nullopt;
    if (*hour > 23 || *minute > 59 || *second > 60) return std::nullopt;

    const std::chrono::year_month_day date{std::chrono::year(*in_year), std::chrono::month(*month + 1),
                                           std::chrono::day(static_cast<unsigned>(*day))};
    if (!date.ok()) return std::nullopt;
    return base::Time(std::chrono::sys_days(date)) + std::chrono::hours(*hour) +
           std::chrono::minutes(*minute - *offset) + std::chrono::seconds(*second);
}

std::string format_date(base::Time t)
{
    const auto day = std::chrono::floor<std::chrono::days>(t);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss time(t - day);
    const auto two = [](auto n) { return (n < 10 ? "0" : "") + std::to_string(n); };
    return std::string(days[std::chrono::weekday(day).c_encoding()]) + ", " +
           two(static_cast<unsigned>(date.day())) + ' ' +
           std::string(months[static_cast<unsigned>(date.month()) - 1]) + ' ' +
           std::to_string(static_cast<int>(date.year())) + ' ' + two(time.hours().count()) + ':' +
           two(time.minutes().count()) + ':' + two(time.seconds().count()) + " +0000";
}

}  // namespace mime
