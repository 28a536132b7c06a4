// What the control socket answers.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "main/loader.h"
#include "milter/runtime.h"

namespace daemon_main
{

[[nodiscard]] std::string status_text(const milter::Runtime& runtime, const Loader& loader,
                                      base::Time started);
[[nodiscard]] std::string reload_text(const Loader::Result& result);

}  // namespace daemon_main
