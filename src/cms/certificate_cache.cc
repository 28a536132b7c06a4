#include "cms/certificate_cache.h"

#include "cms/text.h"

namespace cms
{

std::optional<Certificate> CertificateCache::decode(base::Octets der)
{
    if (der.size() <= largest)
        if (auto found = known_.find(sha256(der))) return found;
    auto decoded = Certificate::from_der(der);
    if (!decoded) return std::nullopt;
    return *decoded;
}

void CertificateCache::keep(const Certificate& certificate)
{
    const std::string& der = certificate.der();
    if (der.size() <= largest) known_.insert(sha256(der), certificate);
}

}  // namespace cms
