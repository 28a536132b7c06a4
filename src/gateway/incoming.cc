// Verifying and stripping: what a plan to verify does to an outcome.
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
    ask_for_revocation(request, c.snapshot.config.revocation, world.revocation, world.deadline);
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
    const auto note = [&](const std::string& why) {
        report.details.push_back({"strip", "no: " + why, false});
    };
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

}  // namespace

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
        refuse(outcome, report, Action::reject, "550", enhanced_code(verdict),
               "the signature of this message is not valid");
        return;
    }
    if (code == cms::Code::temperror && plan.on_temperror == policy::OnTemporary::tempfail) {
        refuse(outcome, report, Action::tempfail, "451", "4.7.5",
               "the signature cannot be verified at the moment");
        return;
    }
    if (plan.strip != policy::Strip::never) strip(c, message, verdict, outcome, report);
    const bool stripped_bad = report.action == "strip" && code != cms::Code::pass;
    if (wanted == OnResult::tag || stripped_bad)
        outcome.header.push_back(
            tag_subject(c.fields, code == cms::Code::policy ? tag_untrusted : tag_invalid));
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

}  // namespace gateway
