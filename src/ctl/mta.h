// How the MTAs of this machine are configured, as far as it concerns a milter.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "milter/endpoint.h"

namespace ctl
{

// One entry of smtpd_milters: "unix:a/b", or "{ unix:a/b, default_action=tempfail }".
struct MilterEntry {
    std::string text;     // as it stands there
    std::string address;  // "unix:a/b"
    std::map<std::string, std::string> options;
};
[[nodiscard]] std::vector<MilterEntry> parse_milters(const std::string& value);

struct Postfix {
    struct Service {
        std::string name;  // "submission/inet"
        bool chroot = false;
        std::map<std::string, std::string> overrides;  // -o name=value
    };
    std::string config_directory, queue_directory, mail_owner;
    std::map<std::string, std::string> parameters;  // of main.cf, $names expanded
    std::map<std::string, std::string> written;     // those that name milters, as they stand there
    std::vector<Service> services;                  // smtpd and cleanup only

    [[nodiscard]] std::string parameter(const std::string& name) const;
    // The octets of the socket's name as a process of that kind opens it.
    [[nodiscard]] std::string path_of(const std::string& address, bool chroot) const;
    // Is that entry the daemon's socket?
    [[nodiscard]] bool leads_to(const MilterEntry& entry, const milter::Endpoint& endpoint,
                                bool chroot) const;
    // The address of the daemon's socket for main.cf.
    [[nodiscard]] std::string address_of(const milter::Endpoint& endpoint) const;
    // What main.cf would say of milters, $names expanded, with these lines in it.  Asks postconf
    // anew; an error when Postfix could not read it then.
    using Settings = std::vector<std::pair<std::string, std::string>>;
    [[nodiscard]] base::Result<Settings> milters_with(const Settings& settings) const;
};

// Asks postconf; `config_directory` "" is Postfix's own.  Code::unavailable when there is
// no Postfix.
[[nodiscard]] base::Result<Postfix> read_postfix(const std::string& config_directory);

struct Sendmail {
    struct Filter {
        std::string name, socket, flags;
    };
    std::string file;
    std::vector<Filter> filters;             // X lines
    std::vector<std::string> input_filters;  // O InputMailFilters
};
[[nodiscard]] base::Result<Sendmail> read_sendmail(const std::string& file);

}  // namespace ctl
