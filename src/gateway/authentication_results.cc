#include "gateway/authentication_results.h"

#include <algorithm>

#include "base/ascii.h"

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

// Comments become a blank; what is quoted is kept without its quotes and with
// ";", "=" and "/" blotted out, so that only real ones structure the text.
// nullopt: a comment or quoted-string does not end.
std::optional<std::string> plain(std::string_view value)
{
    std::string out;
    int depth = 0;
    bool in_quotes = false;
    for (std::size_t i = 0; i < value.size(); ++i) {
        char c = value[i];
        if (c == '\\' && (depth > 0 || in_quotes)) {
            if (++i >= value.size()) return std::nullopt;
            c = value[i];
            if (in_quotes) out += c == ';' || c == '=' || c == '/' ? '\x01' : c;
        } else if (in_quotes) {
            if (c == '"')
                in_quotes = false;
            else
                out += c == ';' || c == '=' || c == '/' ? '\x01' : c;
        } else if (c == '(') {
            ++depth;
            out += ' ';
        } else if (depth > 0) {
            if (c == ')') --depth;
        } else if (c == '"') {
            in_quotes = true;
        } else {
            out += c == '\r' || c == '\n' || c == '\t' ? ' ' : c;
        }
    }
    if (depth > 0 || in_quotes) return std::nullopt;
    return out;
}

std::string_view without_final_dot(std::string_view id)
{
    if (id.ends_with('.')) id.remove_suffix(1);
    return id;
}

bool names_smime(std::string_view results)
{
    while (!results.empty()) {
        const auto end = results.find(';');
        const auto result = results.substr(0, end);
        const auto method = base::trim(result.substr(0, result.find_first_of("=/")));
        if (base::iequals(method, "smime")) return true;
        if (end == std::string_view::npos) return false;
        results.remove_prefix(end + 1);
    }
    return false;
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

bool forges_results(std::string_view value, std::string_view authserv_id)
{
    if (authserv_id.empty()) return false;
    const auto text = plain(value);
    if (!text) return base::to_lower(value).find(base::to_lower(authserv_id)) != std::string::npos;
    const auto end = text->find(';');
    auto id = base::trim(std::string_view(*text).substr(0, end));
    id = id.substr(0, id.find(' '));  // an authres-version may follow
    if (!base::iequals(without_final_dot(id), without_final_dot(authserv_id))) return false;
    return end != std::string::npos && names_smime(std::string_view(*text).substr(end + 1));
}

}  // namespace gateway
