// Rules that can never apply because an earlier one covers them.  Certain or
// silent: a rule is covered only when each condition of the earlier one surely
// holds wherever the later one's conditions hold.
#include <algorithm>

#include "base/ascii.h"
#include "mime/utf8.h"
#include "policy/decide.h"

namespace policy
{
namespace
{

// Does `wide` match whatever `narrow` matches?  A "*" of `wide` takes up any
// run of `narrow`, wildcards included; a "?" of `wide` must not meet a "*".
bool pattern_covers(const std::string& wide, const std::string& narrow)
{
    if (wide.find_first_not_of('*') == std::string::npos || wide == narrow) return true;
    // Case counts where a text is not ASCII; what differs there is left alone.
    if (!mime::is_ascii(wide) || !mime::is_ascii(narrow)) return false;
    if (wide.find('?') != std::string::npos && narrow.find('*') != std::string::npos) return false;
    return base::wildcard_match(wide, narrow);
}

bool header_covers(const HeaderPattern& wide, const HeaderPattern& narrow)
{
    return base::iequals(wide.name, narrow.name) && pattern_covers(wide.pattern, narrow.pattern);
}

bool size_covers(const SizeCondition& wide, const SizeCondition& narrow)
{
    if (wide.larger != narrow.larger) return false;
    return wide.larger ? wide.octets <= narrow.octets : wide.octets >= narrow.octets;
}

bool direction_covers(Direction wide, Direction narrow)
{
    return wide == Direction::any || wide == narrow ||
           (wide == Direction::outgoing && narrow == Direction::internal);
}

// Alternatives: each of the later rule's must lie within one of the earlier's.
template <class T, class Covers>
bool all_covered(const std::vector<T>& wide, const std::vector<T>& narrow, Covers covers_one)
{
    if (wide.empty()) return true;
    return !narrow.empty() && std::all_of(narrow.begin(), narrow.end(), [&](const T& n) {
        return std::any_of(wide.begin(), wide.end(), [&](const T& w) { return covers_one(w, n); });
    });
}

bool rule_covers(const Rule& earlier, const Rule& later)
{
    return direction_covers(earlier.direction, later.direction) &&
           all_covered(earlier.sender, later.sender, pattern_covers) &&
           all_covered(earlier.mail_from, later.mail_from, pattern_covers) &&
           all_covered(earlier.recipient, later.recipient, pattern_covers) &&
           all_covered(earlier.client, later.client, covers) &&
           all_covered(earlier.login, later.login, pattern_covers) &&
           all_covered(earlier.listener, later.listener, pattern_covers) &&
           all_covered(earlier.header, later.header, header_covers) &&
           all_covered(earlier.subject, later.subject, pattern_covers) &&
           all_covered(earlier.size, later.size, size_covers);
}

}  // namespace

std::vector<Shadow> shadowed_rules(const Config& config)
{
    std::vector<Shadow> out;
    const auto& rules = config.rules;
    for (auto later = rules.begin(); later != rules.end(); ++later) {
        if (later->fallback) continue;
        const auto by = std::find_if(rules.begin(), later,
                                     [&](const Rule& earlier) { return rule_covers(earlier, *later); });
        if (by != later) out.push_back({&*later, &*by});
    }
    return out;
}

std::vector<Shadow> unverified_fallbacks(const Config& config)
{
    std::vector<Shadow> out;
    for (const Rule& fallback : config.rules) {
        if (!fallback.fallback || !fallback.verify) continue;
        // The first that takes it decides; one that verifies keeps what is behind it.
        for (const Rule& rule : config.rules) {
            if (rule.fallback || !rule_covers(rule, fallback)) continue;
            if (!rule.verify) out.push_back({&fallback, &rule});
            break;
        }
    }
    return out;
}

}  // namespace policy
