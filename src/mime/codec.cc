#include "mime/codec.h"

#include <mimetic/codec/base64.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "base/ascii.h"
#include "base/large_string.h"

namespace mime
{
namespace
{

constexpr std::size_t octets_a_line = 57;  // 76 columns of base64
constexpr std::size_t columns = 76;

constexpr std::uint8_t skip = 0x40, pad = 0x41, bad = 0x80;  // values of digits are below these

constexpr std::array<std::uint8_t, 256> base64_values = [] {
    std::array<std::uint8_t, 256> table{};
    table.fill(bad);
    std::uint8_t value = 0;
    for (const char c : std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"))
        table[static_cast<unsigned char>(c)] = value++;
    for (const char c : std::string_view(" \t\r\n")) table[static_cast<unsigned char>(c)] = skip;
    table[static_cast<unsigned char>('=')] = pad;
    return table;
}();

std::uint8_t value_of(char c) { return base64_values[static_cast<unsigned char>(c)]; }

char octet(std::uint32_t bits) { return static_cast<char>(static_cast<unsigned char>(bits & 0xffU)); }

// Blanks and line ends only, after the padding.
bool only_skipped(base::Octets rest) { return rest.find_first_not_of(" \t\r\n") == base::Octets::npos; }

// The last group, of which `digits` octets of `value` stand before the first
// "="; `rest` begins behind that.
bool finish_padded(std::string& out, std::size_t& size, std::uint32_t value, unsigned digits,
                   base::Octets rest)
{
    if (digits == 2) {
        const std::size_t second = rest.find_first_not_of(" \t\r\n");
        if (second == base::Octets::npos || rest[second] != '=' || (value & 0x0fU) != 0) return false;
        rest.remove_prefix(second + 1);
        out[size++] = octet(value >> 4);
    } else if (digits == 3) {
        if ((value & 0x03U) != 0) return false;
        out[size++] = octet(value >> 10);
        out[size++] = octet(value >> 2);
    } else {
        return false;
    }
    return only_skipped(rest);
}

// 0 to 15, or `bad`.
constexpr std::array<std::uint8_t, 256> hex_values = [] {
    std::array<std::uint8_t, 256> table{};
    table.fill(bad);
    for (std::uint8_t value = 0; value < 16; ++value) {
        table[static_cast<unsigned char>("0123456789ABCDEF"[value])] = value;
        table[static_cast<unsigned char>("0123456789abcdef"[value])] = value;
    }
    return table;
}();

// --- quoted-printable ----------------------------------------------------------

// Octets that may stand for themselves: printable ASCII but "=", and blanks.
constexpr std::array<bool, 256> plain = [] {
    std::array<bool, 256> table{};
    for (int c = ' '; c <= '~'; ++c) table[static_cast<std::size_t>(c)] = c != '=';
    table['\t'] = true;
    return table;
}();

bool is_plain(char c) { return plain[static_cast<unsigned char>(c)]; }

// Besides what RFC 2045 asks for: an output line must not look like a delimiter, an
// mbox separator or the end of SMTP data.
bool must_be_quoted(base::Octets line, bool first)
{
    const char c = line.front();
    if (base::is_blank(c)) return line.size() == 1;
    if (!is_plain(c)) return true;
    return first && (c == '.' || line.starts_with("--") || line.starts_with("From "));
}

// What an octet becomes that is neither the first nor the last of a line.
struct Quoted {
    std::array<char, 4> text;  // one more than there can be, so that copying is one move
    std::uint8_t size;
};
constexpr std::array<Quoted, 256> quoted_octets = [] {
    constexpr char digits[] = "0123456789ABCDEF";
    std::array<Quoted, 256> table{};
    for (std::size_t i = 0; i < table.size(); ++i)
        table[i] =
            plain[i] ? Quoted{{static_cast<char>(i)}, 1} : Quoted{{'=', digits[i >> 4], digits[i & 15]}, 3};
    return table;
}();

std::size_t count_not_plain(base::Octets octets)
{
    return static_cast<std::size_t>(
        std::count_if(octets.begin(), octets.end(), [](char c) { return !is_plain(c); }));
}

// The most that quote_line() writes for a line of which so many octets are not plain:
// these as three, as may be the first of each line of the result, and the last; and a
// soft line break after 73 columns at the earliest.
constexpr std::size_t most_quoted(std::size_t line, std::size_t not_plain)
{
    const std::size_t octets = line + 2 * not_plain + 4;
    return octets + 5 * (octets / 70 + 1);
}

// `line` without its CRLF; nothing is written after its last octet.  There must be room
// for three octets more.
char* quote_line(base::Octets line, char* to)
{
    std::size_t column = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
        // By far most octets are of this kind; no branch depends on which they are.
        while (column > 0 && column + 3 < columns && i + 1 < line.size()) {
            const Quoted& octet = quoted_octets[static_cast<unsigned char>(line[i])];
            std::memcpy(to, octet.text.data(), octet.text.size());
            to += octet.size;
            column += octet.size;
            ++i;
        }
        const bool last = i + 1 == line.size();
        // The last column is for "=" unless the line ends here.
        const base::Octets rest = line.substr(i);
        if (column + (must_be_quoted(rest, column == 0) ? 3 : 1) > (last ? columns : columns - 1)) {
            to = std::copy_n("=\r\n", 3, to);
            column = 0;
        }
        if (must_be_quoted(rest, column == 0)) {
            constexpr char digits[] = "0123456789ABCDEF";
            const auto value = static_cast<unsigned char>(line[i]);
            *to++ = '=';
            *to++ = digits[value >> 4];
            *to++ = digits[value & 15];
            column += 3;
        } else {
            *to++ = line[i];
            ++column;
        }
    }
    return to;
}

// A line of quoted-printable text, without its line end, written to `to`; gives the end
// of what was written, nullptr at a "=" that means nothing.
char* decode_quoted(base::Octets line, char* to)
{
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] != '=') {
            *to++ = line[i];
            continue;
        }
        if (line.size() - i < 3) return nullptr;
        const std::uint32_t high = hex_values[static_cast<unsigned char>(line[i + 1])];
        const std::uint32_t low = hex_values[static_cast<unsigned char>(line[i + 2])];
        if ((high | low) >= bad) return nullptr;
        *to++ = octet(high << 4 | low);
        i += 2;
    }
    return to;
}

// Takes the first line off `text` and writes what it stands for; see decode_quoted().
char* decode_line(base::Octets& text, char* to)
{
    const std::size_t lf = text.find('\n');
    base::Octets line = text.substr(0, lf);
    base::Octets line_end = lf == base::Octets::npos ? base::Octets() : text.substr(lf, 1);
    text.remove_prefix(line.size() + line_end.size());
    if (!line_end.empty() && line.ends_with('\r')) {
        line_end = {line_end.data() - 1, 2};
        line.remove_suffix(1);
    }
    while (!line.empty() && base::is_blank(line.back())) line.remove_suffix(1);
    const bool soft = line.ends_with('=');
    if (soft) line.remove_suffix(1);
    to = decode_quoted(line, to);
    return to == nullptr || soft ? to : std::copy(line_end.begin(), line_end.end(), to);
}

}  // namespace

// mimetic's encoder knows LF line ends only, and forgets the last one: it is
// given one line's worth at a time and told not to break lines.
std::string base64_lines(base::Octets octets)
{
    const std::size_t lines = (octets.size() + octets_a_line - 1) / octets_a_line;
    std::string out = base::string_with_room((octets.size() + 2) / 3 * 4 + lines * 2);
    constexpr int unbroken = 0;
    std::array<char, columns> line{};
    while (!octets.empty()) {
        const base::Octets part = octets.substr(0, octets_a_line);
        mimetic::Base64::Encoder encoder(unbroken);
        encoder.process(part.begin(), part.end(), line.begin());
        out.append(line.data(), (part.size() + 2) / 3 * 4).append("\r\n");
        octets.remove_prefix(part.size());
    }
    return out;
}

// mimetic's decoder skips what it does not know and goes on after padding, so
// that two readers could see two contents; and it reads past its table.
std::optional<std::string> base64_decode(base::Octets text)
{
    std::string out = base::string_with_room(text.size() / 4 * 3 + 3);
    out.resize(text.size() / 4 * 3 + 3);
    std::size_t size = 0;
    std::uint32_t value = 0;
    unsigned digits = 0;
    for (std::size_t i = 0; i < text.size();) {
        if (digits == 0 && text.size() - i >= 4) {
            const std::uint32_t a = value_of(text[i]), b = value_of(text[i + 1]);
            const std::uint32_t c = value_of(text[i + 2]), d = value_of(text[i + 3]);
            if ((a | b | c | d) < skip) {
                const std::uint32_t group = a << 18 | b << 12 | c << 6 | d;
                out[size] = octet(group >> 16);
                out[size + 1] = octet(group >> 8);
                out[size + 2] = octet(group);
                size += 3;
                i += 4;
                continue;
            }
        }
        const std::uint8_t v = value_of(text[i++]);
        if (v == skip) continue;
        if (v == bad) return std::nullopt;
        if (v == pad) {
            if (!finish_padded(out, size, value, digits, text.substr(i))) return std::nullopt;
            digits = 0;
            break;
        }
        value = value << 6 | v;
        if (++digits == 4) {
            out[size++] = octet(value >> 16);
            out[size++] = octet(value >> 8);
            out[size++] = octet(value);
            value = digits = 0;
        }
    }
    if (digits != 0) return std::nullopt;
    out.resize(size);
    return out;
}

// Our own: mimetic's encoder writes LF, loses bare CR and LF, and from the first
// 8-bit octet on encodes every line end.
std::string quoted_printable_lines(base::Octets octets)
{
    std::string out = base::string_with_room(most_quoted(octets.size(), count_not_plain(octets)));
    // Several lines at a time: many are short.
    constexpr std::size_t usual = 1000, room = most_quoted(usual, usual) + 2;
    std::array<char, 4 * room> several{};
    char* to = several.data();
    const auto flush = [&] {
        out.append(several.data(), to);
        to = several.data();
    };
    std::string unusual;
    while (true) {
        const std::size_t end = octets.find("\r\n");
        const base::Octets line = octets.substr(0, end);
        if (line.size() > usual) {
            flush();
            unusual.resize(most_quoted(line.size(), count_not_plain(line)));
            out.append(unusual.data(), quote_line(line, unusual.data()));
        } else {
            to = quote_line(line, to);
        }
        if (end == base::Octets::npos) {
            flush();
            return out;
        }
        to = std::copy_n("\r\n", 2, to);
        if (several.end() - to < static_cast<std::ptrdiff_t>(room)) flush();
        octets.remove_prefix(end + 2);
    }
}

std::optional<std::string> quoted_printable_decode(base::Octets text)
{
    std::string out = base::string_with_room(text.size());  // nothing gets longer
    out.resize(text.size());
    char* to = out.data();
    while (!text.empty()) {
        to = decode_line(text, to);
        if (to == nullptr) return std::nullopt;
    }
    out.resize(static_cast<std::size_t>(to - out.data()));
    return out;
}

bool is_quoted_printable_of(base::Octets text, base::Octets octets)
{
    // Some lines at a time, where they are short: nothing as large as the text is needed.
    constexpr std::size_t usual = 4 * columns;
    std::array<char, 8 * usual> decoded{};
    char* end = decoded.data();
    const auto agrees = [&] {
        const base::Octets found(decoded.data(), static_cast<std::size_t>(end - decoded.data()));
        end = decoded.data();
        if (!octets.starts_with(found)) return false;
        octets.remove_prefix(found.size());
        return true;
    };
    while (!text.empty()) {
        const std::size_t line = std::min(text.find('\n'), text.size() - 1) + 1;
        if (line > usual) {
            if (!agrees()) return false;
            const auto rest = quoted_printable_decode(text);
            return rest && *rest == octets;
        }
        end = decode_line(text, end);
        if (end == nullptr) return false;
        if (decoded.end() - end < static_cast<std::ptrdiff_t>(usual) && !agrees()) return false;
    }
    return agrees() && octets.empty();
}

std::optional<std::string> decode(std::string_view encoding, base::Octets body)
{
    if (encoding.empty() || encoding == "7bit" || encoding == "8bit" || encoding == "binary")
        return std::string(body);
    if (encoding == "base64") return base64_decode(body);
    if (encoding == "quoted-printable") return quoted_printable_decode(body);
    return std::nullopt;
}

}  // namespace mime
