// Private to cms/: the shape of EnvelopedData and AuthEnvelopedData, judged
// before OpenSSL parses it and before a key is used.  OpenSSL would accept a tag
// of four octets, and ciphers that do not belong to the content type
// (RFC 5084 section 3.2, RFC 9709 section 1; CVE-2026-34182).
#pragma once

#include <string>

#include "base/octets.h"
#include "base/result.h"
#include "cms/decrypt.h"

namespace cms
{

struct EnvelopedOutline {
    bool authenticated = false;
    std::string cipher;  // "aes256-cbc"
};

// An error says why it is refused.
[[nodiscard]] base::Result<EnvelopedOutline> outline_enveloped(base::Octets der,
                                                               const EnvelopedLimits& limits);

}  // namespace cms
