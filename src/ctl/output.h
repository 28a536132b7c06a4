// What commands write: one answer on stdout, remarks on stderr.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ctl
{

// The whole text to stdout; Code::io when it does not arrive there.
[[nodiscard]] base::Result<> write_out(std::string_view text);

// "smimectl: text" on stderr, made fit by display().
void remark(std::string_view text);

// Each problem on a line of its own on stderr; warnings only when asked for.
// The number of errors comes back.
std::size_t report(const std::vector<base::Problem>& problems, bool warnings);

// Text from messages and certificates, fit for a terminal: well-formed UTF-8
// stays, control characters (C1 ones too) and all else become \xHH.
[[nodiscard]] std::string display(std::string_view text);

// "1 key", "2 keys"
[[nodiscard]] std::string counted(std::uint64_t number, std::string_view noun);

// "a, b, c"
[[nodiscard]] std::string join(const std::vector<std::string>& words, std::string_view separator = ", ");

}  // namespace ctl
