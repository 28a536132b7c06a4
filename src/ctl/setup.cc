// setup: the lines that hook the milter into the MTA of this machine.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <functional>
#include <memory>

#include "base/ascii.h"
#include "base/clock.h"
#include "base/file.h"
#include "ctl/command.h"
#include "ctl/mta.h"
#include "ctl/output.h"
#include "ctl/program.h"
#include "policy/config.h"

namespace ctl
{
namespace
{

using base::Code;

constexpr std::size_t largest = 4U << 20;

struct SetupOptions {
    std::optional<std::string> directory, mc;
    bool apply = false;
};

base::Result<milter::Endpoint> configured_endpoint(const Global& global)
{
    std::vector<base::Problem> problems;
    const auto config = policy::load_config(global.config, problems);
    if (report(problems, false) > 0 || !config)
        return base::fail(Code::configuration, global.config, "cannot be used",
                          "mend it; see smimectl configtest");
    return milter::Endpoint::parse(config->socket);
}

unsigned mode_of(const std::string& file)
{
    struct stat st{};
    return ::stat(file.c_str(), &st) == 0 ? st.st_mode & 0777U : 0644U;
}

// The copy that undoes it; its name says when.
base::Result<std::string> back_up(const std::string& file)
{
    const auto content = base::read_file(file, largest);
    if (!content) return base::fail(content.error());
    std::string now = base::iso8601(base::SystemClock().now());
    std::erase_if(now, [](char c) { return c == ':' || c == '-'; });
    std::string copy = file + "." + now;
    struct stat st{};
    if (::lstat(copy.c_str(), &st) == 0)
        return base::fail(Code::cannot_create, copy, "exists already", "wait a second");
    if (auto ok = base::create_file(copy, *content, mode_of(file)); !ok) return base::fail(ok.error());
    return copy;
}

base::Result<std::string> difference(const std::string& before, const std::string& after)
{
    const auto ran = run_program({"diff", "-u", before, after});
    if (!ran) return base::fail(ran.error());
    return ran->out;
}

base::Result<int> finish(const std::string& file, const std::string& backup, const std::string& next)
{
    const auto changes = difference(backup, file);
    std::string text = changes ? *changes : std::string();
    text += fmt::format("\nto undo it: cp {} {}\nnext: {}; smimectl doctor\n", backup, file, next);
    if (auto ok = write_out(text); !ok) return base::fail(ok.error());
    return exit_yes;
}

constexpr const char* smtpd_list = "smtpd_milters";
constexpr const char* other_list = "non_smtpd_milters";

// How often a list of milters leads to the daemon.
auto times_in(const std::string& value, const Postfix& postfix, const milter::Endpoint& endpoint)
{
    const auto entries = parse_milters(value);
    return std::count_if(entries.begin(), entries.end(), [&](const auto& entry) {
        return postfix.leads_to(entry, endpoint, false) || postfix.leads_to(entry, endpoint, true);
    });
}

// Is the daemon once in each list, with these settings?
bool hooks_in(const Postfix::Settings& settings, const Postfix& postfix, const milter::Endpoint& endpoint)
{
    const auto lists = postfix.milters_with(settings);
    return lists && lists->size() == 2 && std::all_of(lists->begin(), lists->end(), [&](const auto& list) {
               return times_in(list.second, postfix, endpoint) == 1;
           });
}

// What main.cf lacks, each list on what it is now: `as_is(name)`.
Postfix::Settings with_us(const Postfix& postfix, const milter::Endpoint& endpoint,
                          const std::function<std::string(const std::string&)>& as_is)
{
    const std::string us = "{ " + postfix.address_of(endpoint) + ", default_action=tempfail }";
    const auto lacks = [&](const std::string& name) {
        return times_in(postfix.parameter(name), postfix, endpoint) == 0;
    };
    const auto before = [&](const std::string& value) { return value.empty() ? us : us + ", " + value; };
    Postfix::Settings out;
    if (lacks(smtpd_list)) out.emplace_back(smtpd_list, before(as_is(smtpd_list)));
    if (!lacks(other_list)) return out;
    // What is the same in both stays the same, and where there is nothing it becomes so.
    const auto other = postfix.parameter(other_list);
    const bool alike = other.empty() || other == postfix.parameter(smtpd_list);
    out.emplace_back(other_list, alike ? std::string("$") + smtpd_list : before(as_is(other_list)));
    return out;
}

base::Result<Postfix::Settings> postfix_settings(const Postfix& postfix, const milter::Endpoint& endpoint)
{
    const auto written = [&](const std::string& name) {
        const auto found = postfix.written.find(name);
        return found == postfix.written.end() ? postfix.parameter(name) : found->second;
    };
    auto settings = with_us(postfix, endpoint, written);
    if (settings.empty() || hooks_in(settings, postfix, endpoint)) return settings;
    // One list is made of the other, perhaps by further names: then without names.
    const auto expanded = [&](const std::string& name) { return postfix.parameter(name); };
    settings = with_us(postfix, endpoint, expanded);
    if (settings.size() == 1) {
        const std::string rest = settings.front().first == smtpd_list ? other_list : smtpd_list;
        settings.emplace_back(rest, postfix.parameter(rest));
    }
    if (hooks_in(settings, postfix, endpoint)) return settings;
    return base::fail(
        Code::configuration, postfix.config_directory + "/main.cf",
        "the daemon would not stand once in smtpd_milters and once in non_smtpd_milters",
        "write { " + postfix.address_of(endpoint) + ", default_action=tempfail } into both by hand");
}

base::Result<int> run_postfix(const SetupOptions& options, const Global& global)
{
    const auto endpoint = configured_endpoint(global);
    if (!endpoint) return base::fail(endpoint.error());
    const auto postfix = read_postfix(options.directory.value_or(""));
    if (!postfix) {
        base::Error error = postfix.error();
        if (error.code == Code::unavailable) error.remedy = "install Postfix: apt-get install postfix";
        return base::fail(std::move(error));
    }
    const bool chrooted = std::any_of(postfix->services.begin(), postfix->services.end(),
                                      [](const auto& service) { return service.chroot; });
    if (endpoint->local() && chrooted && !endpoint->path.starts_with(postfix->queue_directory + "/"))
        return base::fail(
            Code::configuration, endpoint->path,
            "smtpd runs in a chroot below " + postfix->queue_directory + " and cannot reach this socket",
            "set socket = unix:" + postfix->queue_directory +
                "/smime-milter/smime-milter.sock in [milter], make its directory (install -d -o "
                "smime-milter -g postfix -m 2750 " +
                postfix->queue_directory + "/smime-milter) and restart smime-milter");
    const std::string file = postfix->config_directory + "/main.cf";
    const auto settings = postfix_settings(*postfix, *endpoint);
    if (!settings) return base::fail(settings.error());
    if (settings->empty()) {
        if (auto ok = write_out(file + ": nothing to do, the milter is hooked in\n"); !ok)
            return base::fail(ok.error());
        return exit_yes;
    }
    if (postfix->parameter("smtpd_milters").find_first_not_of(' ') != std::string::npos)
        remark(
            "warning: there are other milters; before a DKIM signer is the right place for us, after a DKIM "
            "verifier too: see contrib/postfix/README.md");
    if (!options.apply) {
        std::string text = "# " + file + "\n";
        for (const auto& [name, value] : *settings) text += name + " = " + value + "\n";
        if (auto ok = write_out(text); !ok) return base::fail(ok.error());
        return exit_yes;
    }
    const auto backup = back_up(file);
    if (!backup) return base::fail(backup.error());
    std::vector<std::string> words{"postconf", "-c", postfix->config_directory, "-e"};
    for (const auto& [name, value] : *settings) words.push_back(name + "=" + value);
    const auto ran = run_program(words);
    if (!ran) return base::fail(ran.error());
    if (ran->status != 0)
        return base::fail(Code::cannot_create, file, "postconf could not change it", "run smimectl as root");
    if (!hooks_in({}, *postfix, *endpoint)) {
        const auto before = base::read_file(*backup, largest);
        const auto restored =
            before ? base::write_file(file, *before, mode_of(file)) : base::fail(before.error());
        return base::fail(
            Code::internal, file,
            std::string("did not become what was meant") + (restored ? ", and is again what it was" : ""),
            (restored ? "" : "cp " + *backup + " " + file + "; then ") +
                std::string("write by hand what smimectl setup postfix shows"));
    }
    return finish(file, *backup, "postfix reload");
}

// The first line of sendmail.mc that counts (no comment, not diverted to nowhere) and is
// wanted: where it begins, and its text.
struct McLine {
    std::size_t at = std::string::npos;
    std::string text;
};
McLine line_with(const std::string& mc, const std::function<bool(std::string_view)>& wanted)
{
    bool thrown_away = false;
    for (std::size_t at = 0; at < mc.size();) {
        const auto end = std::min(mc.find('\n', at), mc.size());
        const std::string line = mc.substr(at, end - at);
        const std::string_view text = base::trim(line);
        if (text.starts_with("divert(")) thrown_away = text.starts_with("divert(-");
        const bool comment = thrown_away || text.starts_with("dnl");
        if (!comment && wanted(text)) return {at, line};
        at = end + 1;
    }
    return {};
}

// Before the mailers, where the macros of m4 have to be.
std::string with_filter(const std::string& mc, const std::string& line)
{
    const auto at = line_with(mc, [](std::string_view text) {
                        return text.starts_with("MAILER_DEFINITIONS") || text.starts_with("MAILER(");
                    }).at;
    if (at == std::string::npos) return mc + (mc.ends_with('\n') ? "" : "\n") + line + "\n";
    return mc.substr(0, at) + line + "\n" + mc.substr(at);
}

base::Result<int> run_sendmail(const SetupOptions& options, const Global& global)
{
    const auto endpoint = configured_endpoint(global);
    if (!endpoint) return base::fail(endpoint.error());
    // A link may be into a repository: what it leads to is changed, not the link.
    const std::string file = base::resolved_path(options.mc.value_or("/etc/mail/sendmail.mc"));
    const auto content = base::read_file(file, largest);
    if (!content) {
        base::Error error = content.error();
        if (error.code == Code::no_input)
            error.remedy = "name it with --mc FILE, or install Sendmail: apt-get install sendmail";
        return base::fail(std::move(error));
    }
    const std::string where = endpoint->local() ? "local:" + endpoint->path : endpoint->spelling;
    const std::string line =
        "INPUT_MAIL_FILTER(`smime-milter', `S=" + where + ", F=T, T=S:4m;R:4m;E:10m')dnl";
    const auto ours = [](std::string_view text) {
        return text.starts_with("INPUT_MAIL_FILTER(`smime-milter'");
    };
    if (const auto there = line_with(*content, ours); !there.text.empty()) {
        if (there.text.find("S=" + where) == std::string::npos)
            return base::fail(Code::configuration, file, "has another line for smime-milter: " + there.text,
                              "make it: " + line);
        if (auto ok = write_out(file + ": nothing to do, the milter is hooked in\n"); !ok)
            return base::fail(ok.error());
        return exit_yes;
    }
    const auto includes = [](std::string_view text) {
        return text.find("smime-milter.m4") != std::string_view::npos;
    };
    if (!line_with(*content, includes).text.empty()) {
        if (auto ok = write_out(file + ": nothing to do, it includes smime-milter.m4; what came of it in "
                                       "sendmail.cf tells smimectl doctor\n");
            !ok)
            return base::fail(ok.error());
        return exit_yes;
    }
    if (!options.apply) {
        if (auto ok = write_out("dnl " + file + ", before the MAILER lines\n" + line + "\n"); !ok)
            return base::fail(ok.error());
        return exit_yes;
    }
    const auto backup = back_up(file);
    if (!backup) return base::fail(backup.error());
    if (auto ok = base::write_file(file, with_filter(*content, line), mode_of(file)); !ok)
        return base::fail(ok.error());
    return finish(file, *backup,
                  "make -C " + file.substr(0, file.rfind('/')) + "; systemctl restart sendmail");
}

}  // namespace

Run setup_postfix(Options& options, const Global& global)
{
    auto o = std::make_shared<SetupOptions>();
    options.value("--postfix-config", o->directory, "DIR", "where main.cf is, if not where Postfix says");
    options.flag("--apply", o->apply, "make the change, keep a backup, show the difference");
    return [o, &global] { return run_postfix(*o, global); };
}

Run setup_sendmail(Options& options, const Global& global)
{
    auto o = std::make_shared<SetupOptions>();
    options.value("--mc", o->mc, "FILE", "sendmail.mc, if not /etc/mail/sendmail.mc");
    options.flag("--apply", o->apply, "make the change, keep a backup, show the difference");
    return [o, &global] { return run_sendmail(*o, global); };
}

}  // namespace ctl
