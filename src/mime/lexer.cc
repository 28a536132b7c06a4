#include "mime/lexer.h"

#include "base/ascii.h"

namespace mime
{
namespace
{

bool in(std::string_view set, char c) { return set.find(c) != std::string_view::npos; }
bool eight_bit(char c) { return static_cast<unsigned char>(c) >= 0x80; }
bool bad_control(char c) { return base::is_control(c) && c != '\t'; }

}  // namespace

bool is_token_octet(char c)
{
    return !eight_bit(c) && !base::is_control(c) && c != ' ' && !in("()<>@,;:\\\"/[]?=", c);
}

bool is_atom_octet(char c)
{
    return eight_bit(c) || (!base::is_control(c) && c != ' ' && !in("()<>[]:;@\\,.\"", c));
}

bool Lexer::take(char c)
{
    if (!next_is(c)) return false;
    ++at_;
    return true;
}

void Lexer::skip_cfws(std::string* comments)
{
    int depth = 0;
    bool first = true;  // octet of this comment
    while (!done()) {
        char c = text_[at_];
        if (depth == 0) {
            if (!base::is_blank(c) && c != '(') return;
            ++at_;
            if (c == '(') {
                depth = 1;
                first = true;
            }
            continue;
        }
        ++at_;
        bool keep = true;
        if (c == '\\' && !done()) {
            c = text_[at_++];
        } else if (c == '(') {
            if (++depth > max_nesting) clean_ = false;
        } else if (c == ')') {
            keep = --depth > 0;
        }
        if (bad_control(c)) clean_ = false;
        if (keep && comments != nullptr) {
            if (first && !comments->empty()) *comments += ' ';
            *comments += c;
        }
        first = first && !keep;
    }
    if (depth > 0) clean_ = false;
}

std::string_view Lexer::run(bool (*allowed)(char))
{
    const std::size_t begin = at_;
    while (!done() && allowed(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
}

std::optional<std::string> Lexer::quoted_string()
{
    if (!take('"')) return std::nullopt;
    std::string out;
    while (!done()) {
        char c = text_[at_++];
        if (c == '"') return out;
        if (c == '\\' && !done()) c = text_[at_++];
        if (bad_control(c)) clean_ = false;
        out += c;
    }
    clean_ = false;
    return out;
}

std::optional<std::string_view> Lexer::domain_literal()
{
    if (!next_is('[')) return std::nullopt;
    const std::size_t begin = at_;
    for (std::size_t i = begin + 1; i < text_.size(); ++i) {
        const char c = text_[i];
        if (c == ']') {
            at_ = i + 1;
            return text_.substr(begin, at_ - begin);
        }
        if (c == '[' || c == '\\' || c == ' ' || base::is_control(c) || eight_bit(c)) break;
    }
    return std::nullopt;
}

std::string_view Lexer::until(char stop)
{
    const std::size_t begin = at_;
    bool quoted = false;
    for (; !done(); ++at_) {
        const char c = text_[at_];
        if (c == '\\' && quoted && at_ + 1 < text_.size()) {
            ++at_;
        } else if (c == '"') {
            quoted = !quoted;
        } else if (c == stop && !quoted) {
            break;
        }
    }
    return base::trim(text_.substr(begin, at_ - begin));
}

}  // namespace mime
