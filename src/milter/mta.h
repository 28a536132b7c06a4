// The other side of one connection: what a session asks of the MTA.
//
// callbacks.cc implements it with libmilter; tests with a recorder.  Calls are
// made from the callback that is running, never from elsewhere.
#pragma once

#include <string>

#include "base/octets.h"
#include "milter/reply.h"

namespace milter
{

class Mta
{
public:
    virtual ~Mta() = default;

    // The value of a macro ("i", "{auth_authen}"), "" when the MTA sent none.
    [[nodiscard]] virtual std::string macro(const char* name) const = 0;

    // "Still at work."  Only at end-of-message and before the first edit of the
    // body.  False: the connection is gone.
    [[nodiscard]] virtual bool progress() = 0;
    // False: from now on somebody else is waited for, and a watchdog need not mind.
    virtual void computes(bool /*yes*/) {}

    // Edits, at end-of-message only.  Values come without the leading blank;
    // the implementation knows whether the MTA wants one.  False: not done.
    [[nodiscard]] virtual bool insert_field(const std::string& name, const std::string& value) = 0;
    [[nodiscard]] virtual bool append_field(const std::string& name, const std::string& value) = 0;
    [[nodiscard]] virtual bool change_field(const std::string& name, int index, const std::string& value) = 0;
    [[nodiscard]] virtual bool remove_field(const std::string& name, int index) = 0;
    [[nodiscard]] virtual bool remove_recipient(const std::string& as_given) = 0;
    // The sender of the envelope again, with parameters of MAIL (RFC 5321) that stand
    // from now on.  An MTA that did not offer that is no failure.
    [[nodiscard]] virtual bool change_sender(const std::string& address, const std::string& parameters) = 0;
    [[nodiscard]] virtual bool quarantine(const std::string& reason) = 0;
    // The next run of the new body.  An empty run makes an empty body.
    [[nodiscard]] virtual bool replace_body(base::Octets run) = 0;

    // The text of the refusal that is about to be returned.
    [[nodiscard]] virtual bool set_reply(const SmtpReply& reply) = 0;
};

// What a callback answers.
// (discard: it is accepted, and goes nowhere.)
enum class Answer { proceed, accept, reject, tempfail, discard };

}  // namespace milter
