// To which certificates a message is encrypted (semantics E.1).
#pragma once

#include <string>
#include <vector>

#include "cms/capabilities.h"
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
    // A certificate, or a source that was asked: what became of it.
    struct Considered {
        std::string recipient;
        std::string what;        // "serial 01ab, ldap partners: uid=carol", "source partners"
        std::string why_not;     // one lower-case phrase; "": it is used
        bool after_one = false;  // there was one that is used already
    };
    std::vector<cms::Certificate> certificates;       // each once
    std::vector<cms::SaidCapabilities> capabilities;  // of their owners, in the same order
    std::vector<Missing> missing;
    std::vector<Considered> considered;  // the first ones of a message

    // "carol@example.com (no certificate), ..." and how many more there are.
    [[nodiscard]] std::string names_missing() const;
    [[nodiscard]] bool any_temporary() const;
    // The first few of what was considered, up to the one that is used, for the log: "carol@example.com:
    // serial 01ab, file /etc/...; ..."; "" when there is none.
    [[nodiscard]] std::string used() const;
    [[nodiscard]] std::string not_used() const;
};

// For every recipient whose rule wants encryption: pinned certificates first, then
// those of our own users and of all that is on this machine, the newest first; then
// the sources that have to be asked, in the order of the configuration, until one has
// a certificate that may be used; then those of the recipient's domain.  The first one
// that may be used is.  A certificate that is not vouched for here needs a valid path
// to an anchor, and none may be revoked.
[[nodiscard]] RecipientCertificates recipient_certificates(const Case& c, const World& world);

// Indices of the recipients that neither To nor Cc name.
[[nodiscard]] std::vector<std::size_t> blind_recipients(const Case& c);

}  // namespace gateway
