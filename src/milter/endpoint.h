// Where the MTA finds us: the value of `socket` in the configuration.
#pragma once

#include <string>

#include "base/result.h"

namespace milter
{

struct Endpoint {
    enum class Family { local, inet, inet6 };
    Family family = Family::local;
    std::string path;      // local: absolute
    int port = 0;          // inet, inet6
    std::string host;      // inet, inet6; "" is every address of the machine
    std::string spelling;  // as smfi_setconn() takes it

    [[nodiscard]] bool local() const { return family == Family::local; }
    [[nodiscard]] std::string directory() const;  // of the path

    // "unix:/path", "local:/path", "/path", "inet:port@host", "inet6:port@[::1]".
    static base::Result<Endpoint> parse(const std::string& text);

    // Is there anybody who accepts connections?  At most about a second.
    [[nodiscard]] bool answers() const;
};

}  // namespace milter
