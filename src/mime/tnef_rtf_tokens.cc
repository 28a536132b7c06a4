#include "mime/tnef_rtf_tokens.h"

#include <algorithm>

#include "base/ascii.h"

namespace mime
{

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
    const auto end = std::min(rest_.find_first_of("{}\\\r\n"), rest_.size());
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
    const auto letter = [](char c) { return base::lower(c) >= 'a' && base::lower(c) <= 'z'; };
    if (!letter(rest_.front())) {
        const char c = rest_.front();
        rest_.remove_prefix(1);
        if (c != '\'') return {RtfToken::Kind::symbol, {}, {}, c};
        const auto octet = base::unhex(rest_.substr(0, 2));
        if (!octet || octet->size() != 1) return {RtfToken::Kind::symbol, {}, {}, c};
        rest_.remove_prefix(2);
        return {RtfToken::Kind::octet, {}, {}, octet->front()};
    }
    const auto end =
        static_cast<std::size_t>(std::find_if_not(rest_.begin(), rest_.end(), letter) - rest_.begin());
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
