// Header fields inside what is encrypted (RFC 9788).
#pragma once

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

}  // namespace gateway
