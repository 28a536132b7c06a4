#include "policy/value.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <memory>

#include "base/ascii.h"
#include "base/file.h"
#include "base/log.h"
#include "cms/token.h"
#include "mime/domain.h"

namespace policy
{
namespace
{

constexpr std::size_t max_pattern = 512;

bool is_name_octet(char c)
{
    const char l = base::lower(c);
    return (l >= 'a' && l <= 'z') || base::is_digit(c) || c == '.' || c == '_' || c == '-';
}

bool has_blank(std::string_view text) { return text.find_first_of(" \t") != std::string_view::npos; }

// As in other configuration languages; here quotes are octets like any others.
bool is_quoted(std::string_view text)
{
    return text.size() >= 2 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front();
}

// What is wrong with it, or "".
std::string bad_pattern(std::string_view pattern, Value::Pattern kind)
{
    if (pattern.size() > max_pattern) return "is longer than " + std::to_string(max_pattern) + " octets";
    if (is_quoted(pattern)) return "has quotes around it, which would have to be in the message";
    if (kind == Value::Pattern::envelope && pattern == "<>") return {};
    if (pattern.find_first_of("<>") != std::string_view::npos) return "has angle brackets";
    if (kind == Value::Pattern::name) return {};
    if (pattern.front() == '@') return "has nothing before the \"@\"";
    if (pattern.find_first_of("@*") == std::string_view::npos) return "is no address";
    return {};
}

}  // namespace

std::string quoted(std::string_view text) { return "\"" + base::printable(text, 80) + "\""; }

std::string alternatives(const std::vector<std::string>& words)
{
    std::string out;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i > 0) out += i + 1 == words.size() ? " or " : ", ";
        out += words[i];
    }
    return out;
}

std::optional<std::uint64_t> parse_size(std::string_view text)
{
    if (text.empty()) return std::nullopt;
    unsigned shift = 0;
    switch (text.back()) {
        case 'K': shift = 10; break;
        case 'M': shift = 20; break;
        case 'G': shift = 30; break;
        default: break;
    }
    if (shift != 0) text.remove_suffix(1);
    const auto number = base::parse_decimal(text);
    if (!number || *number > std::numeric_limits<std::uint64_t>::max() >> shift) return std::nullopt;
    return static_cast<std::uint64_t>(*number) << shift;
}

std::string size_text(std::uint64_t octets)
{
    constexpr std::string_view units = "KMG";
    std::size_t unit = 0;
    while (unit < units.size() && octets != 0 && octets % 1024 == 0) {
        octets /= 1024;
        ++unit;
    }
    return std::to_string(octets) + (unit == 0 ? "" : std::string(1, units[unit - 1]));
}

void Value::refuse(std::string what, std::string remedy) const
{
    problems_.push_back({base::Severity::error,
                         {base::Code::configuration, where_, std::string(spec_.key) + ": " + std::move(what),
                          std::move(remedy)}});
}

void Value::yes_no(bool& out) const { one_of(out, {true, false}); }

void Value::number(unsigned& out, unsigned most, unsigned least) const
{
    const auto n = base::parse_decimal(text_);
    if (n && *n >= least && *n <= most)
        out = static_cast<unsigned>(*n);
    else
        refuse(quoted(text_) + " found, wanted a number from " + std::to_string(least) + " to " +
               std::to_string(most));
}

void Value::size(std::uint64_t& out, std::uint64_t least, std::uint64_t most) const
{
    const auto octets = parse_size(text_);
    if (!octets)
        refuse(quoted(text_) + " is no size",
               "wanted a number of octets, or one with a capital K, M or G, such as 64M");
    else if (*octets < least || *octets > most)
        refuse(quoted(text_) + " found, wanted " + size_text(least) + " to " + size_text(most) +
               (spec_.fallback == "0" ? ", or 0" : ""));
    else
        out = *octets;
}

void Value::word(std::string& out) const
{
    if (std::all_of(text_.begin(), text_.end(), is_name_octet) && text_.size() <= 255)
        out = text_;
    else
        refuse(quoted(text_) + " found, wanted letters, digits and . _ -");
}

std::size_t Value::alternative(std::size_t count) const
{
    const auto words = base::split_list(spec_.type, '|');
    const auto found = std::find(words.begin(), words.end(), text_);
    if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
    const std::vector<std::string_view> known(words.begin(), words.end());
    const auto near = nearest(text_, known);
    refuse(quoted(text_) + " found, wanted " + alternatives(words) +
           (near.empty() ? "" : " (did you mean " + quoted(near) + "?)"));
    return count;
}

std::vector<std::string> Value::raw_items() const
{
    auto all = base::split_list(text_);
    // Nothing but commas would read like a condition and hold always.
    if (all.empty() && !text_.empty()) refuse(quoted(text_) + " holds no value");
    return all;
}

std::vector<std::string> Value::items() const
{
    auto all = raw_items();
    std::erase_if(all, [&](const std::string& item) {
        if (!has_blank(item)) return false;
        refuse(quoted(item) + " has a blank inside", "separate values by commas");
        return true;
    });
    return all;
}

bool Value::is_absolute(std::string_view path) const
{
    if (path.starts_with('/')) return true;
    refuse(quoted(path) + " is no absolute path", "start it with \"/\"");
    return false;
}

void Value::path(std::string& out) const
{
    if (text_.empty() || is_absolute(text_)) out = text_;
}

void Value::paths(std::vector<std::string>& out) const
{
    // A blank inside is allowed: paths may hold one.
    for (auto& item : raw_items())
        if (is_absolute(item)) out.push_back(std::move(item));
}

void Value::anchors(std::vector<std::string>& out) const
{
    // Web servers are what these are trusted for; a single certificate of theirs may
    // be named, after somebody has looked at it.
    constexpr std::string_view web[] = {
        "/etc/ssl/certs",    "/etc/ssl/certs/ca-certificates.crt", "/usr/share/ca-certificates",
        "/etc/ssl/cert.pem", "/usr/share/ca-certificates/mozilla", "/etc/pki/tls/certs"};
    std::vector<std::string> given;
    paths(given);
    for (auto& item : given) {
        std::string real = base::resolved_path(item);
        while (real.size() > 1 && real.ends_with('/')) real.pop_back();
        if (std::find(std::begin(web), std::end(web), real) == std::end(web))
            out.push_back(std::move(item));
        else
            refuse(quoted(item) + " holds the authorities that are trusted for web servers",
                   "copy the CA certificates that you accept for mail to /etc/smime-milter/trust");
    }
}

void Value::token(std::string& out) const
{
    // Not quoted: there may be a PIN in it.
    if (const auto fault = text_.empty() ? std::string() : cms::fault_of_token_uri(std::string(text_));
        !fault.empty())
        refuse(fault, "see [key NAME] in smime-milter.conf(5)");
    out = text_;
}

void Value::password(store::PasswordSource& out) const
{
    constexpr std::string_view credential = "credential:", file = "file:";
    if (text_.starts_with(credential)) {
        const auto name = text_.substr(credential.size());
        if (name.empty() || name.front() == '.' || !std::all_of(name.begin(), name.end(), is_name_octet)) {
            refuse("no name of a credential after \"credential:\"",
                   "wanted the NAME of systemd's LoadCredential=NAME:PATH");
            return;
        }
    } else if (text_.starts_with(file)) {
        if (!is_absolute(text_.substr(file.size()))) return;
    } else if (!text_.empty()) {
        // Never quoted: it is the password, most likely.
        refuse("a password does not belong in the configuration",
               "write it to a file of mode 0640, then password = file:/PATH/OF/THE/FILE "
               "(or credential:NAME with systemd's LoadCredential=)");
        return;
    }
    out.text = text_;
}

bool Value::is_domain(std::string_view domain) const
{
    const bool good = !domain.empty() && domain.size() <= 255 && domain.front() != '.' &&
                      domain.back() != '.' && domain.find("..") == std::string_view::npos &&
                      std::all_of(domain.begin(), domain.end(), [](char c) {
                          return is_name_octet(c) || static_cast<unsigned char>(c) >= 0x80;
                      });
    if (!good) refuse(quoted(domain) + " is no domain", "wanted a name such as example.org, no pattern");
    return good;
}

void Value::domain(std::string& out) const
{
    if (text_.empty() || is_domain(text_)) out = mime::ascii_domain(text_);
}

void Value::domains(std::vector<std::string>& out) const
{
    for (const auto& item : items())
        if (is_domain(item)) out.push_back(mime::ascii_domain(item));
}

void Value::networks(std::vector<Network>& out, Rights rights) const
{
    for (const auto& item : items()) {
        auto network = Network::parse(item);
        if (!network) {
            const auto meant = without_host_bits(item);
            if (meant.empty())
                refuse(quoted(item) + " is neither an IP address nor a network",
                       "wanted 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32");
            else
                refuse(quoted(item) + " has host bits set",
                       "wanted the network " + meant + " or one address");
        } else if (rights == Rights::given && too_wide(*network)) {
            refuse(quoted(item) + " is too wide to be trusted", "name the hosts, at most a /8 (IPv6: /7)");
        } else {
            out.push_back(std::move(*network));
        }
    }
}

void Value::patterns(std::vector<std::string>& out, Pattern kind) const
{
    for (auto& item : items()) {
        if (const auto wrong = bad_pattern(item, kind); wrong.empty())
            out.push_back(std::move(item));
        else
            refuse(quoted(item) + " " + wrong, kind == Pattern::name
                                                   ? "wanted a name, with * and ? where it may vary"
                                                   : "wanted an address or a pattern such as *@example.org");
    }
}

void Value::header_pattern(std::vector<HeaderPattern>& out) const
{
    const auto colon = text_.find(':');
    const auto name = base::trim(text_.substr(0, colon));
    const auto pattern = colon == std::string_view::npos ? "" : base::trim(text_.substr(colon + 1));
    const bool token = !name.empty() && std::all_of(name.begin(), name.end(),
                                                    [](char c) { return c > ' ' && c < 0x7f && c != ':'; });
    if (!token || pattern.empty() || pattern.size() > max_pattern)
        refuse(quoted(text_) + " found", "wanted Name: pattern, such as X-Priority: 1*");
    else if (is_quoted(pattern))
        refuse(quoted(pattern) + " has quotes around it, which would have to be in the message",
               "remove them, or put * before and behind them");
    else
        out.push_back({std::string(name), std::string(pattern)});
}

void Value::policies(std::vector<std::string>& out) const
{
    // An arc is at most 128 bits long here, an identifier 64 arcs.
    const auto is_oid = [](std::string_view text) {
        std::size_t arcs = 0;
        while (!text.empty()) {
            const auto dot = text.find('.');
            const auto arc = text.substr(0, dot);
            const bool number = !arc.empty() && arc.size() <= 39 &&
                                std::all_of(arc.begin(), arc.end(), base::is_digit) &&
                                (arc.size() == 1 || arc.front() != '0');
            if (!number || arcs == 64 || (arcs == 0 && arc > "2")) return false;
            ++arcs;
            if (dot == std::string_view::npos) return arcs >= 2;
            text.remove_prefix(dot + 1);
        }
        return false;
    };
    for (auto& item : items()) {
        if (item != "any" && !is_oid(item))
            refuse(quoted(item) + " found", "wanted any, or an object identifier such as 2.23.140.1.5.1.3");
        else
            out.push_back(std::move(item));
    }
}

void Value::signer_for(std::vector<SignerFor>& out) const
{
    // As openssl prints it, with colons and capitals, too.
    std::string digits;
    std::size_t at = 0;
    for (; at < text_.size() && digits.size() < 64; ++at) {
        const char c = base::lower(text_[at]);
        if (base::is_digit(c) || (c >= 'a' && c <= 'f'))
            digits += c;
        else if (c != ':')
            break;
    }
    const auto rest = base::trim(text_.substr(at));
    const auto pattern = rest.starts_with(':') ? base::trim(rest.substr(1)) : std::string_view();
    if (digits.size() != 64 || pattern.empty() || !bad_pattern(pattern, Pattern::address).empty() ||
        pattern.find('@') == std::string_view::npos)
        refuse(quoted(text_) + " found",
               "wanted the SHA-256 fingerprint, a colon and an address or pattern, such as 05ab...: "
               "*@example.net");
    else if (pattern == "*@*" || pattern == "*@")
        refuse("a certificate for everybody", "name the domain");
    else
        out.push_back({std::move(digits), std::string(pattern)});
}

void Value::tls_logins(std::vector<TlsLogin>& out) const
{
    constexpr std::string_view by = " issued by ";
    const auto colon = text_.find(':');
    TlsLogin certificate;
    certificate.login = base::trim(text_.substr(0, colon));
    const auto rest = colon == text_.npos ? std::string_view() : base::trim(text_.substr(colon + 1));
    const auto issued = rest.rfind(by);
    certificate.subject = base::trim(rest.substr(0, issued));
    if (issued != rest.npos) certificate.issuer = base::trim(rest.substr(issued + by.size()));
    const bool half = rest.ends_with(base::trim(by)) || (issued != rest.npos && certificate.issuer.empty());
    if (certificate.login.empty() || certificate.subject.empty() || half)
        refuse(quoted(text_) + " found",
               "wanted LOGIN: SUBJECT, or LOGIN: SUBJECT issued by ISSUER, with the names as the MTA shows "
               "them");
    else
        out.push_back(std::move(certificate));
}

void Value::text_pattern(std::vector<std::string>& out) const
{
    if (text_.size() > max_pattern)
        refuse("pattern of " + std::to_string(text_.size()) + " octets",
               "at most " + std::to_string(max_pattern));
    else if (is_quoted(text_))
        refuse(quoted(text_) + " has quotes around it, which would have to be in the message",
               "remove them, or put * before and behind them");
    else
        out.emplace_back(text_);
}

void Value::size_conditions(std::vector<SizeCondition>& out) const
{
    for (const auto& item : raw_items()) {
        const bool larger = item.front() == '>';
        const auto octets = parse_size(base::trim(std::string_view(item).substr(1)));
        if ((!larger && item.front() != '<') || !octets)
            refuse(quoted(item) + " found",
                   "wanted \">\" or \"<\" and a number of octets, or one with a capital K, M or G, such as "
                   ">10M");
        else
            out.push_back({larger, *octets});
    }
}

}  // namespace policy
