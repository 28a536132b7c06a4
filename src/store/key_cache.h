// Private keys that are in use: opened from their files when they are needed, and those
// that were not needed for longest given up again.
#pragma once

#include <cstddef>
#include <string>

#include "base/lru_cache.h"
#include "base/result.h"
#include "cms/private_key.h"

namespace store
{

// Thread-safe.
class KeyCache
{
public:
    static constexpr std::size_t usual = 1000;

    explicit KeyCache(std::size_t most = usual) : recent_(most) {}

    // The key, or what `open` gives; a failure is not remembered.  Two threads that
    // miss at the same time open it twice.
    [[nodiscard]] base::Result<cms::NativeKey> get(const std::string& name,
                                                   const cms::PrivateKey::Loader& open);
    [[nodiscard]] std::size_t size() const { return recent_.size(); }

private:
    base::LruCache<cms::NativeKey> recent_;
};

}  // namespace store
