// doctor: is the milter really hooked in and reachable?  Each finding with its remedy.
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "base/account.h"
#include "base/ascii.h"
#include "base/file.h"
#include "cms/library.h"
#include "config.h"
#include "ctl/command.h"
#include "ctl/control.h"
#include "ctl/json.h"
#include "ctl/mta.h"
#include "ctl/output.h"
#include "gateway/snapshot.h"
#include "milter/endpoint.h"

namespace ctl
{
namespace
{

enum class Grade { ok, warn, fail };

const char* word(Grade g) { return g == Grade::ok ? "ok" : g == Grade::warn ? "warn" : "FAIL"; }

struct DoctorOptions {
    std::optional<std::string> postfix, sendmail_cf;
    bool json = false;
};

// Somebody other than this process, by what the modes of files say (access control
// lists are not looked at).
class Somebody
{
public:
    static std::optional<Somebody> find(const std::string& name)
    {
        const auto* entry = ::getpwnam(name.c_str());  // NOLINT(concurrency-mt-unsafe): one thread
        if (entry == nullptr) return std::nullopt;
        Somebody out;
        out.uid_ = entry->pw_uid;
        int count = 64;
        out.groups_.resize(static_cast<std::size_t>(count));
        if (::getgrouplist(name.c_str(), entry->pw_gid, out.groups_.data(), &count) < 0) return std::nullopt;
        out.groups_.resize(static_cast<std::size_t>(count));
        return out;
    }

    // The first part of the path that keeps him from writing to it, "" when none does.
    [[nodiscard]] std::string obstacle(const std::string& path) const
    {
        for (auto slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1))
            if (!may(path.substr(0, slash), S_IXUSR)) return path.substr(0, slash);
        return may(path, S_IWUSR) ? "" : path;
    }

private:
    [[nodiscard]] bool may(const std::string& path, mode_t wanted) const
    {
        struct stat st{};
        if (uid_ == 0 || ::stat(path.c_str(), &st) != 0) return uid_ == 0;
        const bool member = std::find(groups_.begin(), groups_.end(), st.st_gid) != groups_.end();
        const mode_t bits = st.st_uid == uid_ ? wanted : member ? wanted >> 3U : wanted >> 6U;
        return (st.st_mode & bits) != 0;
    }

    uid_t uid_ = 0;
    std::vector<gid_t> groups_;
};

class Doctor
{
public:
    Doctor(const DoctorOptions& options, const Global& global) : options_(options), global_(global) {}

    base::Result<int> run()
    {
        look_at_configuration();
        if (snapshot_) {
            look_at_daemon();
            look_at_socket();
            // Who names the files of one asks about this one.
            const bool named = options_.postfix || options_.sendmail_cf;
            const bool postfix = (!named || options_.postfix) && look_at_postfix();
            const bool sendmail = (!named || options_.sendmail_cf) && look_at_sendmail();
            if (!postfix && !sendmail)
                say(Grade::warn, "MTA", "neither Postfix nor Sendmail was found here",
                    "if the MTA runs elsewhere, check there that it knows the milter");
        }
        const auto written = options_.json ? write_json(list_) : write_out(text_);
        if (!written) return base::fail(written.error());
        return failed_ ? exit_no : exit_yes;
    }

private:
    void say(Grade grade, const std::string& subject, const std::string& found,
             const std::string& remedy = {})
    {
        failed_ = failed_ || grade == Grade::fail;
        text_ += fmt::format("{:<5} {:<14} {}{}\n", word(grade), subject, display(found),
                             remedy.empty() ? "" : "; " + display(remedy));
        list_.push_back({{"grade", word(grade)}, {"subject", subject}, {"found", found}, {"remedy", remedy}});
    }

    void look_at_configuration()
    {
        std::vector<base::Problem> problems;
        snapshot_ = gateway::load_snapshot(global_.config, base::SystemClock().now(), problems,
                                           {gateway::Credentials::if_available});
        if (snapshot_)
            for (const auto& lack : snapshot_->lacks) problems.push_back({base::Severity::error, lack});
        for (const auto& p : problems) {
            const auto grade = p.severity == base::Severity::error ? Grade::fail : Grade::warn;
            if (p.severity == base::Severity::notice) continue;
            say(grade, "configuration", p.error.where + ": " + p.error.what, p.error.remedy);
        }
        if (snapshot_)
            say(Grade::ok, "configuration",
                fmt::format("{}: {}, {}, {}", global_.config, counted(snapshot_->config.rules.size(), "rule"),
                            counted(snapshot_->keys.all().size(), "key"),
                            counted(snapshot_->trust.material().anchors.size(), "trust anchor")));
        else
            say(Grade::fail, "configuration", global_.config + ": cannot be used", "mend it first");
        if (!cms::library_is_current())
            say(Grade::warn, "OpenSSL", cms::library_version() + " has known holes in CMS",
                "run: apt-get upgrade");
    }

    void look_at_daemon()
    {
        std::string path = snapshot_->config.control_socket;
        if (path.starts_with("unix:")) path.erase(0, 5);
        if (path.empty())
            return say(Grade::warn, "daemon", "there is no control socket to ask it", "set control_socket");
        const auto answer = ask_daemon(path, "status\n");
        if (!answer)
            return say(Grade::fail, "daemon", answer.error().where + ": " + answer.error().what,
                       answer.error().remedy);
        const auto value = [&](const std::string& key) {
            const auto at = answer->find("\n" + key + ": ");
            if (at == std::string::npos) return std::string();
            const auto from = at + key.size() + 3;
            return answer->substr(from, answer->find('\n', from) - from);
        };
        const auto number = [&](const std::string& key) {
            return base::parse_decimal(value(key)).value_or(0);
        };
        if (value("version") != PACKAGE_VERSION)
            say(Grade::warn, "daemon", "runs version " + value("version") + ", this is " PACKAGE_VERSION,
                "systemctl restart smime-milter");
        if (base::resolved_path(value("config")) != base::resolved_path(global_.config))
            say(Grade::warn, "daemon", "runs with " + value("config"), "name that one with -c");
        if (value("reload").ends_with("failed"))
            say(Grade::fail, "daemon", "its last reload failed, at " + value("reload"),
                "smimectl reload says why");
        say(Grade::ok, "daemon",
            "running since " + value("started") + ", " + counted(number("rules"), "rule") + ", " +
                counted(number("keys"), "key"));
    }

    void look_at_socket()
    {
        const auto endpoint = milter::Endpoint::parse(snapshot_->config.socket);
        if (!endpoint) return say(Grade::fail, "socket", endpoint.error().what, endpoint.error().remedy);
        endpoint_ = *endpoint;
        struct stat st{};
        if (endpoint_->local() && ::stat(endpoint_->path.c_str(), &st) != 0)
            say(Grade::fail, "socket", endpoint_->path + ": " + std::strerror(errno),
                errno == EACCES ? "run smimectl as root" : "start the daemon: systemctl start smime-milter");
        else if (!endpoint_->answers())
            say(Grade::fail, "socket", endpoint_->spelling + ": nobody answers",
                "start the daemon: systemctl start smime-milter");
        else
            say(Grade::ok, "socket", endpoint_->spelling + ": answers");
    }

    bool look_at_postfix()
    {
        if (!endpoint_) return true;
        const auto postfix = read_postfix(options_.postfix.value_or(""));
        if (!postfix) {
            if (postfix.error().code == base::Code::unavailable && !options_.postfix) return false;
            say(Grade::fail, "Postfix", postfix.error().where + ": " + postfix.error().what,
                postfix.error().remedy);
            return true;
        }
        bool hooked = false;
        for (const auto& service : postfix->services) {
            const bool cleanup = service.name.starts_with("cleanup/");
            hooked =
                look_at_service(*postfix, service, cleanup ? "non_smtpd_milters" : "smtpd_milters") || hooked;
        }
        if (!hooked)
            say(Grade::fail, "Postfix", "no service of it calls the milter",
                "smimectl setup postfix --apply; postfix reload");
        look_at_permissions(*postfix);
        look_at_split(*postfix);
        if (const auto protocol = postfix->parameter("milter_protocol"); protocol != "6")
            say(Grade::warn, "Postfix", "milter_protocol is " + protocol,
                "remove it from main.cf: 6 is needed for all we do");
        return true;
    }

    // True when that service calls us.
    bool look_at_service(const Postfix& postfix, const Postfix::Service& service, const char* parameter)
    {
        const auto override = service.overrides.find(parameter);
        const std::string value =
            override != service.overrides.end() ? override->second : postfix.parameter(parameter);
        const auto entries = parse_milters(value);
        const std::string subject = service.name + (override != service.overrides.end() ? " (-o)" : "");
        const auto us = std::find_if(entries.begin(), entries.end(), [&](const auto& entry) {
            return postfix.leads_to(entry, *endpoint_, service.chroot);
        });
        if (us == entries.end()) {
            const bool outside = std::any_of(entries.begin(), entries.end(), [&](const auto& entry) {
                return service.chroot && postfix.leads_to(entry, *endpoint_, false);
            });
            if (outside)
                say(Grade::fail, "Postfix",
                    subject + ": runs in a chroot, from where " + us_in(entries, postfix) + " leads to " +
                        postfix.path_of(us_in(entries, postfix), true),
                    "write " + postfix.address_of(*endpoint_) + " (the socket has to lie below " +
                        postfix.queue_directory + ")");
            else if (override != service.overrides.end())
                say(Grade::ok, "Postfix", subject + ": does not call the milter, as it is told");
            else
                say(Grade::warn, "Postfix", subject + ": " + parameter + " does not name the milter",
                    "smimectl setup postfix shows the line");
            return false;
        }
        const auto option = us->options.find("default_action");
        const std::string action =
            option != us->options.end() ? option->second : postfix.parameter("milter_default_action");
        if (action != "tempfail")
            say(action == "accept" ? Grade::fail : Grade::warn, "Postfix",
                subject + ": what happens without the milter is \"" + action + "\"",
                action == "accept"
                    ? "write { " + us->address +
                          ", default_action=tempfail }: with accept mail passes unsigned, and can be lost"
                    : "tempfail is what loses nothing");
        const auto dkim = std::find_if(entries.begin(), us, [](const auto& entry) {
            return entry.address.find("dkim") != std::string::npos || entry.address.ends_with(":8891") ||
                   entry.address.ends_with(":12301");
        });
        const bool submission = service.name.starts_with("submission") || service.name.starts_with("smtps") ||
                                service.name.starts_with("465") || service.name.starts_with("587");
        if (dkim != us && (submission || parameter == std::string("non_smtpd_milters")))
            say(Grade::fail, "Postfix",
                subject + ": " + dkim->address + " stands before us: it signs what we then change",
                "put us first in " + std::string(parameter));
        else if (dkim != us)
            say(Grade::warn, "Postfix",
                subject + ": " + dkim->address + " stands before us: right if it only verifies",
                "if it also signs here, put us first in smtpd_milters");
        say(Grade::ok, "Postfix", subject + ": calls " + us->address);
        return true;
    }

    // Without its way back, split mail would leave sealed.
    void look_at_split(const Postfix& postfix)
    {
        if (snapshot_ == nullptr || snapshot_->config.split.key.empty()) return;
        const auto& split = snapshot_->config.split;
        const auto listens = [&](const std::string& pattern) {
            return std::any_of(postfix.services.begin(), postfix.services.end(), [&](const auto& service) {
                const auto name = service.overrides.find("milter_macro_daemon_name");
                return name != service.overrides.end() && base::wildcard_match(pattern, name->second);
            });
        };
        const std::string recipe = "see \"Each recipient a copy of their own\" in contrib/postfix/README.md";
        bool sound = true;
        const auto fault = [&](const std::string& what) {
            say(Grade::fail, "splitting", what, recipe);
            sound = false;
        };
        if (!listens(split.reentry))
            fault("no service in master.cf has -o milter_macro_daemon_name=" + split.reentry +
                  ": split mail finds no way back");
        if (std::none_of(split.entrance.begin(), split.entrance.end(), listens))
            fault("no service in master.cf has the name of an entrance: nothing is ever split");
        if (!split.hand_over.empty()) {
            if (sound) say(Grade::ok, "splitting", "the daemon hands copies over to " + split.hand_over);
            return;
        }
        const auto transport = split_transport(postfix);
        if (transport.empty())
            fault(
                "milter_header_checks has no line /^X-SMIME-Split:/ FILTER TRANSPORT:[HOST]:PORT: split mail "
                "would leave sealed, and nobody could read it");
        else if (const auto limit = postfix.parameter(transport + "_destination_recipient_limit");
                 limit != "1")
            fault(transport + "_destination_recipient_limit is not 1: recipients come back together");
        if (sound) say(Grade::ok, "splitting", "split mail comes back by " + transport);
    }

    // "smime-split" of "/^X-SMIME-Split:/ FILTER smime-split:[127.0.0.1]:10027".
    static std::string split_transport(const Postfix& postfix)
    {
        constexpr std::size_t largest = 1U << 20;
        const std::string tables = postfix.parameter("milter_header_checks");
        for (std::size_t at = tables.find(':'); at != std::string::npos; at = tables.find(':', at + 1)) {
            const auto path = tables.substr(at + 1, tables.find_first_of(", \t", at) - at - 1);
            const auto content = base::read_file(path, largest);
            if (!content) continue;
            const auto line = content->find("X-SMIME-Split");
            const auto filter = line == std::string::npos ? line : content->find("FILTER", line);
            if (filter == std::string::npos) continue;
            const auto name = content->find_first_not_of(" \t", filter + 6);
            if (name != std::string::npos) return content->substr(name, content->find(':', name) - name);
        }
        return {};
    }

    [[nodiscard]] std::string us_in(const std::vector<MilterEntry>& entries, const Postfix& postfix) const
    {
        for (const auto& entry : entries)
            if (postfix.leads_to(entry, *endpoint_, false)) return entry.address;
        return {};
    }

    void look_at_permissions(const Postfix& postfix)
    {
        struct stat st{};
        if (!endpoint_->local() || ::stat(endpoint_->path.c_str(), &st) != 0) return;
        const auto owner = Somebody::find(postfix.mail_owner);
        if (!owner)
            return say(Grade::warn, "permissions", "there is no user " + postfix.mail_owner,
                       "check mail_owner in main.cf");
        if (const auto at = owner->obstacle(endpoint_->path); !at.empty())
            say(Grade::fail, "permissions", at + ": keeps " + postfix.mail_owner + " from the socket",
                at == endpoint_->path ? "chgrp postfix " + endpoint_->directory() + " && chmod 2750 " +
                                            endpoint_->directory() + ", then restart smime-milter"
                                      : "chmod g+x " + at + ", or chmod o+x " + at);
        else
            say(Grade::ok, "permissions", postfix.mail_owner + " reaches " + endpoint_->path);
    }

    bool look_at_sendmail()
    {
        if (!endpoint_) return true;
        const std::string file = options_.sendmail_cf.value_or("/etc/mail/sendmail.cf");
        struct stat st{};
        if (!options_.sendmail_cf && ::stat(file.c_str(), &st) != 0) return false;
        const auto sendmail = read_sendmail(file);
        if (!sendmail) {
            say(Grade::fail, "Sendmail", sendmail.error().where + ": " + sendmail.error().what,
                sendmail.error().remedy);
            return true;
        }
        const auto us =
            std::find_if(sendmail->filters.begin(), sendmail->filters.end(), [&](const auto& filter) {
                const auto there = milter::Endpoint::parse(filter.socket);
                return there && there->local() == endpoint_->local() &&
                       (there->local()
                            ? base::resolved_path(there->path) == base::resolved_path(endpoint_->path)
                            : there->port == endpoint_->port);
            });
        if (us == sendmail->filters.end()) {
            say(Grade::fail, "Sendmail", file + ": no filter leads to " + endpoint_->spelling,
                "smimectl setup sendmail --apply; make -C /etc/mail; systemctl restart sendmail");
            return true;
        }
        const auto& input = sendmail->input_filters;
        if (std::find(input.begin(), input.end(), us->name) == input.end())
            say(Grade::fail, "Sendmail", file + ": " + us->name + " is defined and not used",
                "use INPUT_MAIL_FILTER in sendmail.mc, not MAIL_FILTER");
        else
            say(Grade::ok, "Sendmail", file + ": calls " + us->socket);
        if (us->flags != "T")
            say(us->flags.empty() ? Grade::fail : Grade::warn, "Sendmail",
                us->flags.empty() ? "mail passes unsigned and unverified while the milter is away"
                                  : "F=" + us->flags + " refuses mail for good while the milter is away",
                "write F=T into its line in sendmail.mc");
        return true;
    }

    const DoctorOptions& options_;
    const Global& global_;
    std::shared_ptr<const gateway::Snapshot> snapshot_;
    std::optional<milter::Endpoint> endpoint_;
    bool failed_ = false;
    std::string text_;
    Json list_ = Json::array();
};

}  // namespace

Run doctor(Options& options, const Global& global)
{
    auto o = std::make_shared<DoctorOptions>();
    options.value("--postfix-config", o->postfix, "DIR", "where main.cf is, if not where Postfix says");
    options.value("--sendmail-cf", o->sendmail_cf, "FILE", "sendmail.cf, if not /etc/mail/sendmail.cf");
    options.flag("--json", o->json, "print a JSON array");
    return [o, &global] { return Doctor(*o, global).run(); };
}

}  // namespace ctl
