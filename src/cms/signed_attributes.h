// Private to cms/: what a SignerInfo says in its signed attributes
// (RFC 5652 section 11, RFC 8551 section 2.5, RFC 5035, RFC 6211).
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/octets.h"
#include "cms/certificate.h"
#include "cms/openssl.h"

namespace cms
{

struct SignedAttributes {
    bool present = false;
    // Something missing, repeated, of another type or with more values than one
    // that must have exactly one; or it contradicts the SignerInfo.
    bool error = false;
    std::string what;  // which, for people
    std::string message_digest;
    std::optional<base::Time> signing_time;
    base::Octets capabilities;  // SMIMECapabilities in DER, borrowed; empty without
    base::Octets preference;    // SMIMEEncryptionKeyPreference in DER, borrowed; empty without
};

// Does the preference name this certificate (RFC 8551 section 2.5.3)?
[[nodiscard]] bool prefers(base::Octets preference, const Certificate& certificate);

// `content_type`: the eContentType that the contentType attribute must repeat.
[[nodiscard]] SignedAttributes read_signed_attributes(CMS_SignerInfo* signer,
                                                      const ASN1_OBJECT* content_type);

// signingCertificate and signingCertificateV2, where present, hash to this
// certificate in their first entry (RFC 8550 section 4.2).
[[nodiscard]] bool names_certificate(CMS_SignerInfo* signer, const Certificate& certificate);

}  // namespace cms
