// Private to cms/: one SignerInfo, judged (semantics B.2 steps 7 to 15).
#pragma once

#include <vector>

#include "cms/openssl.h"
#include "cms/signature.h"
#include "cms/verify.h"

namespace cms
{

struct SignerContext {
    const ASN1_OBJECT* content_type;
    base::Octets digest_algorithms;           // of the SignedData, as they are on the wire
    const std::vector<Certificate>& carried;  // the certificates in the message
    const VerifyOptions& options;
    const Trust& trust;
    ContentDigests& content;
    SignatureVerifier& signatures;
};

// Every finding, not only the first: the path is validated even when an
// attribute is wrong or the content is another.
[[nodiscard]] SignerVerdict judge_signer(CMS_SignerInfo* signer, const SignerContext& context);

}  // namespace cms
