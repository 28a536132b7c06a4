// Signing: what a plan to sign does to an outcome.
#include <algorithm>

#include "gateway/case.h"
#include "gateway/sign.h"

namespace gateway
{

using policy::OnNoCertificate;
using policy::OnUntransformable;

SignerChoice choose_signer(const Case& c, base::Time now)
{
    const auto& rule = *c.plan().sign_rule;
    const std::string author = c.facts.author.address();
    const bool by_sender = rule.certificate == "by_sender";
    const auto candidates =
        by_sender ? c.snapshot.keys.for_signing(author, now) : c.snapshot.keys.named(rule.certificate, now);
    for (const auto* identity : candidates.usable)
        if (rule.allow_mismatch || identity->certificate.names(author)) return {identity, {}};
    if (!candidates.usable.empty())
        return {nullptr, "the certificate of [key " + rule.certificate + "] does not name " + author};
    std::string why = by_sender ? "no certificate for " + author
                                : "no usable certificate in [key " + rule.certificate + "]";
    for (const auto& rejected : candidates.rejected) why += "; " + rejected;
    return {nullptr, why};
}

SignOutlook sign_outlook(const Case& c)
{
    using Kind = SignOutlook::Kind;
    const auto& plan = c.plan();
    if (plan.sign == policy::SignForm::no || plan.sign_rule == nullptr)
        return {Kind::not_wanted, plan.no_sign_reason};
    const Kind otherwise = plan.sign_required ? Kind::refuse : Kind::leave_unsigned;
    if (!plan.authority.granted) return {otherwise, plan.authority.why};
    if (auto exemption = exempt_from_signing(c.envelope, c.fields, *plan.sign_rule)) {
        if (plan.sign_required && exemption->is_signed) return {Kind::check_own_signature, exemption->reason};
        return {otherwise, exemption->reason};
    }
    return {Kind::try_it, {}};
}

void sign(const Case& c, const Message& message, const World& world, Outcome& outcome, Report& report,
          const std::string& protected_fields)
{
    const auto& plan = c.plan();
    const auto& rule = *plan.sign_rule;
    const auto choice = choose_signer(c, world.clock->now());
    if (choice.identity == nullptr) {
        report.reason = choice.reason;
        if (plan.sign_required || rule.on_no_cert != OnNoCertificate::pass)
            report.failed = Stage::certificate;
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
    spec.protected_fields = protected_fields;
    spec.calendar_requests = std::find(rule.sign_also.begin(), rule.sign_also.end(),
                                       policy::Exemption::calendar) != rule.sign_also.end();
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
                report.failed = Stage::sign;
                if (plan.sign_required)
                    refuse(outcome, report, Action::tempfail, "451", "4.7.5",
                           "signing failed, try again later");
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
    report.action = Done::sign;
    report.status = "ok";
    report.details = {
        {"form", spec.opaque ? "opaque" : "clear", false},
        {"signer", certificate.addresses().empty() ? "" : certificate.addresses().front(), true},
        {"serial", certificate.serial(), false},
        {"notafter", base::iso8601(certificate.not_after()).substr(0, 10), false},
        {"digest", made->digest, false}};
    if (made->encoded > 0) report.details.push_back({"encoded", std::to_string(made->encoded), false});
}

}  // namespace gateway
