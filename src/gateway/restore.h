// Bringing back what a signature or an envelope enclosed (semantics C.3, E.6).
#pragma once

#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "gateway/message.h"
#include "gateway/rewrite.h"

namespace gateway
{

// The rewrite after which the message is what `entity` (header, empty line, body)
// says.  Of its header only the Content-* fields come back, in bounds: anything
// else would let a sender write the fields of the message.  What SMTP cannot
// carry (NUL, bare CR or LF, long lines, binary) is encoded as
// mime::to_seven_bit() does.
//
// `owner` keeps the octets of `entity`; without one they are the message's.  The
// error is a phrase that begins with `what` ("the signed part").
[[nodiscard]] tl::expected<Rewrite, std::string> restore(const Message& message, base::Octets entity,
                                                         const std::shared_ptr<const std::string>& owner,
                                                         const std::string& what);

}  // namespace gateway
