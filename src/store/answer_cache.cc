#include "store/answer_cache.h"

#include <algorithm>

#include "store/source_check.h"

namespace store
{
namespace
{

constexpr std::chrono::minutes after_failure(1);

base::Time kept_until(const SourceSettings& source, const AnswerCache::Outcome& outcome, bool none,
                      base::Time now)
{
    if (!outcome) return now + after_failure;
    base::Time until =
        none ? now + std::chrono::minutes(source.keep_none) : now + std::chrono::hours(source.keep);
    if ((*outcome)->keep_at_most) until = std::min(until, now + *(*outcome)->keep_at_most);
    for (const auto& found : (*outcome)->found)
        if (found.certificate.not_after() > now) until = std::min(until, found.certificate.not_after());
    return until;
}

}  // namespace

std::optional<AnswerCache::Outcome> AnswerCache::find(const std::string& key, base::Time now)
{
    auto known = positive_.find(key, now);
    return known ? known : negative_.find(key, now);
}

void AnswerCache::keep(const std::string& key, const SourceSettings& source, const Outcome& outcome,
                       base::Time now)
{
    const bool none = !outcome || ((*outcome)->found.empty() && (*outcome)->associations.empty());
    const auto until = kept_until(source, outcome, none, now);
    if (until <= now) return;
    forget(key);
    const auto its_octets =
        TimedCache<Outcome>::entry_octets + 2 * key.size() + (outcome ? octets_of(**outcome) : 256);
    (none ? negative_ : positive_).keep(key, outcome, its_octets, now, until);
    while (negative_.size() > bounds_.none) negative_.forget_oldest();
    while (positive_.size() > bounds_.answers) positive_.forget_oldest();
    // Strangers can make the one list long: the other is for correspondents.
    while (octets() > bounds_.octets && !negative_.empty()) negative_.forget_oldest();
    while (octets() > bounds_.octets && !positive_.empty()) positive_.forget_oldest();
}

void AnswerCache::forget(const std::string& key)
{
    positive_.forget(key);
    negative_.forget(key);
}

}  // namespace store
