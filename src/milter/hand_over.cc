#include "milter/hand_over.h"

#include <algorithm>
#include <chrono>

#include "policy/match.h"
#include "store/smtp.h"

namespace milter
{
namespace
{

using Steady = std::chrono::steady_clock;
using End = HandingOver::End;

constexpr std::chrono::seconds for_one(60);
constexpr std::chrono::minutes for_all(5);
constexpr std::size_t longest_reason = 300;

// What could be more than one argument of a command (RFC 5321 section 4.1.2).
bool fit_for_a_command(const std::string& address)
{
    return std::none_of(address.begin(), address.end(), [](char c) {
        return static_cast<unsigned char>(c) <= ' ' || c == '<' || c == '>' || c == 0x7f;
    });
}

void remember(HandingOver& out, base::Result<> written)
{
    if (!written && out.warning.empty()) out.warning = written.error().text();
}

}  // namespace

HandingOver hand_over(const gateway::HandOver& what, HandedOver& memory, const base::Clock& clock,
                      const std::function<bool()>& progress)
{
    HandingOver out;
    const auto until = Steady::now() + for_all;
    bool gone = false;
    const auto go_on = [&] {
        gone = gone || !progress();
        return !gone;
    };
    const auto fails = [&](End end, const std::string& to, const std::string& why) {
        // What may be mended goes before what may not: the rest is tried again.
        if (out.end == End::all || (out.end == End::never && end == End::later)) out.end = end;
        if (out.reason.size() < longest_reason)
            out.reason += (out.reason.empty() ? "" : "; ") + policy::shown(to) + ": " + why;
        if (end == End::never) out.refused += (out.refused.empty() ? "" : ", ") + policy::shown(to);
    };
    for (const auto& copy : what.copies) {
        if (memory.knows(copy.id, clock.now())) {
            ++out.given_earlier;
            continue;
        }
        const auto left = std::chrono::duration_cast<std::chrono::seconds>(until - Steady::now());
        if (left.count() <= 0) {
            fails(End::later, copy.to, "no time left");
            break;
        }
        if (!fit_for_a_command(copy.to) || !fit_for_a_command(what.from)) {
            fails(End::never, copy.to, "an address that SMTP cannot carry");
            continue;
        }
        store::SmtpRequest request;
        request.server = what.server;
        request.from = what.from;
        request.to = copy.to;
        request.octets = what.octets;
        request.use_tls = false;
        request.patience = std::min<std::chrono::seconds>(for_one, left);
        request.go_on = go_on;
        const auto reply = store::smtp_send(request);
        const bool taken = reply && reply->accepted;
        if (taken) {
            ++out.given;
            remember(out, memory.add(copy.id, clock.now(),
                                     what.identified ? HandedOver::longest : HandedOver::for_a_retry));
        }
        if (gone) {
            // Whether this one was taken may not be known.
            out.end = End::abandoned;
            out.reason = "the MTA no longer waits for an answer";
            break;
        }
        if (!reply) {
            fails(End::later, copy.to, reply.error().what);
            break;  // the others would fare no better
        }
        if (!taken) {
            fails(reply->text.starts_with('5') ? End::never : End::later, copy.to, reply->text);
            continue;
        }
    }
    // Once it is done, only a client that has not heard so tries again, and soon: what
    // comes later is sent on purpose.  Two without a Message-ID may be alike and not the
    // same: the next is another.
    if (out.end == End::all && go_on())
        for (const auto& copy : what.copies)
            remember(out, what.identified ? memory.settle(copy.id, clock.now()) : memory.forget(copy.id));
    return out;
}

}  // namespace milter
