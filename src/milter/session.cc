#include "milter/session.h"

#include <exception>
#include <optional>
#include <variant>

#include "gateway/split.h"
#include "milter/apply.h"
#include "milter/envelope.h"
#include "milter/hand_over.h"

namespace milter
{
namespace
{

using Steady = std::chrono::steady_clock;

// The MTA gives us minutes (Postfix 300 s, renewed by progress()); lookups must
// have given up long before.
constexpr auto longest_processing = std::chrono::seconds(120);

// HeaderDecision::weight says why it is what it is.
constexpr std::uint64_t working_memory(std::uint64_t held, unsigned weight) { return held * weight; }

// A message whose turn has not come again: nothing more is computed for it.
class LeftOut final : public std::exception
{
};

// Of the new body, until the MTA has it.  A generator may hold all that was worked with.
std::uint64_t memory_of(const gateway::Outcome& outcome, std::uint64_t working)
{
    std::uint64_t octets = outcome.hand_over ? outcome.hand_over->octets.size() : 0;
    for (const auto& piece : outcome.body) {
        if (std::holds_alternative<gateway::Generator>(piece)) return working;
        if (const auto* own = std::get_if<std::string>(&piece)) octets += own->size();
    }
    return octets;
}

// What happens to a message that never got as far as a decision.
gateway::Outcome postponed(std::string reason, base::Level level, std::optional<gateway::Stage> failed)
{
    gateway::Outcome outcome;
    outcome.action = gateway::Action::tempfail;
    outcome.level = level;
    outcome.failed = failed;
    outcome.facts = {{"action", "tempfail", false}, {"status", "451 4.3.2", false}};
    outcome.facts.push_back({"reason", std::move(reason), false});
    return outcome;
}

}  // namespace

// Dies as a whole, so that nothing of a message can survive it.
struct Session::Passing {
    Passing(Runtime& runtime, gateway::Envelope from) : Passing(runtime, std::move(from), runtime.in_force())
    {
    }
    Passing(Runtime& runtime, gateway::Envelope from, InForce in_force)
        : snapshot(std::move(in_force.snapshot)),
          hits(std::move(in_force.hits)),
          envelope(std::move(from)),
          share(runtime.admission),
          counted(runtime.messages)
    {
    }

    std::shared_ptr<const gateway::Snapshot> snapshot;
    std::shared_ptr<const RuleHits> hits;
    gateway::Envelope envelope;
    Admission::Share share;  // before the octets it accounts for, so that it goes after them
    gateway::MessageBuilder builder;
    std::uint64_t envelope_octets = 0;
    bool keeps_body = true;
    unsigned weight = 1;  // of the work, in sizes of the message
    Trouble trouble = Trouble::none;
    Counted counted;
    std::optional<Counted> receiving;
};

Session::Session(Runtime& runtime) : runtime_(runtime), counted_(runtime.connections) {}
Session::~Session() = default;

void Session::connect(std::string client_name, std::string client_address)
{
    abort();
    client_name_ = std::move(client_name);
    client_address_ = std::move(client_address);
    lost_client_.reset();
}

void Session::mail_from(std::string_view address, const Mta& mta)
{
    abort();
    passing_ =
        std::make_unique<Passing>(runtime_, begin_envelope(client_address_, client_name_, address, mta));
    if (runtime_.draining()) passing_->trouble = Trouble::draining;
    if (lost_client_) fail(*lost_client_);
}

void Session::recipient(std::string_view as_given)
{
    if (!passing_ || passing_->trouble != Trouble::none) return;
    passing_->envelope.recipients.emplace_back(without_brackets(as_given));
    passing_->envelope.recipients_as_given.emplace_back(as_given);
    passing_->envelope_octets += 2 * as_given.size() + 2 * sizeof(std::string);
    charge(*passing_);
}

void Session::field(std::string_view name, std::string_view value)
{
    if (!passing_ || passing_->trouble != Trouble::none) return;
    if (!passing_->receiving) passing_->receiving.emplace(runtime_.receiving);
    if (!passing_->builder.add_field(name, value)) return stumble(*passing_, Trouble::memory);
    charge(*passing_);
}

void Session::body(base::Octets chunk)
{
    if (!passing_ || passing_->trouble != Trouble::none) return;
    auto& passing = *passing_;
    if (passing.keeps_body && passing.builder.size() + chunk.size() >
                                  gateway::largest_message(passing.envelope, passing.snapshot->config))
        drop_body(passing, gateway::BodyState::too_large);
    // Asked for before it is taken: the cap holds for every moment.
    if (passing.keeps_body &&
        !passing.share.grow_to(passing.envelope_octets + passing.builder.held() + chunk.size()))
        return stumble(passing, Trouble::full);
    if (!passing.builder.add_body(chunk)) stumble(passing, Trouble::memory);
}

Answer Session::end_of_header(Mta& mta)
{
    began_ = Steady::now();
    if (!passing_) return refuse(Trouble::no_message, mta);
    auto& passing = *passing_;
    if (passing.trouble == Trouble::none && !passing.receiving) passing.receiving.emplace(runtime_.receiving);
    passing.envelope.queue_id = mta.macro("i");
    if (passing.trouble == Trouble::none && !passing.builder.end_header()) stumble(passing, Trouble::memory);
    if (passing.trouble != Trouble::none) return refuse(passing.trouble, mta);

    auto decision =
        gateway::at_end_of_header(passing.envelope, passing.builder.header_view(), *passing.snapshot);
    switch (decision.need) {
        case gateway::Need::body:
            passing.weight = decision.weight;
            passing.builder.watch(std::move(decision.arrival));
            break;
        case gateway::Need::header_only: drop_body(passing, gateway::BodyState::not_needed); break;
        case gateway::Need::nothing:
            report(passing.envelope, decision.outcome);
            passing_.reset();
            return Answer::accept;
    }
    return Answer::proceed;
}

Answer Session::end_of_message(Mta& mta)
{
    began_ = Steady::now();
    if (!passing_) return refuse(Trouble::no_message, mta);
    if (const std::string id = mta.macro("i"); !id.empty()) passing_->envelope.queue_id = id;
    if (passing_->trouble != Trouble::none) return refuse(passing_->trouble, mta);
    const Answer answer = process(mta);
    passing_.reset();
    return answer;
}

Answer Session::process(Mta& mta)
{
    auto& passing = *passing_;
    auto told = began_;
    bool is_wanted = true;
    const auto progress = [&told, &is_wanted, &mta] {
        const auto now = Steady::now();
        if (now - told < std::chrono::seconds(1)) return is_wanted;
        told = now;
        is_wanted = mta.progress();
        return is_wanted;
    };
    const auto working = working_memory(passing.builder.held(), passing.weight);
    auto slot =
        runtime_.admission.enter(passing.share, working, Steady::now() + runtime_.longest_wait, progress);
    if (!slot) return refuse(is_wanted ? Trouble::busy : Trouble::abandoned, mta);

    auto envelope = std::move(passing.envelope);
    passing.envelope.queue_id = envelope.queue_id;  // all that lose() needs
    const auto message = passing.builder.finish(std::move(envelope));
    gateway::World world;
    world.clock = &runtime_.clock;
    world.random = &runtime_.random;
    world.progress = [&progress] { (void)progress(); };
    // Who is slow to answer must not keep those from computing who ask him nothing.
    world.waiting = [&] {
        slot.pause();
        mta.computes(false);
        (void)progress();
    };
    world.resume = [&] {
        const bool granted =
            slot || runtime_.admission.resume(slot, Steady::now() + runtime_.longest_wait, progress);
        mta.computes(true);
        if (!granted) throw LeftOut();
    };
    world.deadline = Steady::now() + longest_processing;
    world.revocation = &runtime_.revocation;
    world.failures = &runtime_.failures;
    world.sources = &runtime_.sources;
    gateway::Outcome outcome;
    try {
        outcome = gateway::process(message, *passing.snapshot, world);
    } catch (const LeftOut&) {
        passing.envelope = message.envelope;
        return refuse(is_wanted ? Trouble::busy : Trouble::abandoned, mta);
    }
    // The MTA may be slow to take a new body; others can compute meanwhile.
    slot.finish(memory_of(outcome, working));

    if (outcome.hand_over) {
        const Answer answer = hand_over(outcome, mta, progress);
        report(message.envelope, outcome, message.size());
        return answer;
    }
    const Applied applied = apply(outcome, message, mta);
    if (!applied.failure.empty()) {
        outcome = postponed(applied.failure, base::Level::error, gateway::Stage::edit);
        (void)mta.set_reply(
            temporary_reply("451", "4.3.2", "the message could not be edited, try again later"));
    }
    report(message.envelope, outcome, message.size());
    if (outcome.lesson) runtime_.harvester.learn(std::move(*outcome.lesson));
    return applied.answer;
}

// The MTA answers its client when this comes back: with 250 only when it has all copies.
Answer Session::hand_over(gateway::Outcome& outcome, Mta& mta, const std::function<bool()>& progress)
{
    using End = HandingOver::End;
    mta.computes(false);
    const auto done = milter::hand_over(*outcome.hand_over, runtime_.handed_over, runtime_.clock, progress);
    mta.computes(true);
    outcome.hand_over.reset();
    if (!done.warning.empty()) runtime_.log.write(base::Level::warning, "[split]: " + done.warning);
    const auto tell = [&](const char* key, unsigned number) {
        if (number > 0) outcome.facts.push_back({key, std::to_string(number), false});
    };
    if (done.end != End::all) {
        auto facts = std::move(outcome.facts);
        outcome = postponed(done.reason, base::Level::warning, gateway::Stage::split);
        if (done.end == End::never) {
            outcome.action = gateway::Action::reject;
            outcome.facts[0].value = "reject";
            outcome.facts[1].value = "550 5.3.0";
        }
        // Whose message it was stays.
        for (auto& fact : facts)
            if (fact.key != "action" && fact.key != "status" && fact.key != "reason")
                outcome.facts.push_back(std::move(fact));
    }
    tell("given", done.given);
    tell("given_earlier", done.given_earlier);
    if (done.end == End::all) return Answer::discard;
    if (done.end == End::never) {
        (void)mta.set_reply(permanent_reply("550", "5.3.0", "this message is refused for " + done.refused));
        return Answer::reject;
    }
    (void)mta.set_reply(temporary_reply(
        "451", "4.3.2", "not all copies of this message could be handed over, try again later"));
    return Answer::tempfail;
}

void Session::abort()
{
    const auto ended = std::move(passing_);
    if (ended && ended->receiving)
        runtime_.log.record(base::Level::debug, base::LogLine::about(ended->envelope.queue_id)
                                                    .say("aborted by the MTA after " +
                                                         std::to_string(ended->builder.size()) + " octets"));
}

void Session::lose(Fault fault)
{
    // Gone whether or not there is memory to report it.
    const auto lost = std::move(passing_);
    if (lost)
        report(lost->envelope, postponed(fault == Fault::memory ? "out of memory" : "internal error",
                                         base::Level::error, gateway::Stage::internal));
}

void Session::fail(Fault fault)
{
    if (passing_) stumble(*passing_, fault == Fault::memory ? Trouble::memory : Trouble::bug);
}

void Session::lose_client(Fault fault)
{
    client_name_.clear();
    client_address_.clear();
    lost_client_ = fault;
    fail(fault);
}

// From here on the body is counted, not kept.  (SMFIS_SKIP would spare the MTA
// the sending, but it is an answer to a body chunk, and we have asked the MTA not
// to wait for those: callbacks.cc.)
void Session::drop_body(Passing& passing, gateway::BodyState why)
{
    passing.builder.drop_body(why);
    passing.keeps_body = false;
    passing.share.shrink_to(passing.envelope_octets + passing.builder.held());
}

void Session::charge(Passing& passing)
{
    if (!passing.share.grow_to(passing.envelope_octets + passing.builder.held()))
        stumble(passing, Trouble::full);
}

// The message will be refused; what it held is free for others from now on.
void Session::stumble(Passing& passing, Trouble trouble)
{
    passing.trouble = trouble;
    passing.builder = gateway::MessageBuilder();
    passing.envelope.recipients.clear();
    passing.envelope.recipients_as_given.clear();
    passing.share.release();
}

Answer Session::refuse(Trouble trouble, Mta& mta)
{
    constexpr const char* too_much = "too much mail at once, try again later";
    const char* text = "try again later";
    using gateway::Stage;
    auto outcome = postponed("internal error", base::Level::error, Stage::internal);
    const auto because = [&](const char* reason, base::Level level, std::optional<Stage> failed) {
        outcome = postponed(reason, level, failed);
    };
    switch (trouble) {
        case Trouble::full:
            because("too much mail in flight (max_in_flight)", base::Level::warning, Stage::admission);
            text = too_much;
            break;
        case Trouble::busy:
            because("waited in vain for a turn (crypto_slots, max_in_flight)", base::Level::warning,
                    Stage::admission);
            text = too_much;
            break;
        case Trouble::abandoned:
            because("the MTA no longer waits for an answer", base::Level::warning, Stage::admission);
            text = too_much;
            break;
        case Trouble::memory: because("out of memory", base::Level::error, Stage::receive); break;
        case Trouble::draining:
            because("the daemon is being stopped", base::Level::notice, std::nullopt);
            text = "the mail filter is being restarted, try again later";
            break;
        case Trouble::no_message:
            because("the MTA ended a message that it did not begin", base::Level::error, Stage::receive);
            break;
        case Trouble::none:
        case Trouble::bug: break;
    }
    (void)mta.set_reply(temporary_reply("451", "4.3.2", text));
    if (passing_) {
        auto& envelope = passing_->envelope;
        envelope.queue_id = mta.macro("i");
        outcome.facts.push_back({"sender", envelope.mail_from, true});
        if (!envelope.client.empty()) outcome.facts.push_back({"client", envelope.client, false});
        if (!envelope.login.empty()) outcome.facts.push_back({"login", envelope.login, false});
    }
    report(passing_ ? passing_->envelope : gateway::Envelope{}, outcome);
    passing_.reset();
    return Answer::tempfail;
}

void Session::report(const gateway::Envelope& envelope, const gateway::Outcome& outcome,
                     std::optional<std::uint64_t> octets)
{
    const auto spent = std::chrono::duration_cast<std::chrono::microseconds>(Steady::now() - began_);
    runtime_.meter.count(outcome, passing_ ? passing_->hits.get() : nullptr, spent, octets);
    auto line = gateway::log_record(envelope, outcome);
    line.number("ms", spent.count() / 1000);
    runtime_.log.record(outcome.level, line);
    if (const auto* id = outcome.fact("message-id")) runtime_.recent.add(*id, std::move(line));
}

}  // namespace milter
