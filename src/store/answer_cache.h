// What sources have answered, for a while.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "store/sources.h"
#include "store/timed_cache.h"

namespace store
{

// For one thread at a time.  What was used last stays longest; that there is none is
// counted apart, since strangers can ask for as many addresses as they like.
class AnswerCache
{
public:
    using Outcome = base::Result<std::shared_ptr<const Answer>>;

    explicit AnswerCache(const Sources::Bounds& bounds) : bounds_(bounds) {}

    [[nodiscard]] std::optional<Outcome> find(const std::string& key, base::Time now);
    // For as long as the source says, or the first of its certificates lasts; an error
    // for a minute.
    void keep(const std::string& key, const SourceSettings& source, const Outcome& outcome, base::Time now);
    void forget(const std::string& key);

    [[nodiscard]] std::size_t answers() const { return positive_.size(); }
    [[nodiscard]] std::size_t none() const { return negative_.size(); }
    [[nodiscard]] std::size_t octets() const { return positive_.octets() + negative_.octets(); }

private:
    const Sources::Bounds bounds_;
    TimedCache<Outcome> positive_, negative_;
};

}  // namespace store
