// The command line of smime-milter(8).
#pragma once

#include <string>

#include "base/result.h"

namespace daemon_main
{

struct Options {
    std::string file;        // -c
    bool check = false;      // -n
    bool verbose = false;    // -v
    bool to_stderr = false;  // --log=stderr
    bool help = false;
    bool version = false;
};

[[nodiscard]] base::Result<Options> parse_options(int argc, char** argv);
[[nodiscard]] std::string help_text();
[[nodiscard]] std::string version_text();  // with the OpenSSL and libmilter in use

}  // namespace daemon_main
