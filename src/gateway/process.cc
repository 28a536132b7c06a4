#include "gateway/process.h"

#include <algorithm>
#include <optional>

#include "base/ascii.h"
#include "cms/library.h"
#include "gateway/authentication_results.h"
#include "gateway/case.h"
#include "gateway/enclosed.h"
#include "gateway/entity.h"
#include "gateway/onto.h"
#include "gateway/split.h"
#include "gateway/tnef.h"
#include "gateway/verify.h"

namespace gateway
{
namespace
{

std::string why_nothing(const Case& c)
{
    if (c.plan().rule == nullptr) return "no rule applies";
    return c.plan().no_sign_reason;
}

Outcome too_large(const Case& c)
{
    Outcome outcome;
    Report report;
    const auto outlook = sign_outlook(c);
    const bool at_stake = c.plan().sign_required && outlook.kind != SignOutlook::Kind::not_wanted;
    outcome.level = base::Level::notice;
    if (c.decision.refusal) {
        refuse(outcome, report, Action::reject, "550", "5.7.1", *c.decision.refusal);
        report.reason = *c.decision.refusal;
        finish(outcome, c, std::move(report));
        return outcome;
    }
    if (c.plan().encrypt == policy::Encrypt::mandatory) {
        refuse(outcome, report, Action::reject, "552", "5.3.4",
               "this message must be encrypted and is too large for that");
    } else if (at_stake) {
        refuse(outcome, report, Action::reject, "552", "5.3.4",
               "this message must be signed and is too large for that");
    } else if (c.plan().verify && c.plan().require_signature) {
        refuse(outcome, report, Action::reject, "552", "5.3.4",
               "this message must have a signature and is too large to verify it");
    } else {
        outcome.header = c.forged();
    }
    report.reason =
        "larger than max_message_size (" + std::to_string(c.snapshot.config.max_message_size) + " octets)";
    finish(outcome, c, std::move(report));
    return outcome;
}

// The body is not there or not wanted: only the header can be mended, or the
// message refused.
Outcome header_only(const Case& c)
{
    Outcome outcome;
    Report report;
    report.reason = why_nothing(c);
    if (c.decision.refusal) {
        refuse(outcome, report, Action::reject, "550", "5.7.1", *c.decision.refusal);
        report.reason = *c.decision.refusal;
        finish(outcome, c, std::move(report));
        return outcome;
    }
    outcome.header = c.forged();
    if (!c.plan().no_tnef_reason.empty() && may_carry_tnef(c.fields))
        report.details.push_back({"tnef", "no: " + c.plan().no_tnef_reason, false});
    const auto outlook = sign_outlook(c);
    if (!outlook.reason.empty()) report.reason = outlook.reason;
    if (outlook.kind == SignOutlook::Kind::refuse) {
        refuse_unsigned(outcome, report, outlook.reason);
    } else if (c.plan().verify) {
        report.action = Done::verify;
        report.status = "none";
        if (c.plan().require_signature) {
            refuse_without_signature(outcome, report, cms::Code::none, "not signed");
        } else if (c.snapshot.config.report_none)
            outcome.header.push_back({HeaderEdit::Kind::insert, "Authentication-Results", 1,
                                      authentication_results(c.authserv_id(), Verdict{})});
    }
    finish(outcome, c, std::move(report));
    return outcome;
}

bool wants_body(const Case& c)
{
    using Kind = SignOutlook::Kind;
    if (std::any_of(c.decision.recipients.begin(), c.decision.recipients.end(),
                    [](const policy::RecipientTrace& r) { return r.undecided; }))
        return true;
    if (c.decision.refusal) return false;
    if (c.plan().encrypt != policy::Encrypt::no) return true;
    if (c.plan().convert_tnef && may_carry_tnef(c.fields)) return true;
    const auto outlook = sign_outlook(c);
    if (outlook.kind == Kind::try_it || outlook.kind == Kind::check_own_signature) return true;
    if (outlook.kind != Kind::refuse && treats_signature(c)) return true;
    return outlook.kind != Kind::refuse && (c.plan().verify || c.plan().decrypt) &&
           may_be_signed(c.fields, c.snapshot.config.judging.accept_octet_stream);
}

// Where what is encrypted is made or opened, or TNEF is converted, there are several
// copies of it at once; so there are of a signature's content, one for each of up to
// five layers.
constexpr unsigned weight_of_encryption = 5;

bool claims_opaque_layer(const std::vector<mime::Field>& fields)
{
    return std::any_of(fields.begin(), fields.end(), [](const mime::Field& f) {
        return base::iequals(f.name, "Content-Type") && claims_opaque(mime::parse_content_type(f.value));
    });
}

// Where the body as it is will probably be signed.
std::unique_ptr<Arrival> arrival_for(const Case& c)
{
    const auto& plan = c.plan();
    if (plan.sign != policy::SignForm::clear || plan.encrypt != policy::Encrypt::no ||
        sign_outlook(c).kind != SignOutlook::Kind::try_it)
        return nullptr;
    auto header = enclosed_header(c.fields);
    return header ? std::make_unique<Arrival>(std::move(*header), plan.sign_rule->digest) : nullptr;
}

// Whatever is done with one message that is neither refused nor split.
void work_on(const Case& c, const Message& message, const Encryption& encryption, const SignOutlook& outlook,
             const World& world, Outcome& outcome, Report& report)
{
    const auto untouched = [&] { return outcome.action == Action::accept && !outcome.replace_body; };
    if (!untouched()) return;
    if (outlook.kind == SignOutlook::Kind::try_it) {
        sign(c, message, world, outcome, report,
             encryption.hidden ? encryption.hidden->fields : std::string());
    } else if (outlook.kind == SignOutlook::Kind::check_own_signature &&
               !is_authors_own(verdict_on(c, message, world))) {
        refuse_unsigned(outcome, report, "it claims a signature of its own that is not valid");
    }
    const auto opening = untouched() ? decrypt(c, message, world, outcome, report) : Opening::no_envelope;
    outcome.confidential = opening != Opening::no_envelope;
    if (opening != Opening::opened && untouched()) {
        std::optional<Case> discreet;
        if (opening == Opening::left) discreet.emplace(c).discreet = true;
        const Case& seen = discreet ? *discreet : c;
        if (seen.plan().verify)
            verify(seen, message, world, outcome, report);
        else if (treats_signature(seen))
            treat_signature(seen, message, verdict_on(seen, message, world), world, outcome, report);
        // Nor may what is found around it be more than can be changed.
        if (seen.discreet && outcome.header.size() > most_edits) {
            outcome.header = c.forged();
            outcome.replace_body = false;
            outcome.body.clear();
            report.action = Done::verify;
        }
    }
    if (outcome.action == Action::accept) encrypt(c, message, encryption, outcome, report);
}

enum class Tnef { look, leave };
Outcome process_one(const Message& message, const Snapshot& snapshot, const World& world,
                    Tnef tnef = Tnef::look);

// Why nothing is converted although the rules would; nullopt when it may be.
std::optional<std::string> unfit_for_conversion(const Case& c)
{
    if (!c.plan().no_tnef_reason.empty()) return c.plan().no_tnef_reason;
    if (c.plan().convert_tnef && c.plan().direction == policy::Direction::incoming)
        return names_a_stranger(c);
    return std::nullopt;
}

// The message with its TNEF made ordinary MIME, as the rules would have it.  Going out
// it is nothing but what a signature or an envelope encloses: without them the message
// stays as it came.  nullopt: nothing is converted; `why` says so where there was something.
std::optional<Outcome> process_converted(const Case& c, const Message& message, const World& world,
                                         std::string& why)
{
    const auto& plan = c.plan();
    const bool incoming = plan.direction == policy::Direction::incoming;
    if (!may_carry_tnef(c.fields) || (!plan.convert_tnef && plan.no_tnef_reason.empty())) return std::nullopt;
    if (!incoming && !plan.authority.granted && plan.encrypt == policy::Encrypt::no) return std::nullopt;
    if (needs_split(c, world)) return std::nullopt;  // each copy on its own, when it comes back
    if (world.progress) world.progress();
    const auto converted = convert_tnef(message, world.clock->now(), *world.random);
    if (converted && !*converted) return std::nullopt;
    const auto leave = [&](const std::string& reason) {
        why = "no: " + reason;
        return std::nullopt;
    };
    if (const auto unfit = unfit_for_conversion(c)) return leave(*unfit);
    if (!converted) return leave(converted.error());
    const auto inner = rewritten(message, **converted, message.envelope);
    if (!inner) return leave(inner.error().what);
    if ((*inner)->size() > c.snapshot.config.max_message_size)
        return leave("it would be larger than max_message_size");

    auto outcome = process_one(**inner, c.snapshot, world, Tnef::leave);
    const bool done = outcome.replace_body || (incoming && outcome.action != Action::reject &&
                                               outcome.action != Action::tempfail && !plan.dry_run);
    if (done) outcome = onto(message, *inner, std::move(outcome));
    if (done && outcome.header.size() > most_edits)
        return leave("too many header fields would have to be changed");
    if (done && !outcome.facts.empty() && outcome.facts.front().value == name(Done::none))
        outcome.facts.front().value = name(Done::convert);
    const bool would = plan.dry_run || outcome.action != Action::accept;
    outcome.facts.push_back(
        {"tnef", done || would ? "converted" : "no: neither signed nor encrypted", false});
    return outcome;
}

Outcome process_one(const Message& message, const Snapshot& snapshot, const World& world, Tnef tnef)
{
    const Case c(message.envelope, message.fields(), snapshot, message.size());
    // A copy that comes back was judged at the entrance, and has grown since.
    const bool over = !message.envelope.earlier && message.size() > snapshot.config.max_message_size;
    if (message.body_state() == BodyState::too_large || (message.body_state() == BodyState::complete && over))
        return too_large(c);
    if (message.body_state() == BodyState::not_needed || !wants_body(c)) return header_only(c);

    std::string about_tnef;
    if (tnef == Tnef::look && !c.decision.refusal)
        if (auto converted = process_converted(c, message, world, about_tnef)) return std::move(*converted);

    Outcome outcome;
    outcome.header = c.forged();
    Report report;
    report.reason = why_nothing(c);
    const auto outlook = sign_outlook(c);
    if (!outlook.reason.empty()) report.reason = outlook.reason;
    if (outlook.kind == SignOutlook::Kind::refuse) {
        refuse_unsigned(outcome, report, outlook.reason);
    } else if (needs_split(c, world)) {
        split(c, message, world, outcome, report);
    } else {
        const auto encryption = prepare_encryption(c, message, world, outcome, report);
        if (outcome.action != Action::accept || !encryption.hidden) {
            work_on(c, message, encryption, outlook, world, outcome, report);
        } else {
            const auto& hidden = *encryption.hidden;
            const Case inside(c, *hidden.message);
            work_on(inside, *hidden.message, encryption, outlook, world, outcome, report);
            outcome = onto(message, hidden.message, std::move(outcome));
        }
    }
    if (!about_tnef.empty()) report.details.push_back({"tnef", about_tnef, false});
    finish(outcome, c, std::move(report));
    return outcome;
}

// What is not what it should be stays in the queue: it may be somebody's mail, and the
// mistake is one of configuration.
Outcome wrong_listener(const Message& message, const Snapshot& snapshot, const char* reply,
                       std::string reason)
{
    const Case c(message.envelope, message.fields(), snapshot, message.size());
    Outcome outcome;
    Report report;
    outcome.level = base::Level::error;
    refuse(outcome, report, Action::tempfail, "451", "4.3.5", reply);
    report.reason = std::move(reason);
    report.failed = Stage::split;
    finish(outcome, c, std::move(report));
    return outcome;
}

// A copy of a message that was split.
Outcome process_returned(const Message& message, const Snapshot& snapshot, const World& world)
{
    auto inner =
        message.body_state() == BodyState::complete
            ? returned(message, snapshot, world.clock->now())
            : base::Result<Returned>(base::fail(base::Code::data, "", "its body did not come along"));
    if (inner) {
        auto outcome = onto(message, inner->message, process_one(*inner->message, snapshot, world));
        if (outcome.edits())
            outcome.header.insert(outcome.header.begin(), inner->stale.begin(), inner->stale.end());
        return outcome;
    }
    return wrong_listener(message, snapshot, "this listener is for copies of split mail only",
                          "[split] reentry: " + inner.error().what);
}

// Here a copy would go out sealed, or be split again.  The one who is told is ourselves.
Outcome astray(const Message& message, const Snapshot& snapshot)
{
    return wrong_listener(
        message, snapshot, "this is not the listener for copies of split mail",
        "[split] hand_over leads to a listener that is not reentry = " + snapshot.config.split.reentry);
}

}  // namespace

HeaderDecision at_end_of_header(const Envelope& envelope, const mime::Header& header,
                                const Snapshot& snapshot)
{
    if (is_reentry(envelope, snapshot.config) || is_astray(envelope, header, snapshot.config))
        return {Need::body, {}, weight_of_encryption, nullptr};
    const Case c(envelope, header.fields, snapshot, std::nullopt);
    const bool heavy = c.plan().encrypt != policy::Encrypt::no || c.plan().decrypt ||
                       claims_opaque_layer(header.fields) ||
                       (c.plan().convert_tnef && may_carry_tnef(header.fields));
    if (wants_body(c)) return {Need::body, {}, heavy ? weight_of_encryption : 1, arrival_for(c)};
    HeaderDecision decision{Need::nothing, header_only(c), 1, nullptr};
    if (decision.outcome.edits() || decision.outcome.action != Action::accept)
        decision.need = Need::header_only;
    return decision;
}

Outcome process(const Message& message, const Snapshot& snapshot, const World& world)
{
    cms::forget_want_of_memory();
    auto outcome = [&] {
        if (is_reentry(message.envelope, snapshot.config)) return process_returned(message, snapshot, world);
        // Whoever only claims to be a copy is mail like any other.
        if (is_astray(message.envelope, message.header(), snapshot.config) &&
            returned(message, snapshot, world.clock->now()))
            return astray(message, snapshot);
        return process_one(message, snapshot, world);
    }();
    // A verdict, or a reason not to sign, may be nothing but this.
    cms::insist_on_memory();
    return outcome;
}

}  // namespace gateway
