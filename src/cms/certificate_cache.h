// Private to cms/: certificates that come with messages, decoded once.
//
// Decoding the public key takes OpenSSL longer than all other work on an ordinary
// signature together, and correspondents send the same certificates again and
// again.  Belongs to one Trust and dies with it.
#pragma once

#include <optional>

#include "base/lru_cache.h"
#include "cms/certificate.h"

namespace cms
{

// Thread-safe.
class CertificateCache
{
public:
    // The certificate that these octets are, and all of them; nullopt when they are none.
    [[nodiscard]] std::optional<Certificate> decode(base::Octets der);

private:
    // Ordinary ones have one to two thousand octets, and take about five times as
    // much decoded.  Larger ones are decoded each time.
    static constexpr std::size_t most = 2000, largest = 6000;
    base::LruCache<Certificate> known_{most};
};

}  // namespace cms
