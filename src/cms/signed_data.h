// Private to cms/: a SignedData as OpenSSL and we read it.
//
// OpenSSL's parser decodes each embedded certificate with its key, which takes
// longer than everything else that verifying needs.  So the certificates and the
// content are left out of what it is given, and read from where they stand.  That
// is done only where there is one way to read them: in DER, with nothing but
// certificates among the certificates.  Everything else OpenSSL reads whole.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cms/certificate.h"
#include "cms/certificate_cache.h"
#include "cms/openssl.h"
#include "cms/outline.h"

namespace cms
{

struct SignedData {
    ossl::CmsPtr cms;
    std::vector<Certificate> certificates;  // each once
    bool encapsulated = false;              // there is content
    base::Octets content;                   // in the octets that were read, or in `cms`
};

// All of it by OpenSSL.  nullopt: not what `outline` says.
[[nodiscard]] std::optional<SignedData> read_whole(base::Octets der, const Outline& outline);

// Certificates among `known` or in the cache are not decoded again.  nullopt: not
// written so that this could be done, which says nothing against it.
[[nodiscard]] std::optional<SignedData> read_in_parts(base::Octets der, const Outline& outline,
                                                      const std::vector<Certificate>& known,
                                                      CertificateCache& cache);

}  // namespace cms
