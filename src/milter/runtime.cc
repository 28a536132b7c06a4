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

void Tally::count(const gateway::Outcome& outcome)
{
    const auto value = [&](const char* key) {
        const std::string* fact = outcome.fact(key);
        return fact == nullptr ? std::string() : *fact;
    };
    auto key = std::make_pair(value("action"), value("status"));
    const std::lock_guard lock(mutex_);
    ++counts_[std::move(key)];
}

void Recent::add(const std::string& message_id, const std::string& line)
{
    if (message_id.empty() || message_id.size() > longest) return;
    const std::lock_guard lock(mutex_);
    if (lines_.size() == most) lines_.pop_front();
    lines_.emplace_back(message_id, line.substr(0, longest));
}

std::optional<std::string> Recent::find(const std::string& message_id) const
{
    const std::lock_guard lock(mutex_);
    for (auto it = lines_.rbegin(); it != lines_.rend(); ++it)
        if (it->first == message_id) return it->second;
    return std::nullopt;
}

Tally::Counts Tally::counts() const
{
    const std::lock_guard lock(mutex_);
    return counts_;
}

Runtime::Runtime(base::Log& log_to, const base::Clock& clock_from, base::Random& random_from,
                 std::shared_ptr<const gateway::Snapshot> first)
    : log(log_to),
      clock(clock_from),
      random(random_from),
      admission(limits_of(*first)),
      snapshot_(std::move(first))
{
    follow(*snapshot_);
}

// Its threads write and ask as this one says.
void Runtime::follow(const gateway::Snapshot& snapshot)
{
    const auto& certificates = snapshot.config.certificates;
    sources.keep_only(certificates.sources);
    harvester.configure(certificates.learns_into(), certificates.harvest);
}

std::shared_ptr<const gateway::Snapshot> Runtime::snapshot() const
{
    const std::lock_guard lock(mutex_);
    return snapshot_;
}

void Runtime::replace_snapshot(std::shared_ptr<const gateway::Snapshot> next)
{
    admission.set_limits(limits_of(*next));
    follow(*next);
    const std::lock_guard lock(mutex_);
    // The old one dies here or with the last message that uses it, outside the lock.
    snapshot_.swap(next);
}

}  // namespace milter
