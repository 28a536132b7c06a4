// Message in, Outcome out.  Same input, same Outcome: no libmilter, no syslog,
// no time(), no rand().  `smimectl process` and the daemon call exactly this.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "gateway/failure_limit.h"
#include "gateway/message.h"
#include "gateway/outcome.h"
#include "gateway/snapshot.h"
#include "store/revocation_fetcher.h"
#include "store/sources.h"

namespace gateway
{

// Whatever process() needs from outside.  Borrowed; must outlive the call.
struct World {
    const base::Clock* clock = nullptr;
    base::Random* random = nullptr;
    // Called now and then during long work; tells the MTA that we are alive.
    std::function<void()> progress;
    // Called instead of that while nothing is computed because an answer is waited for,
    // and `resume` once it is there, waited for or not: others may compute meanwhile.  What
    // `resume` throws ends process().
    std::function<void()> waiting{}, resume{};
    [[nodiscard]] store::Meanwhile meanwhile() const { return {waiting ? waiting : progress, resume}; }
    std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
    // Asked when the configuration wants CRLs fetched or OCSP; without it the
    // status of a certificate is then unknown.
    store::RevocationFetcher* revocation = nullptr;
    // Where failed decryptions are counted; without it they are not.
    FailureLimit* failures = nullptr;
    // Asks the sources of [certificates] that have to be waited for; without it they
    // are passed over.
    store::Sources* sources = nullptr;
};

// At end-of-header: does anything need the body?
enum class Need {
    nothing,      // accept now: no rule can apply, no field has to go
    header_only,  // edits need end-of-message, but the body's octets do not matter
    body,
};
struct HeaderDecision {
    Need need = Need::body;
    Outcome outcome;                   // when need == nothing: facts for the log line
    unsigned weight = 1;               // with the body: how many times its size the work takes beside it
    std::unique_ptr<Arrival> arrival;  // with the body: what would like to see it come; may be null
};
[[nodiscard]] HeaderDecision at_end_of_header(const Envelope& envelope, const mime::Header& header,
                                              const Snapshot& snapshot);

// A message over max_message_size (BodyState::too_large) passes unprocessed with
// the reason, forged results removed, or is refused when a signature or encryption
// that a rule demands is at stake.
[[nodiscard]] Outcome process(const Message& message, const Snapshot& snapshot, const World& world);

}  // namespace gateway
