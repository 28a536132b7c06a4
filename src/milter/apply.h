// Carries an Outcome out: the only code that edits the MTA's copy.
#pragma once

#include <string>

#include "gateway/message.h"
#include "gateway/outcome.h"
#include "milter/mta.h"

namespace milter
{

struct Applied {
    Answer answer = Answer::accept;
    std::string failure;  // what could not be done, "" when all was; the answer is then tempfail
};

// Order: header fields as listed, recipients, quarantine, then the body in one
// uninterrupted run (Postfix refuses a body edit after anything else in
// between), then the answer.  Each call is checked, and after the first failure
// the answer is a temporary failure: the MTA then drops what was edited.
[[nodiscard]] Applied apply(const gateway::Outcome& outcome, const gateway::Message& message, Mta& mta);

}  // namespace milter
