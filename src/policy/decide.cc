#include "policy/decide.h"

#include <algorithm>

#include "policy/match.h"
#include "policy/plan.h"

namespace policy
{
namespace
{

RecipientTrace trace_recipient(const Config& config, Matcher& matcher, const std::string& recipient,
                               Trace trace)
{
    RecipientTrace out;
    out.recipient = recipient;
    // Who wants to see everything gets the reason of each rule that was tried.
    const RulePlaces places = trace == Trace::full ? matcher.all() : matcher.that_may_match(recipient);
    for (const std::size_t i : places) {
        const Rule& rule = config.rules[i];
        const auto& message = matcher.message(i);
        const bool fits = message.match != Match::no && Matcher::recipient_matches(rule, recipient);
        const Match match = fits ? message.match : Match::no;
        if (trace == Trace::full) {
            auto why = message.why;
            if (message.match != Match::no) {
                const auto more = Matcher::recipient_why(rule, recipient, fits);
                if (!fits)
                    why = more;
                else if (!more.empty())
                    why += (why.empty() ? "" : ", ") + more;
                if (why.empty()) why = "no conditions";
            }
            out.tried.push_back({&rule, match, std::move(why)});
        }
        if (match == Match::maybe) out.undecided = true;
        if (match == Match::yes) {
            out.rule = &rule;
            break;
        }
    }
    return out;
}

// Rules whose keywords in the Subject count: who writes one means every recipient, also
// those to whom another rule applies.  A keyword that is overlooked leaves in clear.
std::vector<const Rule*> asking_rules(const Config& config, Matcher& matcher)
{
    std::vector<const Rule*> out;
    for (const std::size_t i : config.rule_index.asking)
        if (matcher.message(i).match != Match::no) out.push_back(&config.rules[i]);
    return out;
}

// A rule that signs, and whose conditions hold but for the right direction or a
// certain author: whoever expects a signature is told what is missing.
std::string near_miss(const Config& config, Matcher& matcher, const Facts& facts, const Decision& decision)
{
    using Failed = Matcher::Failed;
    for (const std::size_t i : intersection(config.rule_index.signing, matcher.that_may_match_author())) {
        const auto& answer = matcher.message(i);
        if (answer.failed == Failed::author && decision.direction.direction != Direction::incoming)
            return mime::describe(facts.author.status);
        // Mail from outside is no news, unless it has one of our authors.
        if (answer.failed == Failed::direction && decision.direction.direction == Direction::incoming &&
            (answer.names_author || decision.plan.rule == nullptr))
            return decision.direction.why;
    }
    return {};
}

}  // namespace

DirectionResult direction_of(const Config& config, const Facts& facts)
{
    DirectionResult out{Direction::outgoing, {}};
    const auto client = facts.client.empty() ? "client of unknown address" : "client " + shown(facts.client);
    if (!facts.login.empty()) {
        out.why = "the client has logged in as " + shown(facts.login);
    } else if (any_contains(config.internal_hosts, facts.client)) {
        out.why = client + " is in internal_hosts";
    } else {
        const auto& naming = config.rule_index.naming_clients;
        const auto named = std::find_if(naming.begin(), naming.end(), [&](std::size_t i) {
            return any_contains(config.rules[i].client, facts.client);
        });
        if (named == naming.end())
            return {Direction::incoming, client + " is not internal and not authenticated"};
        out.why = client + " is named by [rule " + config.rules[*named].name + "]";
    }
    const bool local =
        !facts.recipients.empty() && std::all_of(facts.recipients.begin(), facts.recipients.end(),
                                                 [&](const std::string& r) { return config.is_local(r); });
    if (local) {
        out.direction = Direction::internal;
        out.why += ", and every recipient is in local_domains";
    }
    return out;
}

Decision decide(const Config& config, const Facts& facts, Trace trace)
{
    Decision decision;
    decision.direction = direction_of(config, facts);
    Matcher matcher(config, facts, decision.direction);
    decision.recipients.reserve(facts.recipients.size());
    for (const auto& recipient : facts.recipients)
        decision.recipients.push_back(trace_recipient(config, matcher, recipient, trace));
    combine(config, facts, asking_rules(config, matcher), decision);
    auto& plan = decision.plan;
    if (plan.sign_rule != nullptr)
        plan.authority = authority_for(config, facts, *plan.sign_rule);
    else if (plan.no_sign_reason.empty())
        plan.no_sign_reason = near_miss(config, matcher, facts, decision);
    return decision;
}

bool Decision::nothing_to_do() const
{
    return std::all_of(recipients.begin(), recipients.end(),
                       [](const RecipientTrace& r) { return r.rule == nullptr && !r.undecided; });
}

const char* name(Direction d)
{
    switch (d) {
        case Direction::incoming: return "incoming";
        case Direction::outgoing: return "outgoing";
        case Direction::internal: return "internal";
        case Direction::any: return "any";
    }
    return "?";
}

const char* name(SignForm f)
{
    switch (f) {
        case SignForm::no: return "no";
        case SignForm::clear: return "clear";
        case SignForm::opaque: return "opaque";
    }
    return "?";
}

const char* name(Strip s)
{
    switch (s) {
        case Strip::never: return "never";
        case Strip::valid: return "valid";
        case Strip::any: return "any";
    }
    return "?";
}

const char* name(Encrypt e)
{
    switch (e) {
        case Encrypt::no: return "no";
        case Encrypt::never: return "never";
        case Encrypt::on_request: return "on_request";
        case Encrypt::opportunistic: return "opportunistic";
        case Encrypt::mandatory: return "mandatory";
    }
    return "?";
}

const char* name(AlreadySigned a)
{
    switch (a) {
        case AlreadySigned::keep: return "keep";
        case AlreadySigned::opaque: return "opaque";
        case AlreadySigned::strip: return "strip";
        case AlreadySigned::resign: return "resign";
    }
    return "?";
}

const char* name(EightBitSigned e)
{
    switch (e) {
        case EightBitSigned::pass: return "pass";
        case EightBitSigned::opaque: return "opaque";
        case EightBitSigned::strip: return "strip";
        case EightBitSigned::resign: return "resign";
        case EightBitSigned::reject: return "reject";
    }
    return "?";
}

const char* name(OnResult r)
{
    switch (r) {
        case OnResult::accept: return "accept";
        case OnResult::mark: return "mark";
        case OnResult::tag: return "tag";
        case OnResult::quarantine: return "quarantine";
        case OnResult::reject: return "reject";
    }
    return "?";
}

}  // namespace policy
