// Verifying and stripping: what a plan to verify does to an outcome.
#include <algorithm>

#include "gateway/authentication_results.h"
#include "gateway/case.h"
#include "gateway/marks.h"
#include "gateway/strip.h"
#include "gateway/verify.h"

namespace gateway
{
namespace
{

using policy::OnResult;

constexpr std::string_view tag_invalid = "[signature invalid]";
constexpr std::string_view tag_untrusted = "[signature not trusted]";

VerifyRequest verify_request(const Case& c, const World& world)
{
    VerifyRequest request;
    request.trust = &c.snapshot.trust;
    request.at = world.clock->now();
    request.crl = c.snapshot.config.crl;
    judge_as_configured(request, c.snapshot.config.judging);
    trust_pinned(request, c.snapshot.pinned.get());
    ask_for_revocation(request, c.snapshot.config.revocation, world.revocation, world.deadline,
                       world.meanwhile());
    request.teaches = may_teach(c);
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

void hold(Outcome& outcome, Report& report)
{
    outcome.action = Action::quarantine;
    outcome.quarantine_reason = "S/MIME " + report.status + ": " + report.reason;
    report.action = Done::quarantine;
}

void strip(const Case& c, const Message& message, const Verdict& verdict, Outcome& outcome, Report& report)
{
    const bool any = c.plan().strip == policy::Strip::any;
    if (verdict.scope != Scope::message || (!any && verdict.result() != cms::Code::pass)) return;
    const auto note = [&](const std::string& why) {
        report.details.push_back({"strip", "no: " + why, false});
    };
    if (const auto why = unfit_for_strip(c)) return note(*why);
    auto rewrite = strip_signature(message, verdict, any);
    if (!rewrite) return note(rewrite.error());
    outcome.header.insert(outcome.header.begin(), rewrite->header.begin(), rewrite->header.end());
    outcome.replace_body = true;
    outcome.body = std::move(rewrite->body);
    add_strip_evidence(verdict, outcome);
    report.action = Done::strip;
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

// All that was found, where the reason tells the worst only.
void list_findings(const Verdict& verdict, Report& report)
{
    const auto found = verdict.findings.list();
    if (found.size() < 2) return;
    std::string words;
    for (const auto f : found) words += (words.empty() ? "" : ",") + std::string(cms::word(f));
    report.details.push_back({"findings", words, false});
}

}  // namespace

Verdict verdict_on(const Case& c, const Message& message, const World& world)
{
    return verify_message(message.header(), message.body(), verify_request(c, world));
}

// Stripping takes the proof away, so it is for those who can be told here.
std::optional<std::string> unfit_for_strip(const Case& c)
{
    if (!c.plan().no_strip_reason.empty()) return c.plan().no_strip_reason;
    return names_a_stranger(c);
}

std::optional<std::string> names_a_stranger(const Case& c)
{
    for (const auto& recipient : c.envelope.recipients)
        if (!c.snapshot.config.is_local(recipient)) return "recipient " + recipient + " is not local";
    return std::nullopt;
}

void add_strip_evidence(const Verdict& verdict, Outcome& outcome)
{
    outcome.header.push_back({HeaderEdit::Kind::insert, "X-SMIME-Stripped", 1, "yes"});
    if (auto signer = signer_field(verdict)) outcome.header.push_back(std::move(*signer));
}

void verify(const Case& c, const Message& message, const World& world, Outcome& outcome, Report& report)
{
    const auto& plan = c.plan();
    if (world.progress) world.progress();
    auto verdict = verdict_on(c, message, world);
    const auto code = verdict.result();
    report.action = Done::verify;
    report.status = std::string(cms::name(code));
    report.reason = verdict.reason();
    outcome.lesson = lesson_of(c, verdict, world.clock->now());
    describe_signer(verdict, report);
    list_findings(verdict, report);
    if (code == cms::Code::temperror) report.failed = Stage::verify;
    if (code == cms::Code::none && verdict.encrypted) report.reason = "encrypted";
    const bool lacking = plan.require_signature && code != cms::Code::pass;
    if (lacking && report.reason.empty()) report.reason = "not signed";
    if (lacking && !c.discreet) return refuse_without_signature(outcome, report, code, report.reason);
    if (code == cms::Code::none) {
        if (c.snapshot.config.report_none)
            outcome.header.push_back({HeaderEdit::Kind::insert, "Authentication-Results", 1,
                                      authentication_results(c.authserv_id(), verdict)});
        if (lacking) hold(outcome, report);
        return;
    }
    OnResult wanted = lacking ? OnResult::quarantine : on_result(plan, code);
    if (c.discreet) wanted = std::min(wanted, OnResult::quarantine);
    if (wanted == OnResult::reject) {
        refuse(outcome, report, Action::reject, "550", enhanced_code(verdict),
               "the signature of this message is not valid");
        return;
    }
    if (code == cms::Code::temperror && plan.on_temperror == policy::OnTemporary::tempfail && !c.discreet) {
        refuse(outcome, report, Action::tempfail, "451", "4.7.5",
               "the signature cannot be verified at the moment");
        return;
    }
    // Where a rule wants it and the mixture of rules does not, the log says why.
    if (plan.strip != policy::Strip::never || !plan.no_strip_reason.empty())
        strip(c, message, verdict, outcome, report);
    treat_signature(c, message, verdict, world, outcome, report);
    if (outcome.action != Action::accept) return;
    const bool stripped_bad = report.action == Done::strip && code != cms::Code::pass;
    if (wanted == OnResult::tag || stripped_bad)
        for (auto& edit : tag_subject(c.fields, code == cms::Code::policy ? tag_untrusted : tag_invalid))
            outcome.header.push_back(std::move(edit));
    if (plan.signer_headers) {
        const bool told = report.action == Done::strip;  // by add_strip_evidence()
        for (auto& field : signer_fields(verdict))
            if (!told || field.name != "X-SMIME-Signer") outcome.header.push_back(std::move(field));
    }
    if (wanted >= OnResult::mark || plan.signer_headers) outcome.header.push_back(result_field(verdict));
    if (wanted == OnResult::quarantine) hold(outcome, report);
    // The part is the one of the message as it is delivered.
    if (report.action == Done::reencapsulate && verdict.deciding >= 0)
        for (auto& layer : verdict.layers)
            if (layer.part == "2") layer.part = "1";
    outcome.header.push_back({HeaderEdit::Kind::insert, "Authentication-Results", 1,
                              authentication_results(c.authserv_id(), verdict)});
}

// A client that signs by itself satisfies sign_required only with a signature
// that is intact, strong and names the author: a mere claim in the header does
// not, nor one that every recipient would doubt.  Who issued the certificate is
// the recipients' to judge, who may trust others than we do.
bool is_authors_own(const Verdict& verdict)
{
    const auto* layer = verdict.layer();
    if (verdict.scope != Scope::message || layer == nullptr || !layer->findings.intact()) return false;
    using cms::Finding;
    for (Finding f : {Finding::identity_mismatch, Finding::no_identity, Finding::sender_only,
                      Finding::protected_from, Finding::missing_attributes, Finding::forgery_pattern,
                      Finding::weak_digest, Finding::weak_key, Finding::expired, Finding::not_yet_valid,
                      Finding::revoked, Finding::key_usage, Finding::extended_key_usage})
        if (layer->findings.has(f)) return false;
    return true;
}

}  // namespace gateway
