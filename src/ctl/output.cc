#include "ctl/output.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/ascii.h"

namespace ctl
{
namespace
{

// Octets of the well-formed UTF-8 character that `text` begins with, 0 when
// there is none or when it is a control character.
std::size_t printable_character(std::string_view text)
{
    const auto octet = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = octet(0);
    if (first < 0x80) return base::is_control(text[0]) ? 0 : 1;
    const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((octet(i) & 0xc0) != 0x80) return 0;
    const unsigned char second = octet(1);
    const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
    const bool surrogate = first == 0xed && second >= 0xa0;
    const bool beyond = first == 0xf4 && second >= 0x90;
    const bool c1 = first == 0xc2 && second < 0xa0;
    // U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069 turn the text around.
    const unsigned char third = length == 3 ? octet(2) : 0;
    const bool bidirectional =
        first == 0xe2 &&
        ((second == 0x80 && (third == 0x8e || third == 0x8f || (third >= 0xaa && third <= 0xae))) ||
         (second == 0x81 && third >= 0xa6 && third <= 0xa9));
    return overlong || surrogate || beyond || c1 || bidirectional ? 0 : length;
}

}  // namespace

base::Result<> write_out(std::string_view text)
{
    while (!text.empty()) {
        const ssize_t n = ::write(STDOUT_FILENO, text.data(), text.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0)
            return base::fail(base::Code::io, "", std::string("cannot write to stdout: ") + strerror(errno));
        text.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
}

void remark(std::string_view text)
{
    const std::string line = "smimectl: " + display(text) + "\n";
    std::fwrite(line.data(), 1, line.size(), stderr);
}

std::size_t report(const std::vector<base::Problem>& problems, bool warnings)
{
    std::size_t errors = 0;
    for (const auto& problem : problems) {
        const bool error = problem.severity == base::Severity::error;
        errors += error ? 1 : 0;
        if (error || warnings) remark(problem.text());
    }
    return errors;
}

std::string display(std::string_view text)
{
    std::string out;
    while (!text.empty()) {
        if (const std::size_t n = printable_character(text); n > 0) {
            out += text.substr(0, n);
            text.remove_prefix(n);
        } else {
            out += "\\x" + base::hex(text.substr(0, 1));
            text.remove_prefix(1);
        }
    }
    return out;
}

std::string counted(std::uint64_t number, std::string_view noun)
{
    return std::to_string(number) + ' ' + std::string(noun) + (number == 1 ? "" : "s");
}

std::string join(const std::vector<std::string>& words, std::string_view separator)
{
    std::string out;
    for (const auto& word : words) {
        if (&word != &words.front()) out += separator;
        out += word;
    }
    return out;
}

}  // namespace ctl
