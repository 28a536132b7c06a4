// From the rules that apply to the recipients to one plan for the message.
#pragma once

#include "policy/decide.h"

namespace policy
{

// `decision` has its direction and recipients, and gets its plan and refusal;
// what the plan says of authority to sign and near misses is not set here.
void combine(const Config& config, const Facts& facts, Decision& decision);

}  // namespace policy
