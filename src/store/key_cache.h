// Private keys that are in use: opened from their files when they are needed, and those
// that were not needed for longest given up again.
#pragma once

#include <list>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/result.h"
#include "cms/private_key.h"

namespace store
{

// Thread-safe.
class KeyCache
{
public:
    static constexpr std::size_t usual = 1000;

    explicit KeyCache(std::size_t most = usual) : most_(most) {}

    // The key, or what `open` gives; a failure is not remembered.  Two threads that
    // miss at the same time open it twice.
    [[nodiscard]] base::Result<cms::NativeKey> get(const std::string& name,
                                                   const cms::PrivateKey::Loader& open);
    [[nodiscard]] std::size_t size() const;

private:
    using Recent = std::list<std::pair<std::string, cms::NativeKey>>;  // latest first

    std::size_t most_;
    mutable std::mutex mutex_;
    Recent recent_;
    std::unordered_map<std::string, Recent::iterator> known_;
};

}  // namespace store
