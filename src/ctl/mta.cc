#include "ctl/mta.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/file.h"
#include "ctl/program.h"

namespace ctl
{
namespace
{

using base::Code;

constexpr std::size_t largest = 16U << 20;
constexpr const char* parameters[] = {
    "config_directory",  "queue_directory",       "mail_owner",      "smtpd_milters",
    "non_smtpd_milters", "milter_default_action", "milter_protocol", "disable_mime_output_conversion"};

constexpr const char* milter_lists[] = {"smtpd_milters", "non_smtpd_milters"};

bool is_separator(char c) { return c == ',' || base::is_blank(c) || c == '\n'; }

std::vector<std::string> words_of(std::string_view text)
{
    std::vector<std::string> out;
    std::string word;
    for (const char c : text) {
        if (!is_separator(c)) {
            word += c;
        } else if (!word.empty()) {
            out.push_back(std::move(word));
            word.clear();
        }
    }
    if (!word.empty()) out.push_back(std::move(word));
    return out;
}

std::vector<std::string> lines_of(const std::string& text)
{
    std::vector<std::string> out;
    std::size_t at = 0;
    while (at < text.size()) {
        const auto end = std::min(text.find('\n', at), text.size());
        out.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return out;
}

std::optional<std::pair<std::string, std::string>> assignment(std::string_view line)
{
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    return std::pair(std::string(base::trim(line.substr(0, equals))),
                     std::string(base::trim(line.substr(equals + 1))));
}

// "submission inet n - y - - smtpd": name, type, private, unprivileged, chroot, ...
void add_services(const std::string& listing, Postfix& out)
{
    for (const auto& line : lines_of(listing)) {
        const auto words = words_of(line);
        if (words.size() < 8 || (words[7] != "smtpd" && words[7] != "cleanup")) continue;
        out.services.push_back({words[0] + "/" + words[1], words[4] == "y", {}});
    }
}

// "submission/inet/smtpd_milters = "
void add_overrides(const std::string& listing, Postfix& out)
{
    for (const auto& line : lines_of(listing)) {
        const auto set = assignment(line);
        const auto slash = set ? set->first.rfind('/') : std::string::npos;
        if (slash == std::string::npos) continue;
        for (auto& service : out.services)
            if (service.name == set->first.substr(0, slash))
                service.overrides[set->first.substr(slash + 1)] = set->second;
    }
}

}  // namespace

std::vector<MilterEntry> parse_milters(const std::string& value)
{
    std::vector<MilterEntry> out;
    const std::string_view text = value;
    std::size_t at = 0;
    while (at < text.size()) {
        if (is_separator(text[at])) {
            ++at;
            continue;
        }
        if (text[at] != '{') {
            auto end = at;
            while (end < text.size() && !is_separator(text[end])) ++end;
            const std::string word(text.substr(at, end - at));
            out.push_back({word, word, {}});
            at = end;
            continue;
        }
        const auto end = std::min(text.find('}', at), text.size());
        MilterEntry entry{std::string(text.substr(at, end + 1 - at)), {}, {}};
        // Blanks around "=" are allowed in there.
        std::string inside(text.substr(at + 1, end - at - 1));
        for (auto blank = inside.find(" ="); blank != std::string::npos; blank = inside.find(" ="))
            inside.erase(blank, 1);
        for (auto blank = inside.find("= "); blank != std::string::npos; blank = inside.find("= "))
            inside.erase(blank + 1, 1);
        for (const auto& word : words_of(inside)) {
            if (entry.address.empty())
                entry.address = word;
            else if (const auto set = assignment(word))
                entry.options[set->first] = set->second;
        }
        out.push_back(std::move(entry));
        at = end + 1;
    }
    return out;
}

std::string Postfix::parameter(const std::string& name) const
{
    const auto it = parameters.find(name);
    return it == parameters.end() ? std::string() : it->second;
}

std::string Postfix::path_of(const std::string& address, bool chroot) const
{
    const auto colon = address.find(':');
    const std::string kind = address.substr(0, colon);
    if (colon == std::string::npos || (kind != "unix" && kind != "local")) return {};
    const std::string path = address.substr(colon + 1);
    return path.starts_with('/') && !chroot ? path : queue_directory + "/" + path;
}

namespace
{

bool is_loopback(const std::string& host)
{
    return base::iequals(host, "localhost") || host.starts_with("127.") || host == "::1" || host == "[::1]";
}

// Is what listens at `ours` reached at `theirs`?  Which names and addresses this machine
// has beside loopback is not asked.
bool same_host(const std::string& theirs, const std::string& ours)
{
    if (ours.empty() || ours == "0.0.0.0" || ours == "::" || ours == "[::]") return true;
    return base::iequals(theirs, ours) || (is_loopback(theirs) && is_loopback(ours));
}

}  // namespace

bool Postfix::leads_to(const MilterEntry& entry, const milter::Endpoint& endpoint, bool chroot) const
{
    if (endpoint.local()) {
        const auto path = path_of(entry.address, chroot);
        return !path.empty() && base::resolved_path(path) == base::resolved_path(endpoint.path);
    }
    constexpr std::size_t scheme = std::string_view("inet:").size();
    const auto last = entry.address.rfind(':');
    return entry.address.starts_with("inet:") && last != std::string::npos && last >= scheme &&
           entry.address.substr(last + 1) == std::to_string(endpoint.port) &&
           same_host(entry.address.substr(scheme, last - scheme), endpoint.host);
}

std::string Postfix::address_of(const milter::Endpoint& endpoint) const
{
    if (endpoint.local()) {
        const std::string inside = queue_directory + "/";
        return "unix:" +
               (endpoint.path.starts_with(inside) ? endpoint.path.substr(inside.size()) : endpoint.path);
    }
    const std::string host = endpoint.host.empty() ? "127.0.0.1" : endpoint.host;
    return "inet:" + host + ":" + std::to_string(endpoint.port);
}

base::Result<Postfix::Settings> Postfix::milters_with(const Settings& settings) const
{
    std::vector<std::string> words{"postconf", "-c", config_directory, "-x"};
    for (const auto& [name, value] : settings) words.insert(words.end(), {"-o", name + "=" + value});
    words.insert(words.end(), std::begin(milter_lists), std::end(milter_lists));
    const auto ran = run_quietly(words);
    if (!ran) return base::fail(ran.error());
    if (ran->status != 0)
        return base::fail(Code::configuration, config_directory, "postconf cannot read it",
                          "run: postfix check");
    Settings out;
    for (const auto& line : lines_of(ran->out))
        if (auto set = assignment(line)) out.push_back(std::move(*set));
    return out;
}

base::Result<Postfix> read_postfix(const std::string& config_directory)
{
    std::vector<std::string> postconf{"postconf"};
    if (!config_directory.empty()) postconf.insert(postconf.end(), {"-c", config_directory});
    const auto ask = [&](std::vector<std::string> more) {
        std::vector<std::string> words = postconf;
        words.insert(words.end(), more.begin(), more.end());
        return run_quietly(words);
    };
    std::vector<std::string> wanted{"-x"};
    wanted.insert(wanted.end(), std::begin(parameters), std::end(parameters));
    const auto main_cf = ask(wanted);
    if (!main_cf) return base::fail(main_cf.error());
    Postfix out;
    for (const auto& line : lines_of(main_cf->out))
        if (auto set = assignment(line)) out.parameters.insert(std::move(*set));
    out.config_directory = out.parameter("config_directory");
    out.queue_directory = out.parameter("queue_directory");
    out.mail_owner = out.parameter("mail_owner");
    if (main_cf->status != 0 || out.queue_directory.empty())
        return base::fail(Code::configuration, config_directory.empty() ? "main.cf" : config_directory,
                          "postconf cannot read it", "run: postfix check");
    const auto milters = ask({std::begin(milter_lists), std::end(milter_lists)});
    if (!milters) return base::fail(milters.error());
    for (const auto& line : lines_of(milters->out))
        if (auto set = assignment(line)) out.written.insert(std::move(*set));
    // What else main.cf sets: limits of transports have names of their own.
    if (const auto set = ask({"-n", "-x"}); set)
        for (const auto& line : lines_of(set->out))
            if (auto more = assignment(line)) out.parameters.insert(std::move(*more));
    if (const auto master = ask({"-M"}); master) add_services(master->out, out);
    if (const auto overrides = ask({"-P", "-x"}); overrides) add_overrides(overrides->out, out);
    return out;
}

base::Result<Sendmail> read_sendmail(const std::string& file)
{
    const auto content = base::read_file(file, largest);
    if (!content) return base::fail(content.error());
    Sendmail out{file, {}, {}};
    for (const auto& line : lines_of(*content)) {
        if (line.starts_with("O InputMailFilters=")) {
            out.input_filters = words_of(line.substr(line.find('=') + 1));
        } else if (line.starts_with('X')) {
            const auto words = words_of(line.substr(1));
            if (words.empty()) continue;
            Sendmail::Filter filter{words.front(), {}, {}};
            for (const auto& word : words) {
                if (word.starts_with("S=")) filter.socket = word.substr(2);
                if (word.starts_with("F=")) filter.flags = word.substr(2);
            }
            out.filters.push_back(std::move(filter));
        }
    }
    return out;
}

}  // namespace ctl
