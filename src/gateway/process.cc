#include "gateway/process.h"

#include <algorithm>

#include "base/ascii.h"
#include "gateway/authentication_results.h"
#include "gateway/marks.h"
#include "gateway/sign.h"
#include "gateway/strip.h"
#include "gateway/verify.h"
#include "policy/decide.h"

namespace gateway {
namespace {

using policy::OnNoCertificate;
using policy::OnResult;
using policy::OnUntransformable;

constexpr std::string_view tag_invalid = "[signature invalid]";
constexpr std::string_view tag_untrusted = "[signature not trusted]";

policy::Facts facts_of(const Envelope& envelope, const std::vector<mime::Field>& fields,
                       std::optional<std::uint64_t> size)
{
    policy::Facts facts;
    facts.client = envelope.client;
    facts.login = envelope.login;
    facts.listener = envelope.listener;
    facts.mail_from = envelope.mail_from;
    facts.recipients = envelope.recipients;
    facts.author = mime::author_of(fields);
    facts.header = &fields;
    facts.size = size;
    return facts;
}

// Everything about one message that the steps below share.
struct Case {
    const Envelope& envelope;
    const std::vector<mime::Field>& fields;
    const Snapshot& snapshot;
    policy::Facts facts;
    policy::Decision decision;

    Case(const Envelope& e, const std::vector<mime::Field>& f, const Snapshot& s,
         std::optional<std::uint64_t> size)
        : envelope(e), fields(f), snapshot(s), facts(facts_of(e, f, size)),
          decision(policy::decide(s.config, facts))
    {
    }

    [[nodiscard]] const policy::Plan& plan() const { return decision.plan; }
    [[nodiscard]] std::string authserv_id() const
    {
        if (!snapshot.config.authserv_id.empty()) return snapshot.config.authserv_id;
        return envelope.mta_name.empty() ? "localhost" : envelope.mta_name;
    }
    [[nodiscard]] std::vector<HeaderEdit> forged() const
    {
        return remove_forged(fields, authserv_id(),
                             policy::any_contains(snapshot.config.trusted_relays, envelope.client));
    }
    [[nodiscard]] std::string message_id() const
    {
        for (const auto& field : fields)
            if (base::iequals(field.name, "Message-ID")) return mime::unfold(field.value);
        return {};
    }
};

// What the log line will say; the facts are put in order when it is done.
struct Report {
    std::string action = "none";
    std::string status;
    std::string reason;
    std::vector<Outcome::Fact> details;
};

void finish(Outcome& outcome, const Case& c, Report report)
{
    const auto add = [&](std::string key, std::string value, bool is_address = false) {
        if (is_address || !value.empty()) outcome.facts.push_back({std::move(key), std::move(value), is_address});
    };
    add("action", report.action);
    if (c.plan().rule != nullptr) add("rule", c.plan().rule->name);
    add("status", report.status);
    add("reason", report.reason);
    add("direction", policy::name(c.decision.direction.direction));
    add("from", c.facts.author.address(), true);
    if (c.envelope.recipients.size() == 1)
        add("to", c.envelope.recipients.front(), true);
    else
        add("nrcpt", std::to_string(c.envelope.recipients.size()));
    for (auto& fact : report.details) outcome.facts.push_back(std::move(fact));
    add("client", c.envelope.client);
    add("login", c.envelope.login);
    add("message-id", c.message_id());
    if (!c.plan().dry_run) {
        if (const auto level = c.plan().log_level) {
            // A rule may speak up when the rest is quiet, or keep quiet when the rest is not.
            outcome.level = outcome.level < *level ? base::Level::debug
                                                   : std::max(outcome.level, c.snapshot.config.log_level);
        }
        return;
    }
    // What would have happened is in the facts; the message itself is not touched.
    Outcome untouched;
    untouched.facts = std::move(outcome.facts);
    untouched.facts.push_back({"dry_run", "yes", false});
    outcome = std::move(untouched);
}

void refuse(Outcome& outcome, Report& report, Action action, std::string code, std::string enhanced,
            std::string text)
{
    outcome.action = action;
    outcome.reply_code = std::move(code);
    outcome.reply_enhanced = std::move(enhanced);
    outcome.reply_text = std::move(text);
    outcome.replace_body = false;
    outcome.body.clear();
    outcome.header.clear();
    report.action = action == Action::reject ? "reject" : "tempfail";
    report.status = outcome.reply_code + " " + outcome.reply_enhanced;
}

// --- signing -----------------------------------------------------------------

// What the header alone says about signing.
struct SignOutlook {
    enum class Kind { not_wanted, try_it, unsigned_, refuse, check_own_signature };
    Kind kind = Kind::not_wanted;
    std::string reason;
};

SignOutlook sign_outlook(const Case& c)
{
    using Kind = SignOutlook::Kind;
    const auto& plan = c.plan();
    if (plan.sign == policy::SignForm::no || plan.sign_rule == nullptr) return {Kind::not_wanted, plan.no_sign_reason};
    const Kind otherwise = plan.sign_required ? Kind::refuse : Kind::unsigned_;
    if (!plan.authority.granted) return {otherwise, plan.authority.why};
    if (auto exemption = exempt_from_signing(c.envelope, c.fields, plan.sign_rule->break_dkim)) {
        if (plan.sign_required && exemption->is_signed) return {Kind::check_own_signature, exemption->reason};
        return {otherwise, exemption->reason};
    }
    return {Kind::try_it, {}};
}

void refuse_unsigned(Outcome& outcome, Report& report, const std::string& reason)
{
    refuse(outcome, report, Action::reject, "550", "5.7.1", "this message must be signed and cannot be: " + reason);
    report.reason = reason;
}

// The certificate that will speak for the author; an empty result has a reason.
struct Choice {
    const store::Identity* identity = nullptr;
    std::string reason;
};

Choice choose_identity(const Case& c, base::Time now)
{
    const auto& rule = *c.plan().sign_rule;
    const std::string author = c.facts.author.address();
    const bool by_sender = rule.certificate == "by_sender";
    const auto candidates = by_sender ? c.snapshot.keys.for_signing(author, now)
                                      : c.snapshot.keys.named(rule.certificate, now);
    for (const auto* identity : candidates.usable)
        if (rule.allow_mismatch || identity->certificate.names(author)) return {identity, {}};
    if (!candidates.usable.empty())
        return {nullptr, "the certificate of [key " + rule.certificate + "] does not name " + author};
    std::string why = by_sender ? "no certificate for " + author : "no usable certificate in [key " + rule.certificate + "]";
    for (const auto& rejected : candidates.rejected) why += "; " + rejected;
    return {nullptr, why};
}

void sign(const Case& c, const Message& message, const World& world, Outcome& outcome, Report& report)
{
    const auto& plan = c.plan();
    const auto& rule = *plan.sign_rule;
    const auto choice = choose_identity(c, world.clock->now());
    if (choice.identity == nullptr) {
        report.reason = choice.reason;
        outcome.level = base::Level::notice;
        if (rule.on_no_cert == OnNoCertificate::tempfail)
            refuse(outcome, report, Action::tempfail, "451", "4.7.5", "no signing certificate at the moment");
        else if (plan.sign_required || rule.on_no_cert == OnNoCertificate::reject)
            refuse_unsigned(outcome, report, choice.reason);
        return;
    }
    SignSpec spec;
    spec.identity = choice.identity;
    spec.digest = rule.digest;
    spec.padding = rule.padding;
    spec.opaque = plan.sign == policy::SignForm::opaque;
    if (world.progress) world.progress();
    auto made = sign_message(message, spec, *world.clock, *world.random);
    if (!made && made.error().kind == SignRefusal::Kind::untransformable &&
        rule.on_untransformable == OnUntransformable::opaque && !spec.opaque) {
        spec.opaque = true;
        made = sign_message(message, spec, *world.clock, *world.random);
    }
    if (!made) {
        const auto& error = made.error();
        report.reason = error.reason;
        switch (error.kind) {
        case SignRefusal::Kind::failed:
            outcome.level = base::Level::error;
            if (plan.sign_required)
                refuse(outcome, report, Action::tempfail, "451", "4.7.5", "signing failed, try again later");
            return;
        case SignRefusal::Kind::untransformable:
            outcome.level = base::Level::notice;
            if (plan.sign_required || rule.on_untransformable == OnUntransformable::reject)
                refuse_unsigned(outcome, report, error.reason);
            return;
        case SignRefusal::Kind::exempt:
            if (plan.sign_required) refuse_unsigned(outcome, report, error.reason);
            return;
        }
        return;
    }
    const auto& certificate = choice.identity->certificate;
    outcome.header.insert(outcome.header.end(), made->rewrite.header.begin(), made->rewrite.header.end());
    outcome.replace_body = true;
    outcome.body = std::move(made->rewrite.body);
    report.action = "sign";
    report.status = "ok";
    report.details = {{"form", spec.opaque ? "opaque" : "clear", false},
                      {"signer", certificate.addresses().empty() ? "" : certificate.addresses().front(), true},
                      {"serial", certificate.serial(), false},
                      {"notafter", base::iso8601(certificate.not_after()).substr(0, 10), false},
                      {"digest", made->digest, false}};
}

// --- verifying ---------------------------------------------------------------

VerifyRequest verify_request(const Case& c, const World& world)
{
    VerifyRequest request;
    request.trust = &c.snapshot.trust;
    request.at = world.clock->now();
    request.crl = c.snapshot.config.crl;
    return request;
}

OnResult on_result(const policy::Plan& plan, cms::Code code)
{
    switch (code) {
    case cms::Code::fail:
    case cms::Code::permerror: return plan.on_invalid;
    case cms::Code::policy: return plan.on_untrusted;
    default: return OnResult::accept;
    }
}

// RFC 7372 and RFC 3463 have no code for "not trusted"; these come nearest.
const char* enhanced_code(const Verdict& verdict)
{
    using cms::Finding;
    if (verdict.result() != cms::Code::policy) return "5.7.7";  // message integrity failure
    for (Finding f : {Finding::weak_digest, Finding::weak_key, Finding::key_size})
        if (verdict.findings.has(f)) return "5.7.6";  // algorithm not supported
    return "5.7.5";                                   // cryptographic failure
}

// Stripping takes the proof away, so it is for those who can be told here.
std::optional<std::string> unfit_for_strip(const Case& c)
{
    if (!c.plan().no_strip_reason.empty()) return c.plan().no_strip_reason;
    if (c.snapshot.config.local_domains.empty()) return std::nullopt;
    for (const auto& recipient : c.envelope.recipients)
        if (!c.snapshot.config.is_local(recipient)) return "recipient " + recipient + " is not local";
    return std::nullopt;
}

void strip(const Case& c, const Message& message, const Verdict& verdict, Outcome& outcome, Report& report)
{
    const bool any = c.plan().strip == policy::Strip::any;
    if (verdict.scope != Scope::message || (!any && verdict.result() != cms::Code::pass)) return;
    const auto note = [&](const std::string& why) { report.details.push_back({"strip", "no: " + why, false}); };
    if (const auto why = unfit_for_strip(c)) return note(*why);
    auto rewrite = strip_signature(message, verdict, any);
    if (!rewrite) return note(rewrite.error());
    outcome.header.insert(outcome.header.begin(), rewrite->header.begin(), rewrite->header.end());
    outcome.replace_body = true;
    outcome.body = std::move(rewrite->body);
    outcome.header.push_back({HeaderEdit::Kind::insert, "X-SMIME-Stripped", 1, "yes"});
    report.action = "strip";
}

void describe_signer(const Verdict& verdict, Report& report)
{
    const Layer* layer = verdict.layer();
    if (layer == nullptr) return;
    report.details.push_back({"form", name(layer->form), false});
    report.details.push_back({"part", layer->part, false});
    if (!layer->identity.empty()) report.details.push_back({"signer", layer->identity, true});
    if (layer->signer < 0) return;
    const auto& signer = layer->signers[static_cast<std::size_t>(layer->signer)];
    report.details.push_back({"serial", signer.serial, false});
    report.details.push_back({"issuer", signer.issuer, false});
    if (signer.certificate)
        report.details.push_back({"fingerprint", signer.certificate->fingerprint(), false});
    report.details.push_back({"digest", signer.digest, false});
    for (const auto& comment : layer->comments) report.details.push_back({"comment", comment, false});
}

void verify(const Case& c, const Message& message, const World& world, Outcome& outcome, Report& report)
{
    const auto& plan = c.plan();
    if (world.progress) world.progress();
    const auto verdict = verify_message(message.header(), message.body(), verify_request(c, world));
    const auto code = verdict.result();
    report.action = "verify";
    report.status = std::string(cms::name(code));
    report.reason = verdict.reason();
    describe_signer(verdict, report);
    if (code == cms::Code::none) {
        if (verdict.encrypted) report.reason = "encrypted";
        if (c.snapshot.config.report_none)
            outcome.header.push_back({HeaderEdit::Kind::insert, "Authentication-Results", 1,
                                      authentication_results(c.authserv_id(), verdict)});
        return;
    }
    const OnResult wanted = on_result(plan, code);
    if (wanted == OnResult::reject) {
        refuse(outcome, report, Action::reject, "550", enhanced_code(verdict), "the signature of this message is not valid");
        return;
    }
    if (code == cms::Code::temperror && plan.on_temperror == policy::OnTemporary::tempfail) {
        refuse(outcome, report, Action::tempfail, "451", "4.7.5", "the signature cannot be verified at the moment");
        return;
    }
    if (plan.strip != policy::Strip::never) strip(c, message, verdict, outcome, report);
    const bool stripped_bad = report.action == "strip" && code != cms::Code::pass;
    if (wanted == OnResult::tag || stripped_bad)
        outcome.header.push_back(tag_subject(c.fields, code == cms::Code::policy ? tag_untrusted : tag_invalid));
    if (wanted >= OnResult::mark) outcome.header.push_back(result_field(verdict));
    if (wanted == OnResult::quarantine) {
        outcome.action = Action::quarantine;
        outcome.quarantine_reason = "S/MIME " + report.status + ": " + report.reason;
        report.action = "quarantine";
    }
    outcome.header.push_back({HeaderEdit::Kind::insert, "Authentication-Results", 1,
                              authentication_results(c.authserv_id(), verdict)});
}

// A client that signs by itself satisfies sign_required only with a signature
// that is intact and names the author: a mere claim in the header does not.
bool own_signature_holds(const Case& c, const Message& message, const World& world)
{
    const auto verdict = verify_message(message.header(), message.body(), verify_request(c, world));
    const auto* layer = verdict.layer();
    return verdict.scope == Scope::message && layer != nullptr && layer->findings.intact() &&
           !layer->findings.has(cms::Finding::identity_mismatch) &&
           !layer->findings.has(cms::Finding::no_identity) && !layer->findings.has(cms::Finding::sender_only);
}

// --- the three ways through --------------------------------------------------

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
    if (at_stake) {
        refuse(outcome, report, Action::reject, "552", "5.3.4", "this message must be signed and is too large for that");
    } else {
        outcome.header = c.forged();
    }
    report.reason = "larger than max_message_size (" + std::to_string(c.snapshot.config.max_message_size) + " octets)";
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
    const auto outlook = sign_outlook(c);
    if (!outlook.reason.empty()) report.reason = outlook.reason;
    if (outlook.kind == SignOutlook::Kind::refuse) {
        refuse_unsigned(outcome, report, outlook.reason);
    } else if (c.plan().verify) {
        report.action = "verify";
        report.status = "none";
        if (c.snapshot.config.report_none)
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
    const auto outlook = sign_outlook(c);
    if (outlook.kind == Kind::try_it || outlook.kind == Kind::check_own_signature) return true;
    return outlook.kind != Kind::refuse && c.plan().verify && may_be_signed(c.fields);
}

}  // namespace

HeaderDecision at_end_of_header(const Envelope& envelope, const mime::Header& header, const Snapshot& snapshot)
{
    const Case c(envelope, header.fields, snapshot, std::nullopt);
    if (wants_body(c)) return {Need::body, {}};
    HeaderDecision decision{Need::nothing, header_only(c)};
    if (decision.outcome.edits() || decision.outcome.action != Action::accept) decision.need = Need::header_only;
    return decision;
}

Outcome process(const Message& message, const Snapshot& snapshot, const World& world)
{
    const Case c(message.envelope, message.fields(), snapshot, message.size());
    const bool over = message.size() > snapshot.config.max_message_size;
    if (message.body_state() == BodyState::too_large || (message.body_state() == BodyState::complete && over))
        return too_large(c);
    if (message.body_state() == BodyState::not_needed || !wants_body(c)) return header_only(c);

    Outcome outcome;
    outcome.header = c.forged();
    Report report;
    report.reason = why_nothing(c);
    const auto outlook = sign_outlook(c);
    if (!outlook.reason.empty()) report.reason = outlook.reason;
    if (outlook.kind == SignOutlook::Kind::try_it) {
        sign(c, message, world, outcome, report);
    } else if (outlook.kind == SignOutlook::Kind::check_own_signature && !own_signature_holds(c, message, world)) {
        refuse_unsigned(outcome, report, "it claims a signature of its own that is not valid");
    }
    if (outcome.action == Action::accept && !outcome.replace_body && c.plan().verify)
        verify(c, message, world, outcome, report);
    finish(outcome, c, std::move(report));
    return outcome;
}

}  // namespace gateway
