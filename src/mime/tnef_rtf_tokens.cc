#include "mime/tnef_rtf_tokens.h"

#include <algorithm>

#include "base/ascii.h"

namespace mime
{
namespace
{

bool is_letter(char c) { return base::lower(c) >= 'a' && base::lower(c) <= 'z'; }

bool ends_text(char c) { return c == '{' || c == '}' || c == '\\' || c == '\r' || c == '\n'; }

// 16 and more: not a hexadecimal digit.
unsigned hex_value(char c)
{
    if (base::is_digit(c)) return static_cast<unsigned>(c - '0');
    return base::lower(c) >= 'a' ? static_cast<unsigned>(base::lower(c) - 'a') + 10U : 16U;
}

}  // namespace

RtfToken RtfTokens::next()
{
    while (!rest_.empty() && (rest_.front() == '\r' || rest_.front() == '\n')) rest_.remove_prefix(1);
    if (rest_.empty()) return {};
    const char c = rest_.front();
    if (c == '{' || c == '}') {
        rest_.remove_prefix(1);
        return {c == '{' ? RtfToken::Kind::open : RtfToken::Kind::close, {}, {}, c};
    }
    if (c == '\\') return control();
    // Runs are short: nothing that has to be called finds their end sooner.
    std::size_t end = 1;
    while (end < rest_.size() && !ends_text(rest_[end])) ++end;
    return {RtfToken::Kind::text, taken(end), {}, 0};
}

void RtfTokens::skip(std::size_t octets) { rest_.remove_prefix(std::min(octets, rest_.size())); }

base::Octets RtfTokens::taken(std::size_t n)
{
    const auto out = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return out;
}

RtfToken RtfTokens::control()
{
    rest_.remove_prefix(1);
    if (rest_.empty()) return {};
    if (!is_letter(rest_.front())) {
        const char c = rest_.front();
        rest_.remove_prefix(1);
        if (c != '\'') return {RtfToken::Kind::symbol, {}, {}, c};
        if (rest_.size() < 2) return {RtfToken::Kind::symbol, {}, {}, c};
        const unsigned high = hex_value(rest_[0]), low = hex_value(rest_[1]);
        if (high > 15 || low > 15) return {RtfToken::Kind::symbol, {}, {}, c};
        rest_.remove_prefix(2);
        return {
            RtfToken::Kind::octet, {}, {}, static_cast<char>(static_cast<unsigned char>(high << 4U | low))};
    }
    std::size_t end = 1;
    while (end < rest_.size() && is_letter(rest_[end])) ++end;
    RtfToken token{RtfToken::Kind::word, taken(end), {}, 0};
    const bool negative = rest_.starts_with('-') && rest_.size() > 1 && base::is_digit(rest_[1]);
    if (negative) rest_.remove_prefix(1);
    constexpr std::size_t digits = 9;
    std::size_t n = 0;
    while (n < std::min(digits, rest_.size()) && base::is_digit(rest_[n])) ++n;
    if (n > 0) {
        int value = 0;
        for (const char d : taken(n)) value = value * 10 + (d - '0');
        token.parameter = negative ? -value : value;
    }
    if (rest_.starts_with(' ')) rest_.remove_prefix(1);
    return token;
}

}  // namespace mime
