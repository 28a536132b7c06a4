// Decrypting: what a plan to decrypt does to an outcome.
//
// Whoever sent the message must not be able to tell whether it could be opened:
// a failure leaves it as it came, and what was found inside is never refused for
// its signature (semantics E.6).
#include <algorithm>

#include "base/ascii.h"
#include "gateway/case.h"
#include "gateway/decrypt.h"
#include "gateway/header_protection.h"
#include "gateway/marks.h"
#include "gateway/onto.h"
#include "mime/content_type.h"

namespace gateway
{
namespace
{

constexpr std::string_view tag = "[decrypted]";

template <class Wants>
bool every_rule(const Case& c, Wants wants)
{
    return std::all_of(c.decision.recipients.begin(), c.decision.recipients.end(),
                       [&](const policy::RecipientTrace& r) { return r.rule != nullptr && wants(*r.rule); });
}

bool claims_envelope(const std::vector<mime::Field>& fields)
{
    return std::any_of(fields.begin(), fields.end(), [](const mime::Field& f) {
        if (!base::iequals(f.name, "Content-Type")) return false;
        const auto type = mime::parse_content_type(f.value);
        const auto* kind = type.parameter("smime-type");
        return (type.is("application", "pkcs7-mime") || type.is("application", "x-pkcs7-mime")) &&
               (kind == nullptr || !base::iequals(*kind, "signed-data"));
    });
}

void tag_as_decrypted(const Message& inner, Outcome& outcome)
{
    for (auto& edit : outcome.header)
        if (base::iequals(edit.name, "Subject") && edit.index == 1) {
            edit.value.insert(0, std::string(tag) + " ");
            return;
        }
    for (auto& edit : tag_subject(inner.fields(), tag)) outcome.header.push_back(std::move(edit));
}

// The report says what was done with the envelope; what became of a signature
// inside stays beside it.
void describe(const Decryption& made, Report& report)
{
    if (report.action == Done::strip || report.action == Done::reencapsulate)
        report.details.push_back({name(report.action), "yes", false});
    if (report.action != Done::quarantine) report.action = Done::decrypt;
    if (report.status.empty()) report.status = "ok";
    report.details.push_back({"cipher", made.cipher, false});
    report.details.push_back({"key", made.identity->name, false});
    if (made.envelopes > 1) report.details.push_back({"envelopes", std::to_string(made.envelopes), false});
}

bool has_failed_too_often(const Case& c, const World& world)
{
    return world.failures != nullptr &&
           world.failures->reached(c.envelope.client, world.clock->now(), c.snapshot.config.decrypt_failures);
}

}  // namespace

Opening decrypt(const Case& c, const Message& message, const World& world, Outcome& outcome, Report& report)
{
    const auto& plan = c.plan();
    const auto failed = [&](const std::string& why) {
        report.failed = Stage::decrypt;
        report.details.push_back({"decrypt", "no: " + why, false});
        return Opening::left;
    };
    const auto left = [&](const std::string& why) {
        report.details.push_back({"decrypt", "no: " + why, false});
        return Opening::left;
    };
    if (!plan.decrypt) {
        if (!plan.no_decrypt_reason.empty() && claims_envelope(c.fields)) left(plan.no_decrypt_reason);
        return Opening::no_envelope;
    }
    DecryptSpec spec;
    spec.allow_3des = every_rule(c, [](const policy::Rule& r) { return r.decrypt_3des; });
    const auto stranger = names_a_stranger(c);
    const bool served = !has_failed_too_often(c, world);
    if (!stranger && served) spec.identities = c.snapshot.keys.entitled(c.envelope.recipients);
    if (world.progress) world.progress();
    const auto made = decrypt_message(message, spec);
    if (made.kind == Decryption::Kind::not_encrypted) return Opening::no_envelope;
    if (stranger) return left(*stranger);
    if (!served) return failed("too many messages of this client could not be decrypted");
    if (spec.identities.empty()) return failed("no key that each of its recipients may use");
    if (made.kind == Decryption::Kind::failed) {
        if (world.failures != nullptr) world.failures->count(c.envelope.client, world.clock->now());
        return failed(made.reason);
    }
    auto inner = rewritten(message, made.rewrite, c.envelope);
    if (!inner) return failed(inner.error().what);

    Report found = report;  // becomes the report if all goes well
    const Case plain(c, **inner);
    if (auto shown = promote(message, *made.entity, verdict_on(plain, **inner, world)); !shown.empty()) {
        Rewrite rewrite = made.rewrite;
        rewrite.header.insert(rewrite.header.end(), shown.begin(), shown.end());
        inner = rewritten(message, rewrite, c.envelope);
        if (!inner) return failed(inner.error().what);
        found.details.push_back({"subject", "restored", false});
    }
    Case inside(c, **inner);
    inside.discreet = true;
    Outcome work;
    if (plan.verify) verify(inside, **inner, world, work, found);
    if (work.action == Action::reject || work.action == Action::tempfail) return left(found.reason);
    if (std::any_of(c.decision.recipients.begin(), c.decision.recipients.end(),
                    [](const policy::RecipientTrace& r) { return r.rule->tag_decrypted; }))
        tag_as_decrypted(**inner, work);
    if (!made.authenticated && found.status != "pass")
        work.header.push_back({HeaderEdit::Kind::insert, "X-SMIME-Integrity", 1, "none"});
    work.header.push_back({HeaderEdit::Kind::insert, "X-SMIME-Decrypted", 1, "yes (" + made.cipher + ")"});
    work.level = std::max(work.level, outcome.level);

    auto whole = onto(message, *inner, std::move(work));
    whole.header.insert(whole.header.begin(), outcome.header.begin(), outcome.header.end());
    // A refusal for it would tell that it opened.
    if (whole.header.size() > most_edits) return left("too many header fields would have to be changed");
    outcome = std::move(whole);
    report = std::move(found);
    describe(made, report);
    return Opening::opened;
}

}  // namespace gateway
