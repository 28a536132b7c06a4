#include "mime/codec.h"

#include <mimetic/codec/base64.h>

#include <array>
#include <cstdint>

#include "base/ascii.h"

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

int hex_digit(char c)
{
    if (base::is_digit(c)) return c - '0';
    const char l = base::lower(c);
    return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

// --- quoted-printable, one line of text ----------------------------------------

class QuotedLines
{
public:
    explicit QuotedLines(std::string& out) : out_(out) {}

    // `line` without its CRLF; nothing is written after its last octet.
    void add(base::Octets line)
    {
        column_ = 0;
        while (!line.empty()) {
            const char c = line.front();
            const bool last = line.size() == 1;
            // The last column is for "=" unless the line ends here.
            if (column_ + (quoted(line, last) ? 3 : 1) > (last ? columns : columns - 1)) {
                out_ += "=\r\n";
                column_ = 0;
            }
            if (quoted(line, last)) {
                constexpr char digits[] = "0123456789ABCDEF";
                const auto value = static_cast<unsigned char>(c);
                out_ += '=';
                out_ += digits[value >> 4];
                out_ += digits[value & 15];
                column_ += 3;
            } else {
                out_ += c;
                ++column_;
            }
            line.remove_prefix(1);
        }
    }

private:
    // Besides what RFC 2045 asks for: an output line must not look like a
    // delimiter, an mbox separator or the end of SMTP data.
    [[nodiscard]] bool quoted(base::Octets line, bool last) const
    {
        const char c = line.front();
        if (base::is_blank(c)) return last;
        if (c <= ' ' || c > '~' || c == '=') return true;
        return column_ == 0 && (c == '.' || line.starts_with("--") || line.starts_with("From "));
    }

    std::string& out_;
    std::size_t column_ = 0;
};

}  // namespace

// mimetic's encoder knows LF line ends only, and forgets the last one: it is
// given one line's worth at a time and told not to break lines.
std::string base64_lines(base::Octets octets)
{
    std::string out;
    const std::size_t lines = (octets.size() + octets_a_line - 1) / octets_a_line;
    out.reserve((octets.size() + 2) / 3 * 4 + lines * 2);
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
    std::string out(text.size() / 4 * 3 + 3, '\0');
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
    std::string out;
    out.reserve(octets.size() + octets.size() / 8);
    QuotedLines lines(out);
    while (true) {
        const std::size_t end = octets.find("\r\n");
        lines.add(octets.substr(0, end));
        if (end == base::Octets::npos) return out;
        out += "\r\n";
        octets.remove_prefix(end + 2);
    }
}

std::optional<std::string> quoted_printable_decode(base::Octets text)
{
    std::string out;
    out.reserve(text.size());
    std::size_t solid = 0;  // out up to here is no blank that may be at the end of its line
    for (std::size_t i = 0; i < text.size();) {
        const char c = text[i];
        if (c == '=') {
            const std::size_t next = text.find_first_not_of(" \t", i + 1);
            const base::Octets rest = next == base::Octets::npos ? base::Octets{} : text.substr(next);
            if (rest.empty() || rest.starts_with("\r\n") || rest.front() == '\n') {
                i = text.size() - rest.size() + (rest.empty() ? 0U : rest.front() == '\n' ? 1U : 2U);
            } else {
                const int high = hex_digit(text[i + 1]);
                const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
                if (high < 0 || low < 0) return std::nullopt;
                out += octet(static_cast<std::uint32_t>(high * 16 + low));
                i += 3;
            }
            solid = out.size();
            continue;
        }
        if (c == '\n' || text.substr(i, 2) == "\r\n") out.resize(solid);
        out += c;
        if (!base::is_blank(c)) solid = out.size();
        ++i;
    }
    out.resize(solid);
    return out;
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
