// Other programs, asked for what only they know (postconf) or do well (diff).
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace ctl
{

struct Ran {
    int status = 0;   // its exit status; 128 and more when a signal ended it
    std::string out;  // what it wrote to stdout, at most 1 MB
};

// Found by PATH, /usr/sbin and /sbin; no shell is involved.  Waits 30 seconds at most.
// Code::unavailable when it cannot be started.
[[nodiscard]] base::Result<Ran> run_program(const std::vector<std::string>& words);

// The same, and whatever it says on stderr is dropped.
[[nodiscard]] base::Result<Ran> run_quietly(const std::vector<std::string>& words);

}  // namespace ctl
