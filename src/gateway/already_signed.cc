// What becomes of mail that its sender has signed: already_signed and
// eightbit_signed (smime-milter.conf(5), semantics D).
#include <array>

#include "gateway/case.h"
#include "gateway/reencapsulate.h"
#include "gateway/sign.h"
#include "gateway/strip.h"

namespace gateway
{
namespace
{

using policy::AlreadySigned;
using policy::EightBitSigned;

enum class Treatment { keep, opaque, strip, resign, reject };

Treatment treatment(AlreadySigned a)
{
    switch (a) {
        case AlreadySigned::keep: return Treatment::keep;
        case AlreadySigned::opaque: return Treatment::opaque;
        case AlreadySigned::strip: return Treatment::strip;
        case AlreadySigned::resign: return Treatment::resign;
    }
    return Treatment::keep;
}

Treatment treatment(EightBitSigned e)
{
    switch (e) {
        case EightBitSigned::pass: return Treatment::keep;
        case EightBitSigned::opaque: return Treatment::opaque;
        case EightBitSigned::strip: return Treatment::strip;
        case EightBitSigned::resign: return Treatment::resign;
        case EightBitSigned::reject: return Treatment::reject;
    }
    return Treatment::keep;
}

void adopt(Rewrite rewrite, Outcome& outcome)
{
    outcome.header.insert(outcome.header.end(), rewrite.header.begin(), rewrite.header.end());
    outcome.replace_body = true;
    outcome.body = std::move(rewrite.body);
}

std::optional<std::string> make_opaque(const Message& message, Outcome& outcome, Report& report)
{
    auto rewrite = reencapsulate(message);
    if (!rewrite) return rewrite.error();
    adopt(std::move(*rewrite), outcome);
    report.action = Done::reencapsulate;
    if (report.status.empty()) report.status = "ok";
    return std::nullopt;
}

// Incoming mail is stripped as `strip = valid` would; on its way out the
// author's own signature need not be one that we trust.
std::optional<std::string> take_off(const Case& c, const Message& message, const Verdict& verdict,
                                    Outcome& outcome, Report& report)
{
    const bool incoming = c.plan().direction == policy::Direction::incoming;
    if (incoming) {
        if (auto why = unfit_for_strip(c)) return why;
        if (verdict.result() != cms::Code::pass) return "the signature did not pass";
    } else if (!is_authors_own(verdict)) {
        return "it is not intact and its author's own";
    }
    auto rewrite = strip_signature(message, verdict, !incoming);
    if (!rewrite) return rewrite.error();
    adopt(std::move(*rewrite), outcome);
    if (incoming) add_strip_evidence(verdict, outcome);
    report.action = Done::strip;
    if (report.status.empty()) report.status = "ok";
    return std::nullopt;
}

// The edits that turn `message` into the octets `wanted`, whose other fields
// than Content-* are the same.
tl::expected<Rewrite, std::string> edits_towards(const Message& message, const std::string& wanted)
{
    const auto header = mime::parse_header(wanted);
    if (!header.terminated) return tl::make_unexpected("what was signed has no header");
    std::vector<ContentField> fields;
    for (const auto& field : header.fields) {
        if (!is_content_field(field.name)) continue;
        std::string value;
        for (char ch : field.value.substr(field.value.starts_with(' ') ? 1 : 0))
            if (ch != '\r') value += ch;
        fields.push_back({std::string(field.name), std::move(value)});
    }
    Rewrite out;
    out.header = content_edits(message.fields(), fields);
    out.body.emplace_back(wanted.substr(header.body));
    return out;
}

// Strips and signs anew.  Nothing of it is done unless all of it can be.
std::optional<std::string> sign_anew(const Case& c, const Message& message, const Verdict& verdict,
                                     const World& world, Outcome& outcome, Report& report)
{
    const auto& plan = c.plan();
    if (plan.sign_rule == nullptr) return "no rule signs for all recipients";
    if (!plan.authority.granted) return plan.authority.why;
    if (!is_authors_own(verdict)) return "it is not intact and its author's own";
    auto stripped = strip_signature(message, verdict, true);
    if (!stripped) return stripped.error();
    Outcome bare;
    adopt(std::move(*stripped), bare);
    const auto unsigned_message = message_from_octets(render(message, bare), message.envelope);
    if (!unsigned_message) return unsigned_message.error().what;
    if (const auto exemption = exempt_from_signing(c.envelope, unsigned_message->fields(), *plan.sign_rule))
        return exemption->reason;
    Outcome signing;
    Report attempt;
    sign(c, *unsigned_message, world, signing, attempt);
    if (signing.action != Action::accept) {
        outcome = std::move(signing);
        report = std::move(attempt);
        return std::nullopt;
    }
    if (!signing.replace_body) return attempt.reason.empty() ? "it could not be signed" : attempt.reason;
    auto rewrite = edits_towards(message, render(*unsigned_message, signing));
    if (!rewrite) return rewrite.error();
    adopt(std::move(*rewrite), outcome);
    attempt.action = Done::resign;
    report = std::move(attempt);
    return std::nullopt;
}

}  // namespace

bool treats_signature(const Case& c)
{
    const auto& plan = c.plan();
    if (plan.already_signed == AlreadySigned::keep && plan.eightbit_signed == EightBitSigned::pass)
        return false;
    return claims_signature(c.fields);
}

void treat_signature(const Case& c, const Message& message, const Verdict& verdict, const World& world,
                     Outcome& outcome, Report& report)
{
    const auto& plan = c.plan();
    if (outcome.replace_body) return;
    if (!plan.keep_signed_reason.empty() && claims_signature(c.fields))
        report.details.push_back({"already_signed", "no: " + plan.keep_signed_reason, false});
    if (!treats_signature(c)) return;
    const bool clear = claims_clear_signature(c.fields);
    struct Step {
        const char* key;
        Treatment what;
        std::string because;
    };
    std::array<Step, 2> steps{{{"already_signed", treatment(plan.already_signed), {}},
                               {"eightbit_signed", treatment(plan.eightbit_signed), {}}}};
    if (steps[1].what != Treatment::keep) {
        const auto hazard = fragile_signed_part(message);
        if (!hazard) steps[1].what = Treatment::keep;
        steps[1].because = hazard.value_or("");
    }
    for (const Step& step : steps) {
        std::optional<std::string> refused;
        if (step.what == Treatment::keep || (step.what == Treatment::opaque && !clear)) continue;
        if (world.progress) world.progress();
        switch (step.what) {
            case Treatment::keep: break;
            case Treatment::opaque: refused = make_opaque(message, outcome, report); break;
            case Treatment::strip: refused = take_off(c, message, verdict, outcome, report); break;
            case Treatment::resign: refused = sign_anew(c, message, verdict, world, outcome, report); break;
            case Treatment::reject:
                if (c.discreet) {
                    refused = "it came with an envelope, whose sender must not learn of it";
                    break;
                }
                refuse(outcome, report, Action::reject, "550", "5.6.3",
                       "the signed part cannot be sent over every path: " + step.because +
                           "; let the mail program encode it (quoted-printable or base64) before signing");
                report.reason = step.because;
                return;
        }
        if (!step.because.empty()) report.details.push_back({"fragile", step.because, false});
        if (outcome.action != Action::accept) return;
        if (!refused) return;
        report.details.push_back({step.key, "no: " + *refused, false});
    }
}

}  // namespace gateway
