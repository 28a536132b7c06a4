#include "policy/rule_index.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <optional>

#include "base/ascii.h"
#include "mime/utf8.h"
#include "policy/config.h"

namespace policy
{
namespace
{

// What a pattern can be looked up by: the whole of it, or its domain when its local part
// is "*".  Other wildcards, and what is not ASCII and may be spelled in more than one
// way, can only be tried.
std::optional<std::string> key_of(const std::string& pattern)
{
    const std::string_view fixed = std::string_view(pattern).substr(pattern.starts_with("*@") ? 1 : 0);
    const bool one_domain = fixed.size() == pattern.size() || fixed.find('@', 1) == std::string_view::npos;
    if (!one_domain || !mime::is_ascii(fixed) || fixed.find_first_of("*?") != std::string_view::npos)
        return std::nullopt;
    return base::to_lower(fixed);
}

}  // namespace

void PatternIndex::add(const std::vector<std::string>& patterns)
{
    const std::size_t place = size_++;
    std::vector<std::string> keys;
    for (const std::string& pattern : patterns)
        if (auto key = key_of(pattern)) keys.push_back(std::move(*key));
    if (patterns.empty() || keys.size() < patterns.size()) {
        others_.push_back(place);
        return;
    }
    for (const std::string& key : keys) {
        auto& places = by_key_[key];
        if (places.empty() || places.back() != place) places.push_back(place);
    }
}

RulePlaces PatternIndex::that_may_match(std::string_view address) const
{
    if (!mime::is_ascii(address)) {
        RulePlaces all(size_);
        std::iota(all.begin(), all.end(), std::size_t{0});
        return all;
    }
    RulePlaces out = others_;
    const auto add = [&](const std::string& key) {
        const auto found = by_key_.find(key);
        if (found == by_key_.end()) return;
        RulePlaces more;
        std::set_union(out.begin(), out.end(), found->second.begin(), found->second.end(),
                       std::back_inserter(more));
        out = std::move(more);
    };
    const std::string key = base::to_lower(address);
    add(key);
    if (const auto at = key.rfind('@'); at != std::string::npos) add(key.substr(at));
    return out;
}

RuleIndex::RuleIndex(const std::vector<Rule>& rules)
{
    for (std::size_t i = 0; i < rules.size(); ++i) {
        const Rule& rule = rules[i];
        senders.add(rule.sender);
        recipients.add(rule.recipient);
        if ((rule.signs() || rule.encrypts()) && !rule.client.empty()) naming_clients.push_back(i);
        const bool asks = !rule.encrypt_keyword.empty() || rule.encrypt_sensitivity;
        if (asks && !rule.dry_run) asking.push_back(i);
        if (rule.signs()) signing.push_back(i);
    }
}

RulePlaces intersection(const RulePlaces& a, const RulePlaces& b)
{
    RulePlaces out;
    std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(out));
    return out;
}

}  // namespace policy
