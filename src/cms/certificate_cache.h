// Private to cms/: certificates of correspondents, decoded once.
//
// Decoding the public key takes OpenSSL longer than all other work on an ordinary
// signature together, and correspondents send the same certificates again and
// again.  Only those of a valid path are kept: in what strangers make up, a name or an
// extension of a few octets can take fifty times as much memory as on the way.
// Belongs to one Trust and dies with it.
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
    // Of a path that was found valid.
    void keep(const Certificate& certificate);

private:
    // Ordinary ones have one to two thousand octets.  Larger ones are decoded each time.
    static constexpr std::size_t most = 2000, largest = 6000;
    base::LruCache<Certificate> known_{most};
};

}  // namespace cms
