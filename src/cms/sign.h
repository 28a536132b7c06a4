// Making CMS SignedData (RFC 5652, RFC 8551 section 2).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/octets.h"
#include "base/result.h"
#include "cms/certificate.h"
#include "cms/digest.h"
#include "cms/private_key.h"

namespace cms
{

enum class Padding { pkcs1, pss };  // RSA only; PSS salt = digest length

struct SignRequest {
    const Certificate* certificate = nullptr;
    const PrivateKey* key = nullptr;
    const std::vector<Certificate>* chain = nullptr;  // intermediates; self-signed ones are left out
    Digest digest = Digest::automatic;
    Padding padding = Padding::pkcs1;
    std::optional<base::Time> signing_time;  // absent: no such attribute (semantics 0.6)
    bool detached = true;
    // Raw octets of the digest of the content, where the caller has computed it: with the
    // algorithm that digest_for() gives.  It is believed; only its length is checked.
    std::optional<std::string> content_digest;
};

struct SignResult {
    std::string der;       // ContentInfo, definite length
    ContentDigest digest;  // what was used, and what it gave
};

// Signs the octets of `content`, exactly as they are.  Always with signed
// attributes: contentType, messageDigest, signingTime (when asked for),
// SMIMECapabilities (AES-256-CBC, AES-128-CBC), signingCertificateV2.
[[nodiscard]] base::Result<SignResult> sign(base::Pieces content, const SignRequest& request);

// The digest that `automatic` means for this certificate's key; an error when
// the key cannot sign here (Ed448, X25519, RSA below 2048, other curves).
[[nodiscard]] base::Result<Digest> digest_for(const Certificate& certificate, Digest wanted);
[[nodiscard]] const char* micalg(Digest d);  // "sha-256"
[[nodiscard]] const char* name(Digest d);    // "sha256"

}  // namespace cms
