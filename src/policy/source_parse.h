// Private to policy/: [source NAME], and the lines `source =` of [certificates].
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "policy/config.h"
#include "policy/ini.h"
#include "policy/section.h"

namespace policy
{

// Value and place of each line.
using SourceLines = std::vector<std::pair<std::string, std::string>>;

struct NamedSource {
    store::SourceSettings settings;
    Seen seen;
};
[[nodiscard]] NamedSource parse_source(const Section& section, std::vector<Config::Setting>& settings,
                                       std::vector<base::Problem>& problems);

// The sources in the order of `lines`, each a uri or the name of one of `named`,
// completed by what its kind has for a default.  What cannot work is reported.
[[nodiscard]] std::vector<store::SourceSettings> choose_sources(const SourceLines& lines,
                                                                std::vector<NamedSource> named,
                                                                std::vector<base::Problem>& problems);

}  // namespace policy
