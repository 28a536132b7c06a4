#include "mime/content_type.h"

#include <algorithm>

#include "base/ascii.h"
#include "mime/header.h"
#include "mime/lexer.h"

namespace mime
{
namespace
{

constexpr std::size_t max_octets = 8192;
constexpr std::size_t max_parameters = 64;

// What stands after "=": a token or a quoted-string.  Anything else that
// reaches up to the next ";" is kept as it is, and false says so.
bool read_value(Lexer& lexer, std::string& value)
{
    if (auto quoted = lexer.quoted_string()) {
        value = std::move(*quoted);
        lexer.skip_cfws();
        return lexer.done() || lexer.next_is(';');
    }
    const std::size_t begin = lexer.position();
    value = lexer.run(is_token_octet);
    const bool some = !value.empty();
    lexer.skip_cfws();
    if (some && (lexer.done() || lexer.next_is(';'))) return true;
    static_cast<void>(lexer.until(';'));
    value = base::trim(lexer.since(begin));
    return false;
}

void read_parameters(Lexer& lexer, ContentType& out)
{
    lexer.skip_cfws();
    while (!lexer.done()) {
        if (!lexer.take(';')) {
            out.valid = false;
            static_cast<void>(lexer.until(';'));
            continue;
        }
        lexer.skip_cfws();
        if (lexer.done() || lexer.next_is(';')) continue;
        if (out.parameters.size() >= max_parameters) {
            out.valid = false;
            return;
        }
        Parameter p;
        p.name = base::to_lower(lexer.run(is_token_octet));
        lexer.skip_cfws();
        if (p.name.empty() || !lexer.take('=')) {
            out.valid = false;
            static_cast<void>(lexer.until(';'));
            continue;
        }
        lexer.skip_cfws();
        if (!read_value(lexer, p.value)) out.valid = false;
        if (p.name.starts_with("boundary*")) out.valid = false;
        if (out.parameter(p.name) != nullptr) out.duplicate_parameter = true;
        out.parameters.push_back(std::move(p));
    }
}

// Many programs look for "boundary=" and take what follows up to a quote or a
// semicolon; only where they read the same is it beyond dispute.
bool is_disputable(base::Octets value)
{
    bool quoted = false;
    for (char c : value) {
        if (c == '\\' || (c == '(' && !quoted) || (quoted && (c == '\r' || c == '\n'))) return true;
        if (c == '"') quoted = !quoted;
    }
    return false;
}

// The same inside the value of another parameter: they would take that one.
bool hides_boundary(const std::vector<Parameter>& parameters)
{
    return std::any_of(parameters.begin(), parameters.end(), [](const Parameter& p) {
        if (p.name == "boundary") return false;
        const std::string value = base::to_lower(p.value);
        constexpr std::string_view name = "boundary";
        for (auto at = value.find(name); at != std::string::npos; at = value.find(name, at + 1)) {
            const auto next = value.find_first_not_of(" \t", at + name.size());
            if (next != std::string::npos && (value[next] == '=' || value[next] == '*')) return true;
        }
        return false;
    });
}

// Media type "a/b; ...", or with `slash` false a lone token "a; ...".
ContentType parse(base::Octets value, bool slash)
{
    ContentType out;
    out.present = true;
    if (value.size() > max_octets) {
        out.valid = false;
        value = value.substr(0, max_octets);
    }
    out.disputable = is_disputable(value);
    const std::string text = unfold(value);
    Lexer lexer(text);
    lexer.skip_cfws();
    std::string type = base::to_lower(lexer.run(is_token_octet));
    std::string subtype;
    lexer.skip_cfws();
    if (slash && lexer.take('/')) {
        lexer.skip_cfws();
        subtype = base::to_lower(lexer.run(is_token_octet));
    }
    if (type.empty() || (slash && subtype.empty())) out.valid = false;
    if (!slash || !type.empty()) {  // else the default of RFC 2045 section 5.2
        out.type = std::move(type);
        out.subtype = std::move(subtype);
    }
    read_parameters(lexer, out);
    out.disputable = out.disputable || hides_boundary(out.parameters);
    if (!lexer.clean()) out.valid = false;
    return out;
}

}  // namespace

bool ContentType::is(std::string_view t, std::string_view s) const { return type == t && subtype == s; }

const std::string* ContentType::parameter(std::string_view name) const
{
    const auto found = std::find_if(parameters.begin(), parameters.end(),
                                    [&](const Parameter& p) { return p.name == name; });
    return found == parameters.end() ? nullptr : &found->value;
}

ContentType parse_content_type(base::Octets value) { return parse(value, true); }

ContentType parse_disposition(base::Octets value) { return parse(value, false); }

}  // namespace mime
