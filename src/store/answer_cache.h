// What sources have answered, for a while.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "base/result.h"
#include "store/sources.h"

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
    [[nodiscard]] std::size_t octets() const { return held_; }

private:
    struct Entry {
        std::string key;
        Outcome outcome;
        std::size_t octets = 0;
        base::Time since, until;
        bool none = false;
    };
    using Entries = std::list<Entry>;  // used last comes first

    void drop(Entries::iterator entry);

    const Sources::Bounds bounds_;
    Entries positive_, negative_;
    std::unordered_map<std::string, Entries::iterator> by_key_;
    std::size_t held_ = 0;
};

}  // namespace store
