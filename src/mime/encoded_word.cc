#include "mime/encoded_word.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/ascii.h"
#include "mime/codec.h"
#include "mime/header.h"
#include "mime/lexer.h"
#include "mime/utf8.h"

namespace mime
{
namespace
{

struct EncodedWord {
    std::string charset;  // lower case, without the language of RFC 2231
    std::string octets;   // decoded, in that charset
    std::size_t length;   // of the encoded-word
};

// Readers are lenient: padding may be missing.
std::optional<std::string> decode_b(std::string_view text)
{
    const std::size_t end = text.find_last_not_of('=');
    std::string padded(text.substr(0, end == std::string_view::npos ? 0 : end + 1));
    padded.append((4 - padded.size() % 4) % 4, '=');
    return base64_decode(padded);
}

std::optional<std::string> decode_q(std::string_view text)
{
    std::string quoted(text);
    std::replace(quoted.begin(), quoted.end(), '_', '\x01');  // survives as no blank at an end would
    auto out = quoted_printable_decode(quoted);
    if (out) std::replace(out->begin(), out->end(), '\x01', ' ');
    return out;
}

// The encoded-word at the start of `text`, without the limit of 75 columns.
// Every scan in here stops at the next "?", which keeps the whole linear.
std::optional<EncodedWord> encoded_word(std::string_view text)
{
    Lexer in(text);
    if (!in.take('=') || !in.take('?')) return std::nullopt;
    const auto charset = in.run(is_token_octet);
    if (charset.empty() || !in.take('?')) return std::nullopt;
    const auto encoding = in.run(is_token_octet);
    if (encoding.size() != 1 || !in.take('?')) return std::nullopt;
    const auto body = in.run([](char c) { return c != '?' && c != '\r' && c != '\n'; });
    if (!in.take('?') || !in.take('=')) return std::nullopt;
    const char kind = base::lower(encoding.front());
    if (kind != 'b' && kind != 'q') return std::nullopt;
    auto octets = kind == 'b' ? decode_b(body) : decode_q(body);
    if (!octets) return std::nullopt;
    return EncodedWord{base::to_lower(charset.substr(0, charset.find('*'))), std::move(*octets),
                       in.position()};
}

// As UTF-8.  Controls become blanks: what is hidden in here must not become a
// line of its own wherever the result is used.
std::string to_utf8(std::string_view charset, std::string_view octets)
{
    std::string out;
    const bool latin1 = charset == "iso-8859-1" || charset == "latin1";
    const bool utf8 = charset == "utf-8" || charset == "utf8";
    while (!octets.empty()) {
        const auto c = static_cast<unsigned char>(octets.front());
        std::size_t length = 1;
        if (c < 0x80) {
            out += base::is_control(octets.front()) ? ' ' : octets.front();
        } else if (latin1) {
            out += static_cast<char>(0xc0U | c >> 6);
            out += static_cast<char>(0x80U | (c & 0x3fU));
        } else if (length = utf8 ? utf8_character(octets) : 0; length > 0) {
            out += octets.substr(0, length);
        } else {
            out += '?';
            length = 1;
        }
        octets.remove_prefix(length);
    }
    return out;
}

// How much of `text` fits into `room` octets without cutting a character.
std::size_t whole_characters(std::string_view text, std::size_t room)
{
    std::size_t size = 0;
    while (size < text.size()) {
        const std::size_t next = std::max<std::size_t>(utf8_character(text.substr(size, 4)), 1);
        if (size + next > room) break;
        size += next;
    }
    return size;
}

}  // namespace

std::string decode_encoded_words(base::Octets value)
{
    const std::string text = unfold(value);
    std::string_view rest = text;
    std::string out, charset, pending;  // octets of adjacent words of one charset
    const auto flush = [&] {
        out += to_utf8(charset, pending);
        pending.clear();
    };
    std::string_view gap;  // blanks since the last encoded-word
    bool after_word = false;
    while (!rest.empty()) {
        if (auto word = rest.front() == '=' ? encoded_word(rest) : std::nullopt) {
            if (!after_word || word->charset != charset) flush();
            if (!after_word) out += gap;
            charset = std::move(word->charset);
            pending += word->octets;
            after_word = true;
            gap = {};
            rest.remove_prefix(word->length);
        } else if (base::is_blank(rest.front())) {
            gap = rest.substr(0, std::min(rest.find_first_not_of(" \t"), rest.size()));
            rest.remove_prefix(gap.size());
        } else {
            flush();
            out += gap;
            out += rest.front();
            gap = {};
            after_word = false;
            rest.remove_prefix(1);
        }
    }
    flush();
    return out + std::string(gap);
}

std::string encode_words(std::string_view text)
{
    if (std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 0x7f; }))
        return std::string(text);
    const bool utf8 = is_utf8(text);
    const std::string before = utf8 ? "=?utf-8?B?" : "=?unknown-8bit?B?";
    // That and "?=" leave 63 or 56 columns; the first word leaves room for a name before it.
    const std::size_t first = utf8 ? 33 : 27, others = utf8 ? 45 : 39;
    std::string out;
    while (!text.empty()) {
        const std::size_t most = out.empty() ? first : others;
        const std::string_view part = text.substr(0, utf8 ? whole_characters(text, most) : most);
        std::string encoded = base64_lines(part);
        encoded.resize(encoded.size() - 2);
        if (!out.empty()) out += "\r\n ";
        out += before + encoded + "?=";
        text.remove_prefix(part.size());
    }
    return out;
}

}  // namespace mime
