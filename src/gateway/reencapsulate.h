// Clear signatures over content that does not travel become opaque ones, with
// the sender's signature untouched (semantics D).
//
// A clear signature over 8-bit text is valid as long as every hop takes 8 bits;
// the first one that does not converts the part and breaks it.  Inside an opaque
// signature the same octets are base64, and no hop has a reason to touch them.
#pragma once

#include <optional>
#include <string>

#include "gateway/message.h"
#include "gateway/rewrite.h"

namespace gateway
{

// Does the message claim to be multipart/signed or opaque-signed as a whole?
// Judged by its header alone.
[[nodiscard]] bool claims_signature(const std::vector<mime::Field>& fields);
[[nodiscard]] bool claims_clear_signature(const std::vector<mime::Field>& fields);

// Why the signed part of a multipart/signed message may not survive the journey:
// "8-bit text", "a line over 988 octets", an "8bit" label in one of its parts
// (Postfix converts by the label, also what is 7-bit).  nullopt: it does, or the
// message is not clear-signed well enough to say.
[[nodiscard]] std::optional<std::string> fragile_signed_part(const Message& message);

// The same signature as application/pkcs7-mime: no key is needed, certificates,
// CRLs and signer infos are copied octet for octet (cms::encapsulate()).  Text
// around the signed part goes.  Every signer is verified in the result, over
// the octets that the clear form covered, before it is returned: trust and
// identity are no question here.  An error says why the message has to stay as
// it is.
[[nodiscard]] tl::expected<Rewrite, std::string> reencapsulate(const Message& message);

}  // namespace gateway
