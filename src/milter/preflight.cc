#include "milter/preflight.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/file.h"
#include "milter/admission.h"
#include "milter/endpoint.h"

namespace milter
{
namespace
{

using base::Code;
using base::Severity;

// Whom the daemon runs as when root starts it.
std::string user_of(const policy::Config& config)
{
    return config.user.empty() ? base::default_user : config.user;
}

bool may(const std::string& path, int what)
{
    return faccessat(AT_FDCWD, path.c_str(), what, AT_EACCESS) == 0;
}

// What is wrong with the directory of a socket, "" when this process may make one there.
std::string fault_of(const std::string& directory)
{
    struct stat status{};
    if (stat(directory.c_str(), &status) != 0)
        return errno == ENOENT ? "the directory does not exist" : std::strerror(errno);
    if (!S_ISDIR(status.st_mode)) return "is not a directory";
    return may(directory, W_OK | X_OK) ? "" : "the daemon's user cannot write there";
}

void check_socket(const policy::Config& config, const std::string& user, std::vector<base::Problem>& out)
{
    const auto endpoint = Endpoint::parse(config.socket);
    if (!endpoint) {
        out.push_back({Severity::error, endpoint.error()});
        return;
    }
    if (!endpoint->local()) return;
    const auto directory = endpoint->directory();
    const std::string lock = endpoint->path + ".lock";
    struct stat status{};
    if (const auto fault = fault_of(directory); !fault.empty())
        out.push_back({Severity::error,
                       {Code::unavailable, directory, "socket: " + fault,
                        "run: " + install_command(directory, user, true)}});
    else if (lstat(lock.c_str(), &status) == 0 && !may(lock, W_OK))
        out.push_back({Severity::error,
                       {Code::permission, lock, "the lock file belongs to somebody else",
                        "when no other smime-milter runs: rm " + lock}});
    if (lstat(endpoint->path.c_str(), &status) == 0 && !S_ISSOCK(status.st_mode))
        out.push_back({Severity::error,
                       {Code::unavailable, endpoint->path, "there is something that is not a socket",
                        "remove it, or set another socket"}});
}

// The default one is done without where it cannot be; a service manager makes its
// directory when it starts the daemon.
void check_control_socket(const policy::Config& config, const std::string& user,
                          std::vector<base::Problem>& out)
{
    if (config.control_socket.empty()) return;
    const auto directory = config.control_socket.substr(0, config.control_socket.rfind('/'));
    const auto fault = fault_of(directory);
    if (fault.empty()) return;
    const bool named = control_socket_is_named(config);
    out.push_back(
        {named ? Severity::error : Severity::notice,
         {Code::unavailable, directory,
          "control_socket: " + fault + (named ? "" : "; systemd makes it when it starts the daemon"),
          "run: " + install_command(directory, user, false)}});
}

// Metrics are done without where they cannot be, and the log says so: here it is said before.
void check_metrics(const policy::Config& config, const std::string& user, std::vector<base::Problem>& out)
{
    std::string listen = config.metrics_listen;
    listen = listen.find('/') == std::string::npos ? "" : listen.substr(listen.find('/'));
    for (const auto& [key, path] :
         {std::pair("metrics_file", config.metrics_file), std::pair("metrics_listen", listen)}) {
        if (path.empty()) continue;
        const auto directory = path.substr(0, path.rfind('/'));
        const auto fault = fault_of(directory);
        const bool made_at_start = directory == "/run/smime-milter" && !base::is_directory(directory);
        if (!fault.empty())
            out.push_back({made_at_start ? Severity::notice : Severity::warning,
                           {Code::unavailable, directory,
                            std::string(key) + ": " + fault +
                                (made_at_start ? "; systemd makes it when it starts the daemon" : ""),
                            "run: " + install_command(directory, user, false)}});
    }
}

// More than there is ends the daemon where it should have let mail wait.
void check_memory(const policy::Config& config, std::vector<base::Problem>& out)
{
    constexpr std::uint64_t mega = 1U << 20;
    const std::uint64_t memory = usable_memory();
    // What one message needs while it is worked on may go beyond the limit, and there are others.
    const std::uint64_t most = memory / 4 * 3;
    const bool standard = config.max_in_flight == 0;
    if (standard && memory / 4 < config.max_message_size)
        out.push_back({Severity::warning,
                       {Code::configuration, "",
                        "a quarter of the " + std::to_string(memory / mega) +
                            "M of memory that the daemon may use, the default of max_in_flight, is less than "
                            "max_message_size: while one large message is in work, all others are asked to "
                            "come back",
                        "let the daemon have more, or make max_message_size smaller"}});
    if (config.max_in_flight <= most) return;
    const auto set = std::find_if(config.settings.begin(), config.settings.end(), [](const auto& s) {
        return s.section == "milter" && s.key == "max_in_flight";
    });
    out.push_back({Severity::warning,
                   {Code::configuration, set == config.settings.end() ? "" : set->where,
                    "max_in_flight is more than three quarters of the " + std::to_string(memory / mega) +
                        "M of memory that the daemon may use",
                    "leave it out for a quarter of it, or write about half"}});
}

// An ordinary user cannot tell what the daemon's user may do.
bool is_somebody_else(const policy::Config& config)
{
    const auto account = base::find_account(user_of(config), "");
    return geteuid() != 0 && account && account->uid != geteuid();
}

}  // namespace

std::string install_command(const std::string& directory, const std::string& user, bool for_the_mta)
{
    return "install -d -o " + user + " -g " +
           (for_the_mta ? "postfix -m 2750 " : base::group_of(user) + " -m 0755 ") + directory;
}

bool control_socket_is_named(const policy::Config& config)
{
    return std::any_of(config.settings.begin(), config.settings.end(), [](const auto& setting) {
        return setting.section == "milter" && setting.key == "control_socket";
    });
}

std::vector<base::Problem> check_places(const policy::Config& config)
{
    const auto user = base::current_user();
    std::vector<base::Problem> out;
    check_socket(config, user, out);
    check_control_socket(config, user, out);
    check_metrics(config, user, out);
    check_memory(config, out);
    return out;
}

Preflight check_as_daemon(const std::string& file, base::Time now)
{
    Preflight out;
    const auto config = policy::load_config(file, out.problems);
    if (!config) return out;
    out.problems.clear();  // said again below
    if (geteuid() == 0) {
        const auto where = config->user.empty() ? file : "[milter] user";
        const auto account = base::find_account(user_of(*config), where);
        const auto done = account ? base::become(*account) : base::Result<>(base::fail(account.error()));
        if (!done) out.obstacles.push_back({Severity::error, done.error()});
        if (done) out.obstacles = check_places(*config);
    } else if (is_somebody_else(*config)) {
        out.obstacles.push_back(
            {Severity::notice,
             {Code::permission, file, "checked with your permissions, not with those of " + user_of(*config),
              "run it as root to be sure that the daemon can read and write what it has to"}});
    } else {
        out.obstacles = check_places(*config);
    }
    out.snapshot = gateway::load_snapshot(file, now, out.problems, {gateway::Credentials::if_available});
    if (out.snapshot)
        for (const auto& lack : out.snapshot->lacks) out.obstacles.push_back({Severity::error, lack});
    return out;
}

}  // namespace milter
