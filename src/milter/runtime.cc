#include "milter/runtime.h"

namespace milter
{
namespace
{

AdmissionLimits limits_of(const gateway::Snapshot& snapshot)
{
    return {snapshot.config.max_in_flight, snapshot.config.crypto_slots};
}

}  // namespace

void Recent::add(const std::string& message_id, base::LogLine line)
{
    if (message_id.empty() || message_id.size() > longest) return;
    const std::lock_guard lock(mutex_);
    if (lines_.size() == most) lines_.pop_front();
    lines_.emplace_back(message_id, std::move(line));
}

std::optional<std::string> Recent::find(const std::string& message_id) const
{
    const std::lock_guard lock(mutex_);
    for (auto it = lines_.rbegin(); it != lines_.rend(); ++it)
        if (it->first == message_id) return it->second.text().substr(0, longest);
    return std::nullopt;
}

Runtime::Runtime(base::Log& log_to, const base::Clock& clock_from, base::Random& random_from,
                 const std::shared_ptr<const gateway::Snapshot>& first)
    : log(log_to),
      clock(clock_from),
      random(random_from),
      admission(limits_of(*first)),
      in_force_{first, std::make_shared<const RuleHits>(first->config.rules, nullptr)}
{
    follow(*in_force_.snapshot);
}

// Its threads write and ask as this one says.
void Runtime::follow(const gateway::Snapshot& snapshot)
{
    const auto& certificates = snapshot.config.certificates;
    sources.keep_only(certificates.sources);
    harvester.configure(certificates.learns_into(), certificates.harvest);
}

InForce Runtime::in_force() const
{
    const std::lock_guard lock(mutex_);
    return in_force_;
}

void Runtime::replace_snapshot(const std::shared_ptr<const gateway::Snapshot>& next)
{
    const auto before = in_force().hits;  // reloads do not overlap: main/loader.h
    InForce now{next, std::make_shared<const RuleHits>(next->config.rules, before.get())};
    follow(*next);
    admission.set_limits(limits_of(*next));
    const std::lock_guard lock(mutex_);
    // The old one dies here or with the last message that uses it, outside the lock.
    std::swap(in_force_, now);
}

}  // namespace milter
