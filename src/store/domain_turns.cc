#include "store/domain_turns.h"

#include <utility>

namespace store
{
namespace
{

constexpr unsigned in_vain = 2;
constexpr std::chrono::minutes rest(1);
constexpr std::size_t most = 10'000;

}  // namespace

bool DomainTurns::free(const std::string& domain) const
{
    const auto found = domains_.find(domain);
    return found == domains_.end() || found->second.under_way < at_once_;
}

std::optional<std::string> DomainTurns::refusal(const std::string& domain, base::Time now) const
{
    const auto found = domains_.find(domain);
    if (found == domains_.end() || found->second.failures < in_vain) return std::nullopt;
    const auto until = found->second.rests_until;
    // A clock that was set back makes no rest longer.
    if (now >= until || now + rest < until) return std::nullopt;
    return found->second.last_error + " (not asked there until " + base::iso8601(until) + ")";
}

void DomainTurns::begin(const std::string& domain) { ++domains_[domain].under_way; }

void DomainTurns::give_back(const std::string& domain) noexcept
{
    const auto found = domains_.find(domain);
    if (found == domains_.end()) return;
    --found->second.under_way;
    if (found->second.under_way == 0 && found->second.failures == 0) domains_.erase(found);
}

bool DomainTurns::end(const std::string& domain, std::optional<std::string> error, base::Time now) noexcept
{
    const auto found = domains_.find(domain);
    if (found == domains_.end()) return false;
    auto& known = found->second;
    --known.under_way;
    if (!error) {
        known.failures = 0;
        if (known.under_way == 0) domains_.erase(found);
        return false;
    }
    ++known.failures;
    known.last_error = std::move(*error);
    known.rests_until = now + rest;
    const bool rests = known.failures >= in_vain;
    if (domains_.size() > most) make_room(now);
    return rests;
}

// What is forgotten is asked once more than it would have been.
void DomainTurns::make_room(base::Time now) noexcept
{
    std::erase_if(domains_,
                  [&](const auto& d) { return d.second.under_way == 0 && now >= d.second.rests_until; });
    if (domains_.size() > most)
        std::erase_if(domains_, [](const auto& d) { return d.second.under_way == 0; });
}

}  // namespace store
