// A question to the running daemon over its control socket.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace ctl
{

// One question (a line, see main/control_socket.h), the whole answer, which ends in a
// line end.  Code::unavailable when no daemon listens there; waits 30 seconds at most.
[[nodiscard]] base::Result<std::string> ask_daemon(const std::string& path, std::string_view question);

}  // namespace ctl
