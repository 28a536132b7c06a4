// From the rules that apply to the recipients to one plan for the message.
#pragma once

#include "policy/decide.h"

namespace policy
{

// `decision` has its direction and recipients; what `plan` says of authority
// and near misses is not set here.
[[nodiscard]] Plan combine(const Config& config, const Decision& decision);

}  // namespace policy
