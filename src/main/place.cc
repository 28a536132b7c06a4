#include "main/place.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "milter/preflight.h"

namespace daemon_main
{

Place::Place(milter::Endpoint endpoint, std::optional<base::Account> account)
    : endpoint_(std::move(endpoint)), account_(std::move(account))
{
}

std::string Place::install_command(const std::string& directory, bool mta_enters) const
{
    return milter::install_command(directory, account_ ? account_->name : base::current_user(), mta_enters);
}

// The control socket is a convenience as long as nobody has asked for it: the
// default one is done without where it cannot be (no /run/smime-milter, because
// no service manager has made it).  One that the configuration names has to be.
std::string Place::control_socket(const policy::Config& config, base::Log& log) const
{
    const std::string& path = config.control_socket;
    if (path.empty() || milter::control_socket_is_named(config)) return path;
    const std::string directory = path.substr(0, path.rfind('/'));
    struct stat status{};
    const bool there = stat(directory.c_str(), &status) == 0;
    const int error = errno;
    // As root every directory can be written to: the owner has to tell.
    if (there && (account_ ? status.st_uid == account_->uid : access(directory.c_str(), W_OK | X_OK) == 0))
        return path;
    log.write(base::Level::warning,
              directory + ": " + (there ? "belongs to somebody else" : std::strerror(error)) +
                  "; without a control socket smimectl cannot ask the daemon; run: " +
                  install_command(directory, false) + ", or set control_socket in [milter]");
    return {};
}

base::Result<> Place::has_directory() const
{
    if (!endpoint_.local()) return {};
    const std::string directory = endpoint_.directory();
    struct stat status{};
    if (stat(directory.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return {};
    return base::fail(base::Code::unavailable, directory, "the directory of the socket does not exist",
                      "run: " + install_command(directory, true));
}

// Before the socket is bound: libmilter takes a live socket away from another
// instance, and that one, when it ends, removes ours.
base::Result<std::optional<InstanceLock>> Place::lock(const std::string& control_path) const
{
    std::string path;
    if (endpoint_.local()) {
        path = endpoint_.path + ".lock";
    } else if (!control_path.empty()) {
        path = control_path + ".lock";
    } else if (const char* directory = getenv("RUNTIME_DIRECTORY")) {  // NOLINT(concurrency-mt-unsafe)
        path = std::string(directory) + "/smime-milter.lock";
    } else {
        return std::optional<InstanceLock>();  // the system lets only one listen on a port
    }
    auto lock =
        InstanceLock::acquire(path, account_ ? account_->uid : 0,
                              "run: " + install_command(path.substr(0, path.rfind('/')), endpoint_.local()));
    if (!lock) return base::fail(lock.error());
    return std::optional(std::move(*lock));
}

}  // namespace daemon_main
