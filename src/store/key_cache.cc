#include "store/key_cache.h"

namespace store
{

base::Result<cms::NativeKey> KeyCache::get(const std::string& name, const cms::PrivateKey::Loader& open)
{
    if (auto known = recent_.find(name)) return std::move(*known);
    auto opened = open();
    if (opened) recent_.insert(name, *opened);
    return opened;
}

}  // namespace store
