// To which certificates a message is encrypted (semantics E.1).
#pragma once

#include <string>
#include <vector>

#include "cms/certificate.h"
#include "gateway/case.h"

namespace gateway
{

struct RecipientCertificates {
    struct Missing {
        std::string recipient;
        std::string why;         // one lower-case phrase
        bool temporary = false;  // could be there at another time
    };
    std::vector<cms::Certificate> certificates;  // each once
    std::vector<Missing> missing;

    // "carol@example.com (no certificate), ..." and how many more there are.
    [[nodiscard]] std::string names_missing() const;
    [[nodiscard]] bool any_temporary() const;
};

// For every recipient whose rule wants encryption: pinned certificates first, then
// those of our own users, of [certificates] and of the recipient's domain, the
// newest first; the first one that may be used.  A certificate that is not
// vouched for here needs a valid path to an anchor, and none may be revoked.
[[nodiscard]] RecipientCertificates recipient_certificates(const Case& c, const World& world);

// Indices of the recipients that neither To nor Cc name.
[[nodiscard]] std::vector<std::size_t> blind_recipients(const Case& c);

}  // namespace gateway
