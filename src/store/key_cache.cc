#include "store/key_cache.h"

namespace store
{

base::Result<cms::NativeKey> KeyCache::get(const std::string& name, const cms::PrivateKey::Loader& open)
{
    {
        const std::lock_guard lock(mutex_);
        if (const auto it = known_.find(name); it != known_.end()) {
            recent_.splice(recent_.begin(), recent_, it->second);
            return it->second->second;
        }
    }
    auto opened = open();
    if (!opened) return opened;
    const std::lock_guard lock(mutex_);
    if (!known_.contains(name)) {
        recent_.emplace_front(name, *opened);
        known_.emplace(name, recent_.begin());
    }
    while (recent_.size() > most_) {
        known_.erase(recent_.back().first);
        recent_.pop_back();
    }
    return opened;
}

std::size_t KeyCache::size() const
{
    const std::lock_guard lock(mutex_);
    return recent_.size();
}

}  // namespace store
