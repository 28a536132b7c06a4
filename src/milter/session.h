// One connection of the MTA, and the message that is passing over it.
//
// Translates callbacks into a gateway::Message and an Outcome into an answer;
// it decides nothing.  It knows nothing of libmilter, so that tests can drive it.
//
// Calls for one session never overlap but come from different threads.  Several
// messages pass over one connection; whatever ends one (end-of-message, accept
// at end-of-header, abort, a new MAIL, close) leaves nothing of it behind.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/process.h"
#include "milter/mta.h"
#include "milter/runtime.h"

namespace milter
{

class Session
{
public:
    explicit Session(Runtime& runtime);
    ~Session();

    void connect(std::string client_name, std::string client_address);

    // None of these can refuse: the MTA was asked not to wait for an answer.
    // What goes wrong is kept and answered at end-of-header or end-of-message.
    void mail_from(std::string_view address, const Mta& mta);
    void recipient(std::string_view as_given);
    void field(std::string_view name,
               std::string_view value);  // value with its leading blank, folded with LF
    void body(base::Octets chunk);

    [[nodiscard]] Answer end_of_header(Mta& mta);
    [[nodiscard]] Answer end_of_message(Mta& mta);

    void abort();
    // A callback threw: the message must not pass as if nothing had happened.
    enum class Fault { bug, memory };
    void fail(Fault fault);
    // connect() threw: no message of this client may pass as that of somebody else.
    void lose_client(Fault fault);
    // The same where the MTA is told at once that it has to try again later.
    void lose(Fault fault);

private:
    struct Passing;  // the message that is passing
    enum class Trouble {
        none,
        no_message,
        full,       // over max_in_flight
        busy,       // waited in vain for a turn
        abandoned,  // the MTA gave up while we waited
        memory,
        draining,
        bug
    };

    static void drop_body(Passing& passing, gateway::BodyState why);
    static void charge(Passing& passing);
    static void stumble(Passing& passing, Trouble trouble);
    [[nodiscard]] Answer refuse(Trouble trouble, Mta& mta);
    [[nodiscard]] Answer process(Mta& mta);
    Answer hand_over(gateway::Outcome& outcome, Mta& mta, const std::function<bool()>& progress);
    // `octets`: of the message, where all of it was seen.
    void report(const gateway::Envelope& envelope, const gateway::Outcome& outcome,
                std::optional<std::uint64_t> octets = std::nullopt);

    Runtime& runtime_;
    Counted counted_;
    std::string client_name_, client_address_;
    std::optional<Fault> lost_client_;
    std::unique_ptr<Passing> passing_;
    std::chrono::steady_clock::time_point began_;  // of the callback that answers
};

}  // namespace milter
