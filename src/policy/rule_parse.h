// [rule NAME] sections.
#pragma once

#include <vector>

#include "policy/config.h"
#include "policy/section.h"

namespace policy
{

// A rule with what its section says in so many words: the checks tell a key
// that is set from one that has its default.
struct RuleDraft {
    Rule rule;
    Seen seen;
    bool unclear = false;  // a key or value was refused: what follows from the rest is not known
};

[[nodiscard]] RuleDraft parse_rule(const Section& section, std::vector<Config::Setting>& settings,
                                   std::vector<base::Problem>& problems);

// Settles what follows from several keys (direction, sign_required), reports
// keys that contradict each other or the rest of `config`.
void check_rule(RuleDraft& draft, const Config& config, std::vector<base::Problem>& problems);

}  // namespace policy
