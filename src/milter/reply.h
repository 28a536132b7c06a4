// SMTP replies in the form in which libmilter and both MTAs take them.
#pragma once

#include <string>
#include <string_view>

namespace milter
{

struct SmtpReply {
    std::string code;      // "451"
    std::string enhanced;  // "4.3.2"
    std::string text;      // one line, `%` doubled
};

// A reply whose class (4 or 5) is wrong is ignored by libmilter without a
// word, so code and enhanced code that do not fit are replaced by general ones.
// Control characters become blanks, octets above 0x7e "?", `%` is doubled (the
// MTA takes the text as a format), and the whole stays within libmilter's 980.
[[nodiscard]] SmtpReply temporary_reply(std::string_view code, std::string_view enhanced,
                                        std::string_view text);
[[nodiscard]] SmtpReply permanent_reply(std::string_view code, std::string_view enhanced,
                                        std::string_view text);

}  // namespace milter
