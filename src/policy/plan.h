// From the rules that apply to the recipients to one plan for the message.
#pragma once

#include "policy/decide.h"

namespace policy
{

// `decision` has its direction and recipients, and gets its plan and refusal;
// what the plan says of authority to sign and near misses is not set here.
// `asking`: the rules whose keywords count, see asking_rules().
void combine(const Config& config, const Facts& facts, const std::vector<const Rule*>& asking,
             Decision& decision);

}  // namespace policy
