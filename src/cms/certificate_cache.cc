#include "cms/certificate_cache.h"

#include "cms/text.h"

namespace cms
{

std::optional<Certificate> CertificateCache::decode(base::Octets der)
{
    const std::string key = der.size() <= largest ? sha256(der) : std::string();
    if (!key.empty())
        if (auto found = known_.find(key)) return found;
    auto decoded = Certificate::from_der(der);
    if (!decoded) return std::nullopt;
    if (!key.empty()) known_.insert(key, *decoded);
    return *decoded;
}

}  // namespace cms
