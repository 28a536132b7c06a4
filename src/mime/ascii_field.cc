#include "mime/ascii_field.h"

#include <vector>

#include "base/ascii.h"
#include "mime/content_type.h"
#include "mime/encoded_word.h"
#include "mime/lexer.h"
#include "mime/transport.h"
#include "mime/utf8.h"

namespace mime
{
namespace
{

constexpr std::size_t columns = 76;

// Between the semicolons that separate parameters; those in quoted-strings and
// comments do not.
std::vector<base::Octets> segments(base::Octets value)
{
    std::vector<base::Octets> out;
    bool quoted = false;
    int comment = 0;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < value.size(); ++i) {
        const char c = value[i];
        if (c == '\\' && (quoted || comment > 0)) {
            ++i;
        } else if (c == '"' && comment == 0) {
            quoted = !quoted;
        } else if (c == '(' && !quoted) {
            ++comment;
        } else if (c == ')' && comment > 0) {
            --comment;
        } else if (c == ';' && !quoted && comment == 0) {
            out.push_back(value.substr(begin, i - begin));
            begin = i + 1;
        }
    }
    out.push_back(value.substr(begin));
    return out;
}

// Other than what folding and blanks are made of.
bool has_strange_control(base::Octets raw)
{
    for (std::size_t i = 0; i < raw.size(); ++i) {
        if (raw.substr(i).starts_with("\r\n"))
            ++i;
        else if (base::is_control(raw[i]) && raw[i] != '\t')
            return true;
    }
    return false;
}

// RFC 2231 section 7: attribute-char.
bool is_attribute_octet(char c) { return is_token_octet(c) && c != '*' && c != '\'' && c != '%'; }

std::string percent_encoded(std::string_view text)
{
    constexpr char digits[] = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        if (is_attribute_octet(c)) {
            out += c;
        } else {
            const auto value = static_cast<unsigned char>(c);
            out += '%';
            out += digits[value >> 4];
            out += digits[value & 15];
        }
    }
    return out;
}

// `wanted="..."` or, as careless software writes it, without the quotes.
std::optional<std::string> value_of(base::Octets segment, std::string_view wanted)
{
    const std::string text = unfold(segment);
    Lexer lexer(text);
    const auto name = lexer.run(is_token_octet);
    lexer.skip_cfws();
    if (!base::iequals(name, wanted) || !lexer.take('=')) return std::nullopt;
    lexer.skip_cfws();
    std::string value, comments;
    if (auto string = lexer.quoted_string()) {
        value = std::move(*string);
        lexer.skip_cfws(&comments);
        if (!comments.empty()) return std::nullopt;
    } else {
        value = base::trim(lexer.until(';'));
        if (value.find_first_of("\"()\\") != std::string::npos) return std::nullopt;
    }
    if (!lexer.done() || !lexer.clean() || value.find("=?") != std::string::npos) return std::nullopt;
    return value;
}

// Readers take one of two parameters, and not all the same one.
bool is_only_one(const ContentType& parsed, std::string_view wanted)
{
    std::size_t count = 0;
    const std::string extended = std::string(wanted) + "*";
    for (const Parameter& p : parsed.parameters)
        if (p.name == wanted || p.name.starts_with(extended)) ++count;
    return count == 1;
}

// The attribute of a parameter; "" when it is one on which the structure depends,
// or an extended one already.
std::string attribute_of(base::Octets segment)
{
    const std::string text = unfold(segment);
    std::string name = base::to_lower(Lexer(text).run(is_token_octet));
    const bool fixed = name == "boundary" || name == "charset" || name.find('*') != std::string::npos;
    return fixed ? std::string() : name;
}

std::optional<std::string> with_extended_parameters(const Field& field)
{
    const auto type = parse_content_type(field.value), disposition = parse_disposition(field.value);
    std::string out(field.raw.substr(0, field.raw.size() - field.value.size() - 2));
    bool first = true;
    for (const base::Octets segment : segments(field.value)) {
        if (!first) out += ';';
        if (is_ascii(segment)) {
            out += segment;
        } else {
            const std::string name = first ? std::string() : attribute_of(segment);
            if (name.empty() || !(is_only_one(disposition, name) || is_only_one(type, name)))
                return std::nullopt;
            const auto value = value_of(segment, name);
            if (!value) return std::nullopt;
            const bool file_name = name == "name" || name == "filename";
            if (!is_utf8(segment) && !file_name) return std::nullopt;
            const std::string parameter =
                name + (is_utf8(segment) ? "*=utf-8''" : "*=unknown-8bit''") + percent_encoded(*value);
            std::string before(segment.substr(0, segment.find_first_not_of(" \t\r\n")));
            const std::size_t line = out.rfind('\n') == std::string::npos ? 0 : out.rfind('\n') + 1;
            if (before.find('\n') == std::string::npos && out.size() - line + parameter.size() + 1 > columns)
                before = "\r\n ";
            out += before + parameter;
        }
        first = false;
    }
    return out + "\r\n";
}

}  // namespace

std::optional<std::string> ascii_field(const Field& field)
{
    if (!field.raw.ends_with("\r\n") || has_strange_control(field.raw)) return std::nullopt;
    std::optional<std::string> out;
    if (base::iequals(field.name, "Content-Type") || base::iequals(field.name, "Content-Disposition")) {
        out = with_extended_parameters(field);
    } else if (base::iequals(field.name, "Content-Description")) {
        const std::string text = unfold(field.value);
        if (text.find("=?") == std::string::npos)
            out = std::string(field.raw.substr(0, field.raw.size() - field.value.size() - 2)) + " " +
                  encode_words(text) + "\r\n";
    }
    return out && !octet_hazard(*out) ? out : std::nullopt;
}

std::optional<std::string> folded(base::Octets field)
{
    std::string out;
    while (!field.empty()) {
        const std::size_t end = std::min(field.find("\r\n"), field.size());
        base::Octets line = field.substr(0, end);
        while (line.size() > max_line) {
            // Not before the value: a line must not be the name alone.
            const std::size_t colon = out.empty() ? line.find(':') : 0;
            const std::size_t blank = line.find_last_of(" \t", columns);
            const bool near = blank != base::Octets::npos && blank > 0 && blank > colon + 1;
            const std::size_t at = near ? blank : line.find_first_of(" \t", std::max(columns, colon + 2));
            if (at == base::Octets::npos) return std::nullopt;
            const std::size_t last = line.find_last_not_of(" \t", at);
            // A line of blanks alone would look like the end of the header.
            if (last == base::Octets::npos || last >= max_line) return std::nullopt;
            out += line.substr(0, last + 1);
            out += "\r\n";
            line.remove_prefix(last + 1);
        }
        out += line;
        out += field.substr(end, 2);
        field.remove_prefix(std::min(end + 2, field.size()));
    }
    return out;
}

}  // namespace mime
