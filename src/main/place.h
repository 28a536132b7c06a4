// Where an instance lives: the directory of its socket, its lock, its control socket.
#pragma once

#include <optional>
#include <string>

#include "base/account.h"
#include "base/log.h"
#include "base/result.h"
#include "main/lock.h"
#include "milter/endpoint.h"
#include "policy/config.h"

namespace daemon_main
{

class Place
{
public:
    // `account`: what the daemon becomes, when it was started as root.
    Place(milter::Endpoint endpoint, std::optional<base::Account> account);

    // The path of the control socket; "": without one.
    [[nodiscard]] std::string control_socket(const policy::Config& config, base::Log& log) const;
    // Success where the endpoint needs none.
    [[nodiscard]] base::Result<> has_directory() const;
    // Nothing where none is needed.
    [[nodiscard]] base::Result<std::optional<InstanceLock>> lock(const std::string& control_path) const;

private:
    // The command that makes a directory there.
    [[nodiscard]] std::string install_command(const std::string& directory, bool mta_enters) const;

    milter::Endpoint endpoint_;
    std::optional<base::Account> account_;
};

}  // namespace daemon_main
