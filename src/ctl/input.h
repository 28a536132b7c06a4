// What commands read.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "gateway/message.h"

namespace ctl
{

// The octets of a file, or of standard input for "-": pipes are welcome, more
// than 1 GiB is not.
[[nodiscard]] base::Result<std::string> read_input(const std::string& name);

// A message as gateway::message_from_octets() takes it; errors name the file.
[[nodiscard]] base::Result<gateway::Message> read_message(const std::string& name,
                                                          gateway::Envelope envelope = {});

// The time of an --at option, or now.
[[nodiscard]] base::Result<base::Time> time_of(const std::optional<std::string>& option);

}  // namespace ctl
