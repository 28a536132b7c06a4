// ASCII text helpers that do not depend on the locale.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace base
{

[[nodiscard]] constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; }
[[nodiscard]] constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }
[[nodiscard]] constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
[[nodiscard]] constexpr bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

[[nodiscard]] std::string to_lower(std::string_view text);  // A-Z only
[[nodiscard]] bool iequals(std::string_view a, std::string_view b);
[[nodiscard]] bool istarts_with(std::string_view text, std::string_view prefix);
[[nodiscard]] std::string_view trim(std::string_view text);  // SP HT CR LF at both ends

// Splits at `separator`, trims each item, drops empty ones.
[[nodiscard]] std::vector<std::string> split_list(std::string_view text, char separator = ',');

// `*` matches any run, `?` any one octet, all else itself (ASCII case ignored).
// Time is bounded by |pattern| x |text|; there is no recursion.
[[nodiscard]] bool wildcard_match(std::string_view pattern, std::string_view text);

// Strict decimal: digits only, no sign, no blanks, fits in 64 bits.
[[nodiscard]] std::optional<unsigned long long> parse_decimal(std::string_view text);

[[nodiscard]] std::optional<std::string> unhex(std::string_view digits);  // of either case
[[nodiscard]] std::string hex(std::string_view octets);                   // lower case, two digits an octet

}  // namespace base
