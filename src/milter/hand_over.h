// Gives the copies of a split message to the MTA, over SMTP, before the message itself is
// answered (smime-milter.conf(5), "Splitting").
//
// What is promised.  Only when the MTA has taken every copy is the message discarded, so
// none is lost.  If one is not taken, the message is refused as a whole, and nothing
// goes in clear: each copy is sealed.  A copy that was taken is remembered before the
// next is tried, and not given again when the same message comes again.
#pragma once

#include <functional>
#include <string>

#include "base/clock.h"
#include "gateway/outcome.h"
#include "milter/handed_over.h"

namespace milter
{

struct HandingOver {
    enum class End {
        all,        // each copy is with the MTA
        later,      // some are not, and may be taken when the message comes again
        never,      // the MTA refuses some for good
        abandoned,  // nobody waits for the answer any more
    } end = End::all;
    std::string reason;          // for the log: whose copy, and what the MTA said
    std::string refused;         // `never`: the recipients, for the sender
    unsigned given = 0;          // now
    unsigned given_earlier = 0;  // and left out
    std::string warning;         // what could not be remembered beyond our end
};

// Waits: a minute at most for each copy, five for all.  `progress` is called about once a
// second; false from it ends the wait.
[[nodiscard]] HandingOver hand_over(const gateway::HandOver& what, HandedOver& memory,
                                    const base::Clock& clock, const std::function<bool()>& progress);

}  // namespace milter
