// What signed DNS says about certificates: the records of DANE (RFC 6698 section 2.1),
// here for S/MIME (RFC 8162).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/octets.h"
#include "base/result.h"
#include "cms/certificate.h"
#include "cms/trust.h"

namespace cms
{

struct Association {
    enum class Usage : unsigned char {
        pkix_ca = 0,    // this CA has to be in the path, which has to end at an anchor of ours
        pkix_leaf = 1,  // this certificate, and its path has to end at an anchor of ours
        dane_ca = 2,    // this CA is an anchor, for whom the record is about
        dane_leaf = 3,  // this certificate, and no path is asked for
    };
    enum class Matching : unsigned char { whole = 0, sha256 = 1, sha512 = 2 };

    Usage usage = Usage::dane_leaf;
    bool key_only = false;  // selector 1: the SubjectPublicKeyInfo instead of the certificate
    Matching matching = Matching::whole;
    std::string data;

    // An error for numbers nobody has defined, and for digests of the wrong size.
    [[nodiscard]] static base::Result<Association> parse(base::Octets rdata);
    // The DER in it, when it is all of a certificate.
    [[nodiscard]] bool is_certificate() const { return !key_only && matching == Matching::whole; }
    [[nodiscard]] bool matches(const Certificate& certificate) const;
    [[nodiscard]] std::string text() const;  // "3 0 0"

    friend bool operator==(const Association&, const Association&) = default;
};

// Whether the records vouch for a certificate that was found elsewhere: as itself, or
// by a path to a CA of usage 2.  That CA is in a record, among `issuers`, which came with
// the certificate, or among those that `trust` knows.  All other rules for paths hold;
// whether the certificate is for that address is not asked here.
[[nodiscard]] bool vouched_for(const Certificate& certificate, const std::vector<Association>& associations,
                               const std::vector<Certificate>& issuers, const Trust& trust,
                               const PathOptions& options);

// SHA-256 of the octets, the first 28, as 56 hexadecimal digits (RFC 8162 section 3).
[[nodiscard]] std::string hashed_local_part(base::Octets local);

}  // namespace cms
