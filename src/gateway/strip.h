// Taking a signature off and putting the signed entity in its place (semantics C).
#pragma once

#include <string>

#include "gateway/message.h"
#include "gateway/rewrite.h"
#include "gateway/verify.h"

namespace gateway
{

// The entity inside the outermost layer (and inside further layers as long as
// they passed) becomes the body; only its Content-* fields come back to the
// header.  With `any`, the outermost layer goes whatever its verdict is.  An
// error says why the message has to stay as it is.  The result borrows from
// `message` and `verdict`.
[[nodiscard]] tl::expected<Rewrite, std::string> strip_signature(const Message& message,
                                                                 const Verdict& verdict, bool any);

}  // namespace gateway
