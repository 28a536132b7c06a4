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
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return std::nullopt;
    const auto entry = found->second;
    // Neither before it was given: a clock that was set back makes nothing last longer.
    if (now < entry->since || now >= entry->until) {
        drop(entry);
        return std::nullopt;
    }
    auto& list = entry->none ? negative_ : positive_;
    list.splice(list.begin(), list, entry);
    return entry->outcome;
}

void AnswerCache::keep(const std::string& key, const SourceSettings& source, const Outcome& outcome,
                       base::Time now)
{
    const bool none = !outcome || ((*outcome)->found.empty() && (*outcome)->associations.empty());
    const auto until = kept_until(source, outcome, none, now);
    if (until <= now) return;
    forget(key);
    const auto octets = sizeof(Entry) + 2 * key.size() + (outcome ? octets_of(**outcome) : 256);
    auto& list = none ? negative_ : positive_;
    // What fails for want of memory must leave nothing behind.
    Entries fresh;
    fresh.push_front({key, outcome, octets, now, until, none});
    by_key_.emplace(key, fresh.begin());
    list.splice(list.begin(), fresh);
    held_ += octets;
    while (negative_.size() > bounds_.none) drop(std::prev(negative_.end()));
    while (positive_.size() > bounds_.answers) drop(std::prev(positive_.end()));
    // Strangers can make the one list long: the other is for correspondents.
    while (held_ > bounds_.octets && !negative_.empty()) drop(std::prev(negative_.end()));
    while (held_ > bounds_.octets && !positive_.empty()) drop(std::prev(positive_.end()));
}

void AnswerCache::forget(const std::string& key)
{
    if (const auto found = by_key_.find(key); found != by_key_.end()) drop(found->second);
}

void AnswerCache::drop(Entries::iterator entry)
{
    held_ -= entry->octets;
    by_key_.erase(entry->key);
    (entry->none ? negative_ : positive_).erase(entry);
}

}  // namespace store
