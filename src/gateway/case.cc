#include "gateway/case.h"

#include <algorithm>

#include "base/ascii.h"
#include "gateway/marks.h"

namespace gateway
{
namespace
{

policy::Facts facts_of(const Envelope& envelope, const std::vector<mime::Field>& fields,
                       const policy::Config& config, std::optional<std::uint64_t> size)
{
    policy::Facts facts;
    facts.client = envelope.client;
    facts.login =
        envelope.login.empty() ? config.login_of(envelope.tls_subject, envelope.tls_issuer) : envelope.login;
    facts.listener = envelope.listener;
    facts.mail_from = envelope.mail_from;
    facts.recipients = envelope.recipients;
    facts.author = mime::author_of(fields);
    facts.header = &fields;
    facts.size = size;
    if (envelope.earlier) {
        facts.returned = true;
        facts.encryption_requested = envelope.earlier->encryption_requested;
        facts.relayed = envelope.earlier->relayed;
    }
    return facts;
}

std::string message_id(const std::vector<mime::Field>& fields)
{
    for (const auto& field : fields)
        if (base::iequals(field.name, "Message-ID")) return mime::unfold(field.value);
    return {};
}

}  // namespace

Case::Case(const Envelope& e, const std::vector<mime::Field>& f, const Snapshot& s,
           std::optional<std::uint64_t> size, policy::Trace trace)
    : envelope(e),
      fields(f),
      snapshot(s),
      facts(facts_of(e, f, s.config, size)),
      decision(policy::decide(s.config, facts, trace))
{
}

Case::Case(const Case& outer, const Message& inner)
    : envelope(outer.envelope),
      fields(inner.fields()),
      snapshot(outer.snapshot),
      facts(outer.facts),
      decision(outer.decision)
{
    facts.header = &fields;
}

std::string Case::authserv_id() const
{
    if (!snapshot.config.authserv_id.empty()) return snapshot.config.authserv_id;
    return envelope.mta_name.empty() ? "localhost" : envelope.mta_name;
}

std::vector<HeaderEdit> Case::forged() const
{
    return remove_forged(fields, authserv_id(),
                         policy::any_contains(snapshot.config.trusted_relays, envelope.client),
                         snapshot.config.ar_remove);
}

const char* name(Done done)
{
    switch (done) {
        case Done::none: return "none";
        case Done::verify: return "verify";
        case Done::sign: return "sign";
        case Done::resign: return "resign";
        case Done::strip: return "strip";
        case Done::reencapsulate: return "reencapsulate";
        case Done::convert: return "convert";
        case Done::split: return "split";
        case Done::encrypt: return "encrypt";
        case Done::decrypt: return "decrypt";
        case Done::quarantine: return "quarantine";
        case Done::reject: return "reject";
        case Done::tempfail: return "tempfail";
    }
    return "none";
}

void finish(Outcome& outcome, const Case& c, Report report)
{
    if (outcome.header.size() > most_edits) {
        report.reason =
            "more than " + std::to_string(most_edits) + " header fields would have to be changed or removed";
        outcome.level = base::Level::notice;
        refuse(outcome, report, Action::reject, "550", "5.6.0", "too many header fields of one kind");
    }
    const auto add = [&](std::string key, std::string value, bool is_address = false) {
        if (is_address || !value.empty())
            outcome.facts.push_back({std::move(key), std::move(value), is_address});
    };
    add("action", name(report.action));
    if (c.plan().rule != nullptr) add("rule", c.plan().rule->name);
    add("status", report.status);
    add("reason", report.reason);
    add("direction", policy::name(c.decision.direction.direction));
    add("from", c.facts.author.address(), true);
    if (c.envelope.recipients.size() == 1)
        add("to", c.envelope.recipients.front(), true);
    else
        add("nrcpt", std::to_string(c.envelope.recipients.size()));
    if (!c.plan().no_encrypt_reason.empty()) add("encrypt", "no: " + c.plan().no_encrypt_reason);
    for (auto& fact : report.details) outcome.facts.push_back(std::move(fact));
    outcome.failed = report.failed;
    add("client", c.envelope.client);
    add("login", c.facts.login);
    add("message-id", message_id(c.fields));
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
    untouched.failed = outcome.failed;
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
    report.action = action == Action::reject ? Done::reject : Done::tempfail;
    report.status = outcome.reply_code + " " + outcome.reply_enhanced;
}

void refuse_unsigned(Outcome& outcome, Report& report, const std::string& reason)
{
    refuse(outcome, report, Action::reject, "550", "5.7.1",
           "this message must be signed and cannot be: " + reason);
    report.reason = reason;
}

void refuse_without_signature(Outcome& outcome, Report& report, cms::Code code, const std::string& reason)
{
    const std::string result(cms::name(code));
    if (code == cms::Code::temperror)
        refuse(outcome, report, Action::tempfail, "451", "4.7.5",
               "the signature cannot be verified at the moment");
    else
        refuse(outcome, report, Action::reject, "550", "5.7.1",
               "mail of this sender must have a signature that is valid and trusted here");
    report.reason = "require_signature: " + result + (reason.empty() ? "" : " (" + reason + ")");
}

}  // namespace gateway
