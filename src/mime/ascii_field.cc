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

std::optional<std::string> with_extended_parameter(const Field& field, std::string_view wanted)
{
    if (!is_only_one(parse_disposition(field.value), wanted) &&
        !is_only_one(parse_content_type(field.value), wanted))
        return std::nullopt;
    std::string out(field.raw.substr(0, field.raw.size() - field.value.size() - 2));
    bool first = true;
    for (const base::Octets segment : segments(field.value)) {
        if (!first) out += ';';
        if (is_ascii(segment)) {
            out += segment;
        } else {
            const auto value = value_of(segment, wanted);
            if (first || !value) return std::nullopt;
            const std::string parameter = std::string(wanted) + "*=utf-8''" + percent_encoded(*value);
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
    if (!is_utf8(field.raw) || !field.raw.ends_with("\r\n") || has_strange_control(field.raw))
        return std::nullopt;
    std::optional<std::string> out;
    if (base::iequals(field.name, "Content-Type")) {
        out = with_extended_parameter(field, "name");
    } else if (base::iequals(field.name, "Content-Disposition")) {
        out = with_extended_parameter(field, "filename");
    } else if (base::iequals(field.name, "Content-Description")) {
        const std::string text = unfold(field.value);
        if (text.find("=?") == std::string::npos)
            out = std::string(field.raw.substr(0, field.raw.size() - field.value.size() - 2)) + " " +
                  encode_words(text) + "\r\n";
    }
    return out && !octet_hazard(*out) ? out : std::nullopt;
}

}  // namespace mime
