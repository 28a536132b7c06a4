// Header fields inside what is encrypted (RFC 9788).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/message.h"
#include "gateway/outcome.h"
#include "gateway/verify.h"

namespace gateway
{

// On receipt: edits that show what an envelope hid.  Subject, Keywords and Comments
// only, when the outer Subject hides it ("[...]", "..." or none), the encrypted
// entity says hp="cipher" and names the same author as the message, and its
// signature, if there is one, passes (RFC 9788 sections 4.4 and 10.1).  `verdict` is
// that on the decrypted message, `entity` what came out of the envelope.
[[nodiscard]] std::vector<HeaderEdit> promote(const Message& message, base::Octets entity,
                                              const Verdict& verdict);

// On sending, what hcp_baseline makes of a message that is going to be encrypted
// (RFC 9788 sections 3.2.1 and 5.2).
struct Protected {
    // With hp="cipher", and the Subject at the beginning of what is shown, for
    // programs that do not know header protection (its "legacy display").
    std::shared_ptr<const Message> message;
    std::string fields;               // go inside, before the Content-* fields
    std::vector<HeaderEdit> outside;  // hide what is not to be seen there
};
// `subject`: instead of the one that the message has.  An error: it stays as it is, for
// it says something about header protection itself.
[[nodiscard]] base::Result<Protected> protect(const Message& message,
                                              const std::optional<std::string>& subject);

}  // namespace gateway
