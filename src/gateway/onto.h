// Working on what a message is made of inside: a message of its own is made of
// it, processed like any other, and the result is brought back to the message
// that the MTA has.
#pragma once

#include <memory>

#include "gateway/message.h"
#include "gateway/outcome.h"
#include "gateway/rewrite.h"

namespace gateway
{

// `message` as `rewrite` would leave it.
[[nodiscard]] base::Result<std::shared_ptr<const Message>> rewritten(const Message& message,
                                                                     const Rewrite& rewrite,
                                                                     Envelope envelope);

// An outcome for `message` after which it is what `outcome` makes of `inner`, a
// rewritten() message.  Their fields differ in Content-* and MIME-Version only, and
// in fields that `message` does not have.  Facts, reply and action are those of
// `outcome`; what it borrows from `inner` is kept alive.
[[nodiscard]] Outcome onto(const Message& message, const std::shared_ptr<const Message>& inner,
                           Outcome outcome);

}  // namespace gateway
