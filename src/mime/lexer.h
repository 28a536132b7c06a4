// Lexical elements of structured fields (RFC 5322 section 3.2, RFC 2045
// section 5.1, RFC 6532): what content types, addresses and dates share.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mime
{

// Octets that may stand in a token (RFC 2045) and in an atom (RFC 5322; octets
// from 0x80 count, whether they are UTF-8 is checked by the caller).
[[nodiscard]] bool is_token_octet(char c);
[[nodiscard]] bool is_atom_octet(char c);

// Reads an unfolded value from left to right.  Never throws, never recurses;
// every call that consumes nothing says so by its result.  `clean()` turns
// false for good at the first control octet, unclosed comment, unclosed string
// or comment nested deeper than max_nesting.
class Lexer
{
public:
    static constexpr int max_nesting = 50;

    explicit Lexer(std::string_view unfolded) : text_(unfolded) {}

    [[nodiscard]] bool done() const { return at_ >= text_.size(); }
    [[nodiscard]] bool clean() const { return clean_; }
    [[nodiscard]] std::size_t position() const { return at_; }
    [[nodiscard]] std::string_view since(std::size_t begin) const { return text_.substr(begin, at_ - begin); }
    [[nodiscard]] bool next_is(char c) const { return !done() && text_[at_] == c; }

    bool take(char c);  // consumes c when it is next

    // Blanks and comments.  The text of comments is appended to `comments`,
    // separated by blanks, quoted-pairs resolved.
    void skip_cfws(std::string* comments = nullptr);

    // The longest run of octets that satisfy `allowed`; may be empty.
    [[nodiscard]] std::string_view run(bool (*allowed)(char));

    // A quoted-string at this place, resolved; nullopt when there is none.  An
    // unclosed one reaches to the end.
    [[nodiscard]] std::optional<std::string> quoted_string();

    // "[...]" with its brackets; nullopt when there is none or it is broken.
    [[nodiscard]] std::optional<std::string_view> domain_literal();

    // Everything up to the next unquoted `stop` or the end, trimmed.
    [[nodiscard]] std::string_view until(char stop);

private:
    std::string_view text_;
    std::size_t at_ = 0;
    bool clean_ = true;
};

}  // namespace mime
