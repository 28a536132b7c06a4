// Whose signature is it?  Compared with the From field (RFC 8550 section 3,
// semantics B.2 steps 16 and 17).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gateway/verify.h"
#include "mime/address.h"

namespace gateway
{

// Who the message says has written it.
struct Claimant {
    mime::AuthorStatus status = mime::AuthorStatus::missing;
    std::string address;               // the only mailbox of the only From field
    std::string sender;                // of the Sender field, when there is one
    std::optional<std::string> shown;  // another address inside From's display name or comment
    bool strict = false;               // then `shown` is a finding
    std::function<bool(const std::string&, const std::string&)> speaks_for;   // of VerifyRequest
    std::function<bool(const cms::Certificate&, const std::string&)> pinned;  // likewise
    bool accept_sender = false;                                               // then `sender` will do
};
[[nodiscard]] Claimant claimant_of(const std::vector<mime::Field>& fields, const VerifyRequest& request);

// Chooses the signer that decides, and adds its findings and those of identity:
// one broken signer spoils the layer; else the one that is trusted and is the
// author counts and the others are comments (semantics B.2, "Multiple signers").
void judge_identity(Layer& layer, const Claimant& claimant);

}  // namespace gateway
