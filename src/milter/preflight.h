// Would the daemon start here, with this configuration?  What a check has to find
// out before a start or a reload does.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/account.h"
#include "base/clock.h"
#include "gateway/snapshot.h"

namespace milter
{

struct Preflight {
    std::shared_ptr<const gateway::Snapshot> snapshot;  // nullptr: it does not load
    std::vector<base::Problem> problems;                // of the configuration, keys and anchors
    // What keeps the daemon from starting, or would make it refuse a reload; with
    // warnings and notices about the same things.
    std::vector<base::Problem> obstacles;
};

// Loads everything as the user of `[milter] user` would: root becomes that user,
// for good, so this is for processes that check and end.  Whoever else asks gets
// an answer for himself.  Touches no socket and creates nothing.
[[nodiscard]] Preflight check_as_daemon(const std::string& file, base::Time now);

// Where the sockets are to be: what is missing or not writable for this process.
[[nodiscard]] std::vector<base::Problem> check_places(const policy::Config& config);

// The command that makes a directory for a socket.
[[nodiscard]] std::string install_command(const std::string& directory, const std::string& user,
                                          bool for_the_mta);

// Whether the configuration names the control socket, so that it has to be.
[[nodiscard]] bool control_socket_is_named(const policy::Config& config);

}  // namespace milter
