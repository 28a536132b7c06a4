#include "milter/meter.h"

#include <algorithm>
#include <utility>

namespace milter
{

Endings::Slot* Endings::find(std::string_view action, std::string_view result)
{
    const std::size_t n = used_.load(std::memory_order_acquire);
    for (std::size_t i = 0; i < n; ++i)
        if (slots_[i].action == action && slots_[i].result == result) return &slots_[i];
    return nullptr;
}

void Endings::add(std::string_view action, std::string_view result)
{
    Slot* slot = find(action, result);
    if (slot == nullptr) {
        const std::lock_guard lock(adding_);
        slot = find(action, result);  // somebody else may have been faster
        const std::size_t n = used_.load(std::memory_order_relaxed);
        if (slot == nullptr && n < most) {
            slot = &slots_[n];
            slot->action = action;
            slot->result = result;
            used_.store(n + 1, std::memory_order_release);
        }
    }
    (slot != nullptr ? slot->count : others_).fetch_add(1, std::memory_order_relaxed);
}

std::vector<Endings::Ending> Endings::all() const
{
    std::vector<Ending> out;
    const std::size_t n = used_.load(std::memory_order_acquire);
    for (std::size_t i = 0; i < n; ++i)
        out.push_back({slots_[i].action, slots_[i].result, slots_[i].count.load(std::memory_order_relaxed)});
    if (const auto others = others_.load(std::memory_order_relaxed); others > 0)
        out.push_back({"other", "other", others});
    return out;
}

RuleHits::RuleHits(std::span<const policy::Rule> rules, const RuleHits* before)
{
    for (const auto& rule : rules) {
        Shared counter;
        if (before != nullptr)
            if (const auto it = before->by_name_.find(rule.name); it != before->by_name_.end())
                counter = it->second;
        if (counter == nullptr) counter = std::make_shared<Count>(0);
        if (by_name_.emplace(rule.name, std::move(counter)).second) order_.push_back(rule.name);
    }
}

void RuleHits::add(std::string_view rule) const
{
    if (const auto it = by_name_.find(rule); it != by_name_.end())
        it->second->fetch_add(1, std::memory_order_relaxed);
}

std::vector<RuleHits::Hits> RuleHits::all() const
{
    std::vector<Hits> out;
    for (const auto& name : order_)
        out.push_back({name, by_name_.find(name)->second->load(std::memory_order_relaxed)});
    return out;
}

void Meter::count(const gateway::Outcome& outcome, const RuleHits* rules, std::chrono::microseconds spent,
                  std::optional<std::uint64_t> size)
{
    const std::string *action = nullptr, *status = nullptr, *rule = nullptr;
    for (const auto& fact : outcome.facts) {
        if (fact.key == "action") action = &fact.value;
        if (fact.key == "status") status = &fact.value;
        if (fact.key == "rule") rule = &fact.value;
    }
    const auto or_none = [](const std::string* text) {
        return text == nullptr || text->empty() ? std::string_view("none") : std::string_view(*text);
    };
    endings.add(or_none(action), or_none(status));
    if (rule != nullptr && rules != nullptr) rules->add(*rule);
    if (outcome.failed)
        errors[static_cast<std::size_t>(*outcome.failed)].fetch_add(1, std::memory_order_relaxed);
    duration.add(static_cast<std::uint64_t>(std::max<std::int64_t>(spent.count(), 0)));
    if (size) octets.add(*size);
}

}  // namespace milter
