// What signing wants to know about a body, worked out while its octets arrive.
//
// They are in the processor's cache then, and the MTA is busy sending: at
// end-of-message little more than the signature and the way back is left.
#pragma once

#include <string>

#include "base/octets.h"
#include "cms/digest.h"
#include "mime/transport.h"

namespace gateway
{

// Only for an entity that is signed as it is: the digest is given up at the first
// octet that has to be encoded.  Not thread-safe, and bound to no thread.
class Arrival
{
public:
    // The signed entity is to be this header, with its empty line, and the body.
    Arrival(std::string header, cms::Digest digest);

    void take(base::Octets chunk);  // of the body, in order
    void finish();                  // that was all

    // Valid after finish().
    // mime::octet_hazard() finds nothing in the body.
    [[nodiscard]] bool body_is_clean() const { return clean_; }
    // Of this header followed by the body; nullptr when that was not computed.
    [[nodiscard]] const std::string* digest_of(const std::string& header, cms::Digest digest) const;

private:
    std::string header_;
    cms::Digest algorithm_;
    cms::RunningDigest running_;
    mime::HazardScan scan_;
    bool clean_ = true;
    std::string digest_;
};

}  // namespace gateway
