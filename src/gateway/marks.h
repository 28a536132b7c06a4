// What recipients see of a verdict besides Authentication-Results.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gateway/outcome.h"
#include "gateway/verify.h"
#include "mime/header.h"

namespace gateway
{

// Edits that remove every X-SMIME-* field and, from a client that is no trusted
// relay, every forged Authentication-Results field, or more of them as `what` says;
// highest index first.
[[nodiscard]] std::vector<HeaderEdit> remove_forged(
    const std::vector<mime::Field>& fields, std::string_view authserv_id, bool trusted_relay,
    policy::ResultsRemoval what = policy::ResultsRemoval::smime);

// "X-SMIME-Result: fail (body hash mismatch)"
[[nodiscard]] HeaderEdit result_field(const Verdict& verdict);

// "X-SMIME-Signer: alice@example.org", nullopt when the signer has no address;
// and with X-SMIME-Issuer, X-SMIME-Serial and X-SMIME-Fingerprint.  Text of
// certificates is cut, printable ASCII only, and cannot begin a field.
[[nodiscard]] std::optional<HeaderEdit> signer_field(const Verdict& verdict);
[[nodiscard]] std::vector<HeaderEdit> signer_fields(const Verdict& verdict);

// The Subject with a tag such as "[signature invalid]" in front; look-alikes of
// our tags, also hidden in encoded-words, are removed first, from every further
// Subject too.  The first edit is the one with the tag.
[[nodiscard]] std::vector<HeaderEdit> tag_subject(const std::vector<mime::Field>& fields,
                                                  std::string_view tag);

}  // namespace gateway
