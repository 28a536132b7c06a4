// Answers of servers, each kept for its time.
//
// What was used last stays longest; how much is too much its owner decides.  For one
// thread at a time.  What fails for want of memory leaves nothing behind.
#pragma once

#include <cstddef>
#include <iterator>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/clock.h"

namespace store
{

template <class Value>
class TimedCache
{
public:
    [[nodiscard]] std::optional<Value> find(const std::string& key, base::Time now)
    {
        const auto found = by_key_.find(key);
        if (found == by_key_.end()) return std::nullopt;
        const auto entry = found->second;
        // Neither before it was given: a clock that was set back makes nothing last longer.
        if (now < entry->since || now >= entry->until) {
            drop(entry);
            return std::nullopt;
        }
        entries_.splice(entries_.begin(), entries_, entry);
        return entry->value;
    }

    // Instead of what was known.  `octets`: that it takes, by the caller's reckoning.
    void keep(const std::string& key, Value value, std::size_t octets, base::Time now, base::Time until)
    {
        forget(key);
        Entries fresh;
        fresh.push_front({key, std::move(value), octets, now, until});
        by_key_.emplace(key, fresh.begin());
        entries_.splice(entries_.begin(), fresh);
        octets_ += octets;
    }

    void forget(const std::string& key)
    {
        if (const auto found = by_key_.find(key); found != by_key_.end()) drop(found->second);
    }
    // There must be one.
    void forget_oldest() { drop(std::prev(entries_.end())); }

    // What keeping something takes beside the octets of key and value.
    static constexpr std::size_t entry_octets = sizeof(Value) + sizeof(std::string) + 64;

    [[nodiscard]] bool empty() const { return entries_.empty(); }
    [[nodiscard]] std::size_t size() const { return entries_.size(); }
    [[nodiscard]] std::size_t octets() const { return octets_; }

private:
    struct Entry {
        std::string key;
        Value value;
        std::size_t octets;
        base::Time since, until;
    };
    using Entries = std::list<Entry>;  // used last comes first

    void drop(typename Entries::iterator entry)
    {
        octets_ -= entry->octets;
        by_key_.erase(entry->key);
        entries_.erase(entry);
    }

    Entries entries_;
    std::unordered_map<std::string, typename Entries::iterator> by_key_;
    std::size_t octets_ = 0;
};

}  // namespace store
