#include "gateway/authentication_results.h"

#include <algorithm>
#include <vector>

#include "base/ascii.h"
#include "mime/encoded_word.h"
#include "mime/header.h"
#include "mime/lexer.h"

namespace gateway
{
namespace
{

constexpr std::size_t max_quoted = 200;

// Text of strangers inside quotes: printable ASCII only, cut, escaped.
std::string quoted(std::string_view text)
{
    std::string out = "\"";
    for (char c : text.substr(0, max_quoted)) {
        if (base::is_control(c)) continue;
        if (static_cast<unsigned char>(c) > 0x7e) c = '?';
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + "\"";
}

bool is_token_char(char c)
{
    constexpr std::string_view tspecials = "()<>@,;:\\\"/[]?= ";
    return !base::is_control(c) && static_cast<unsigned char>(c) < 0x7f &&
           tspecials.find(c) == std::string_view::npos;
}

bool is_token(std::string_view text)
{
    return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

bool is_domain(std::string_view text)
{
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (base::lower(c) >= 'a' && base::lower(c) <= 'z') || base::is_digit(c) || c == '-' || c == '.';
    });
}

bool is_dot_atom(std::string_view text)
{
    constexpr std::string_view extra = "!#$%&'*+-/=?^_`{|}~.";
    if (text.empty() || text.front() == '.' || text.back() == '.' ||
        text.find("..") != std::string_view::npos)
        return false;
    return std::all_of(text.begin(), text.end(), [&](char c) {
        return (base::lower(c) >= 'a' && base::lower(c) <= 'z') || base::is_digit(c) ||
               extra.find(c) != std::string_view::npos;
    });
}

std::string unescaped(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 1 < text.size()) ++i;
        out += text[i];
    }
    return out;
}

// pvalue of RFC 8601 section 2.2: an address as it is when it needs no quotes,
// its local part quoted when the domain is plain, else all of it.
std::string pvalue(std::string_view address)
{
    const auto at = address.rfind('@');
    if (at == std::string_view::npos || !is_domain(address.substr(at + 1)) || address.size() > max_quoted)
        return is_token(address) ? std::string(address) : quoted(address);
    const auto local = address.substr(0, at);
    const auto domain = std::string(address.substr(at));
    if (is_dot_atom(local)) return std::string(local) + domain;
    if (local.size() >= 2 && local.front() == '"' && local.back() == '"')
        return quoted(unescaped(local.substr(1, local.size() - 2))) + domain;
    return quoted(local) + domain;
}

// CertificateSerialNumber as a decimal number (RFC 7281 section 3.2.3).
std::string decimal(std::string_view hex)
{
    std::string digits = "0";  // least significant first
    for (char c : hex.substr(0, 80)) {
        int carry = base::is_digit(c) ? c - '0' : base::lower(c) - 'a' + 10;
        for (char& d : digits) {
            carry += (d - '0') * 16;
            d = static_cast<char>('0' + carry % 10);
            carry /= 10;
        }
        for (; carry > 0; carry /= 10) digits += static_cast<char>('0' + carry % 10);
    }
    return {digits.rbegin(), digits.rend()};
}

std::string comment(const Layer& layer)
{
    if (layer.signer < 0) return {};
    const auto& signer = layer.signers[static_cast<std::size_t>(layer.signer)];
    std::string text;
    if (signer.certificate) text = base::to_lower(cms::describe_key(*signer.certificate));
    if (!signer.digest.empty()) text += (text.empty() ? "" : " ") + signer.digest;
    for (const auto& note : layer.comments) text += (text.empty() ? "" : "; ") + note;
    std::string safe;
    for (char c : std::string_view(text).substr(0, max_quoted))
        if (!base::is_control(c) && static_cast<unsigned char>(c) < 0x7f && c != '(' && c != ')' && c != '\\')
            safe += c;
    return safe.empty() ? "" : " (" + safe + ")";
}

// An authserv-id that is a token goes as it is.
std::string id_text(std::string_view id) { return is_token(id) ? std::string(id) : quoted(id); }

std::string_view without_final_dots(std::string_view id)
{
    while (id.ends_with('.')) id.remove_suffix(1);
    return id;
}

// The octets that a field keeps however leniently it is read: no comments, no
// quotes, no backslashes, no blanks, controls or 8-bit octets, in lower case.
std::string squeezed(std::string_view value, bool comments)
{
    std::string out;
    int depth = 0;
    for (char c : value) {
        if (!comments && (c == '(' || c == ')')) depth = std::max(0, depth + (c == '(' ? 1 : -1));
        if (depth > 0 || base::is_control(c) || static_cast<unsigned char>(c) >= 0x7f) continue;
        if (std::string_view(" \"\\()").find(c) == std::string_view::npos) out += base::lower(c);
    }
    return out;
}

// A field outside the grammar is read by everybody in his own way: it must not
// hold our name and this method in any of them.
bool may_forge(std::string_view value, std::string_view authserv_id, std::string_view method)
{
    const auto id = squeezed(without_final_dots(authserv_id), true);
    for (bool comments : {true, false}) {
        const auto text = squeezed(value, comments);
        if (text.find(id) != std::string::npos && text.find(method) != std::string::npos) return true;
    }
    return false;
}

// Authentication-Results (RFC 8601 section 2.2), as far as the question needs
// it: authserv-id and the methods.  nullopt: not strictly of this form.
struct Results {
    std::string id;
    std::vector<std::string> methods;
};

bool is_keyword_octet(char c)
{
    return (base::lower(c) >= 'a' && base::lower(c) <= 'z') || base::is_digit(c) || c == '-' || c == '_';
}

bool is_value_octet(char c)
{
    return !base::is_control(c) && std::string_view(" ;()\"\\").find(c) == std::string_view::npos;
}

// "reason = value" or "ptype . property = value", and the blanks behind.
bool read_specification(mime::Lexer& lexer)
{
    const auto type = lexer.run(is_keyword_octet);
    lexer.skip_cfws();
    if (!base::iequals(type, "reason")) {
        if (type.empty() || !lexer.take('.')) return false;
        lexer.skip_cfws();
        if (lexer.run(is_keyword_octet).empty()) return false;
        lexer.skip_cfws();
    }
    if (!lexer.take('=')) return false;
    lexer.skip_cfws();
    const auto begin = lexer.position();
    while (lexer.quoted_string() || !lexer.run(is_value_octet).empty()) {
    }
    if (lexer.position() == begin) return false;
    lexer.skip_cfws();
    return true;
}

// " method [/ version] = result ..." up to the next semicolon.
bool read_result(mime::Lexer& lexer, Results& out)
{
    lexer.skip_cfws();
    const auto method = lexer.run(is_keyword_octet);
    lexer.skip_cfws();
    if (base::iequals(method, "none") && lexer.done()) return true;
    if (lexer.take('/')) {
        lexer.skip_cfws();
        if (lexer.run(base::is_digit).empty()) return false;
        lexer.skip_cfws();
    }
    if (method.empty() || !lexer.take('=')) return false;
    lexer.skip_cfws();
    if (lexer.run(is_keyword_octet).empty()) return false;
    out.methods.emplace_back(method);
    lexer.skip_cfws();
    while (!lexer.done() && !lexer.next_is(';'))
        if (!read_specification(lexer)) return false;
    return lexer.clean();
}

std::optional<Results> read_results(std::string_view value)
{
    for (char c : value)
        if (static_cast<unsigned char>(c) >= 0x7f) return std::nullopt;
    const std::string text = mime::unfold(value);
    mime::Lexer lexer(text);
    Results out;
    lexer.skip_cfws();
    if (auto quoted = lexer.quoted_string())
        out.id = std::move(*quoted);
    else
        out.id = lexer.run(is_token_char);
    lexer.skip_cfws();
    static_cast<void>(lexer.run(base::is_digit));  // authres-version
    lexer.skip_cfws();
    if (out.id.empty() || lexer.done()) return std::nullopt;
    while (lexer.take(';'))
        if (!read_result(lexer, out)) return std::nullopt;
    if (!lexer.done() || !lexer.clean()) return std::nullopt;
    return out;
}

}  // namespace

std::string authentication_results(std::string_view authserv_id, const Verdict& verdict)
{
    std::string out = id_text(authserv_id) + ";\n smime=" + std::string(cms::name(verdict.result()));
    const Layer* layer = verdict.layer();
    if (layer == nullptr) return out;
    out += comment(*layer);
    if (const auto why = verdict.reason(); !why.empty()) out += "\n reason=" + quoted(why);
    const cms::SignerVerdict* signer =
        layer->signer < 0 ? nullptr : &layer->signers[static_cast<std::size_t>(layer->signer)];
    if (!layer->identity.empty())
        out += "\n body.smime-identifier=" + pvalue(layer->identity);
    else if (signer != nullptr && !signer->serial.empty() && !signer->issuer.empty())
        out += "\n body.smime-serial=" + decimal(signer->serial) +
               "\n body.smime-issuer=" + quoted(signer->issuer);
    out += "\n body.smime-part=" + layer->part;
    return out;
}

bool forges_results(std::string_view value, std::string_view authserv_id, std::string_view method)
{
    if (authserv_id.empty()) return false;
    const auto results = read_results(value);
    if (!results)
        return may_forge(value, authserv_id, method) ||
               may_forge(mime::decode_encoded_words(value), authserv_id, method);
    return base::iequals(without_final_dots(results->id), without_final_dots(authserv_id)) &&
           (method.empty() || std::any_of(results->methods.begin(), results->methods.end(),
                                          [&](const std::string& m) { return base::iequals(m, method); }));
}

}  // namespace gateway
