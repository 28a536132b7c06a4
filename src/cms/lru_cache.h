// Private to cms/: what was worked out for octets that may come again.
//
// A bounded map from the SHA-256 of octets to a value; what was not asked for
// longest makes room.  A digest and not the octets, so that a stranger who chooses
// the octets cannot choose the keys.  Thread-safe; values are copied out.
#pragma once

#include <cstddef>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace cms
{

template <class Value>
class LruCache
{
public:
    explicit LruCache(std::size_t most) : most_(most) {}

    [[nodiscard]] std::optional<Value> find(const std::string& key)
    {
        const std::lock_guard lock(mutex_);
        const auto found = places_.find(key);
        if (found == places_.end()) return std::nullopt;
        entries_.splice(entries_.begin(), entries_, found->second);
        return found->second->second;
    }

    void insert(const std::string& key, Value value)
    {
        const std::lock_guard lock(mutex_);
        if (const auto found = places_.find(key); found != places_.end()) {
            found->second->second = std::move(value);
            entries_.splice(entries_.begin(), entries_, found->second);
            return;
        }
        entries_.emplace_front(key, std::move(value));
        places_.emplace(key, entries_.begin());
        if (entries_.size() <= most_) return;
        places_.erase(entries_.back().first);
        entries_.pop_back();
    }

    [[nodiscard]] std::size_t size() const
    {
        const std::lock_guard lock(mutex_);
        return entries_.size();
    }

private:
    using Entries = std::list<std::pair<std::string, Value>>;
    const std::size_t most_;
    mutable std::mutex mutex_;
    Entries entries_;  // the one asked for last is the first
    std::unordered_map<std::string, typename Entries::iterator> places_;
};

}  // namespace cms
