// Private to cms/: what RevocationData holds.
#pragma once

#include <openssl/ocsp.h>

#include "cms/openssl.h"
#include "cms/revocation.h"

namespace cms
{

using OcspBasicPtr = std::unique_ptr<OCSP_BASICRESP, ossl::Free<OCSP_BASICRESP_free>>;

struct RevocationData::Native {
    RevocationKind kind = RevocationKind::crl;
    ossl::CrlPtr crl;
    std::string ocsp;  // DER of the BasicOCSPResponse: OpenSSL's own object is changed by looking at it
    std::optional<base::Time> next_update;
    std::size_t memory = 0;  // in octets, about
};

}  // namespace cms
