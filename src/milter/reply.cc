#include "milter/reply.h"

#include <algorithm>

#include "base/ascii.h"

namespace milter
{
namespace
{

constexpr std::size_t longest_text = 980;

bool digits(std::string_view text, std::size_t least, std::size_t most)
{
    return text.size() >= least && text.size() <= most &&
           std::all_of(text.begin(), text.end(), base::is_digit);
}

bool is_code(std::string_view code, char kind) { return digits(code, 3, 3) && code[0] == kind; }

// RFC 3463: class "." subject "." detail
bool is_enhanced(std::string_view code, char kind)
{
    if (code.size() < 2 || code[0] != kind || code[1] != '.') return false;
    const auto dot = code.find('.', 2);
    return dot != std::string_view::npos && digits(code.substr(2, dot - 2), 1, 3) &&
           digits(code.substr(dot + 1), 1, 3);
}

std::string one_line(std::string_view text)
{
    std::string out;
    for (char c : text) {
        const std::size_t width = c == '%' ? 2 : 1;
        if (out.size() + width > longest_text) break;
        if (c == '%')
            out += "%%";
        else if (base::is_control(c))
            out += ' ';
        else
            out += static_cast<unsigned char>(c) > 0x7e ? '?' : c;
    }
    return out;
}

SmtpReply make(char kind, std::string_view code, std::string_view enhanced, std::string_view text,
               const SmtpReply& otherwise)
{
    return {is_code(code, kind) ? std::string(code) : otherwise.code,
            is_enhanced(enhanced, kind) ? std::string(enhanced) : otherwise.enhanced,
            one_line(text.empty() ? std::string_view(otherwise.text) : text)};
}

}  // namespace

SmtpReply temporary_reply(std::string_view code, std::string_view enhanced, std::string_view text)
{
    return make('4', code, enhanced, text, {"451", "4.7.1", "try again later"});
}

SmtpReply permanent_reply(std::string_view code, std::string_view enhanced, std::string_view text)
{
    return make('5', code, enhanced, text, {"550", "5.7.1", "refused by policy"});
}

}  // namespace milter
