// From the text of the configuration files to a Config, without touching
// anything else (load_config() reads the files; the fuzzer has none).
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "policy/config.h"

namespace policy
{

struct SourceFile {
    std::string file;
    std::string content;
};

struct ParsedConfig {
    Config config;
    std::string sender_login;        // path of the map; "" when there is none to read
    std::string sender_login_where;  // "file:line"
};

// Files in the order in which their rules are tried.  With an error among the
// problems the result is incomplete and not to be used.
[[nodiscard]] ParsedConfig parse_config(const std::vector<SourceFile>& files,
                                        std::vector<base::Problem>& problems);

}  // namespace policy
