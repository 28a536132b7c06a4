#include "base/ascii.h"

#include <charconv>

namespace base
{

std::string to_lower(std::string_view text)
{
    std::string out(text);
    for (char& c : out) c = lower(c);
    return out;
}

bool iequals(std::string_view a, std::string_view b)
{
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (lower(a[i]) != lower(b[i])) return false;
    return true;
}

bool istarts_with(std::string_view text, std::string_view prefix)
{
    return text.size() >= prefix.size() && iequals(text.substr(0, prefix.size()), prefix);
}

std::string_view trim(std::string_view text)
{
    constexpr std::string_view blanks = " \t\r\n";
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::vector<std::string> split_list(std::string_view text, char separator)
{
    std::vector<std::string> out;
    while (true) {
        const auto at = text.find(separator);
        const auto item = trim(text.substr(0, at));
        if (!item.empty()) out.emplace_back(item);
        if (at == std::string_view::npos) return out;
        text.remove_prefix(at + 1);
    }
}

bool wildcard_match(std::string_view pattern, std::string_view text)
{
    std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.size() && (pattern[p] == '?' || lower(pattern[p]) == lower(text[t]))) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

std::optional<unsigned long long> parse_decimal(std::string_view text)
{
    if (text.empty() || !is_digit(text.front())) return std::nullopt;
    unsigned long long value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<std::string> unhex(std::string_view digits)
{
    if (digits.size() % 2 != 0) return std::nullopt;
    std::string out;
    for (std::size_t i = 0; i < digits.size(); i += 2) {
        unsigned char octet = 0;
        const char* const end = digits.data() + i + 2;
        if (std::from_chars(digits.data() + i, end, octet, 16).ptr != end) return std::nullopt;
        out += static_cast<char>(octet);
    }
    return out;
}

std::string hex(std::string_view octets)
{
    constexpr char digits[] = "0123456789abcdef";
    std::string out;
    out.reserve(octets.size() * 2);
    for (const char octet : octets) {
        const unsigned c = static_cast<unsigned char>(octet);
        out += digits[c >> 4U];
        out += digits[c & 15U];
    }
    return out;
}

}  // namespace base
