// Recipients that need different copies: the message goes through the MTA once
// more, for each recipient apart (smime-milter.conf(5), "Splitting").
//
// On its way it is sealed: only we can open it, and if it should ever leave by
// mistake, nobody can read it.  With it travels what decides about it: the login,
// the client and the listener that it came from.
#pragma once

#include "gateway/case.h"

namespace gateway
{

// With this field the MTA's milter_header_checks know what has to come back.
inline constexpr const char* split_field = "X-SMIME-Split";

// Does the plan need copies that differ, or is one certificate or reader too many?
[[nodiscard]] bool needs_split(const Case& c, const World& world);

// At the entrance: seals the message, or refuses it at once where a copy would
// have to be encrypted and cannot be.
void split(const Case& c, const Message& message, const World& world, Outcome& outcome, Report& report);

// Where the copies come back.
[[nodiscard]] bool is_reentry(const Envelope& envelope, const policy::Config& config);

// With [split] hand_over: does it look like a copy that we have given to the wrong listener?
[[nodiscard]] bool is_astray(const Envelope& envelope, const mime::Header& header,
                             const policy::Config& config);

// The message as it was at the entrance, with this copy's recipients; and edits that
// remove the DKIM signatures it got on its way, which hold for what was sealed only.
struct Returned {
    std::shared_ptr<const Message> message;
    std::vector<HeaderEdit> stale;
};
// What was not sealed here, or long ago, or has another author now, is an error.
[[nodiscard]] base::Result<Returned> returned(const Message& message, const Snapshot& snapshot,
                                              base::Time now);

// Octets that a message may have where it comes in: more where it is sealed.
[[nodiscard]] std::uint64_t largest_message(const Envelope& envelope, const policy::Config& config);

}  // namespace gateway
