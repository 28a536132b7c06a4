// A bounded map of what was worked out and may be asked for again; what was not asked
// for longest makes room.  Where strangers choose the octets, the key is a digest of
// them.  Thread-safe; values are copied out.  What fails for want of memory changes
// nothing.
#pragma once

#include <cstddef>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace base
{

template <class Value, class Key = std::string>
class LruCache
{
public:
    explicit LruCache(std::size_t most) : most_(most) {}

    [[nodiscard]] std::optional<Value> find(const Key& key)
    {
        const std::lock_guard lock(mutex_);
        const auto found = places_.find(key);
        if (found == places_.end()) return std::nullopt;
        entries_.splice(entries_.begin(), entries_, found->second);
        return found->second->second;
    }

    void insert(const Key& key, Value value)
    {
        const std::lock_guard lock(mutex_);
        if (const auto found = places_.find(key); found != places_.end()) {
            found->second->second = std::move(value);
            entries_.splice(entries_.begin(), entries_, found->second);
            return;
        }
        Entries fresh;
        fresh.emplace_front(key, std::move(value));
        places_.emplace(key, fresh.begin());
        entries_.splice(entries_.begin(), fresh);
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
    using Entries = std::list<std::pair<Key, Value>>;
    const std::size_t most_;
    mutable std::mutex mutex_;
    Entries entries_;  // the one asked for last is the first
    std::unordered_map<Key, typename Entries::iterator> places_;
};

}  // namespace base
