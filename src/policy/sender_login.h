// The sender_login map: lines "LOGIN: ADDRESS[, ADDRESS...]", comments on lines
// of their own.  An ADDRESS is a whole one or *@DOMAIN.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policy/config.h"

namespace policy
{

// Adds the lines of `content` to `map`; mistakes are reported with the place in
// `file`, the first twenty of them.
void parse_sender_login(const std::string& file, std::string_view content, LoginMap& map,
                        std::vector<base::Problem>& problems);

}  // namespace policy
