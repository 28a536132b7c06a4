// Encrypting: what a plan to encrypt does to an outcome.
#include "base/ascii.h"
#include "cms/capabilities.h"
#include "gateway/case.h"
#include "gateway/decrypt.h"
#include "gateway/encrypt.h"
#include "gateway/header_protection.h"
#include "gateway/recipient_certificates.h"
#include "gateway/sign.h"
#include "mime/encoded_word.h"
#include "policy/encryption.h"

namespace gateway
{
namespace
{

using policy::Encrypt;
using policy::EncryptBcc;

// Each takes room in the message, and time to be made.
constexpr std::size_t most_recipients = 1000;

std::string names_of(const Case& c, const std::vector<std::size_t>& recipients)
{
    constexpr std::size_t most_named = 10;
    std::string out;
    for (std::size_t i = 0; i < recipients.size() && i < most_named; ++i)
        out += (i == 0 ? "" : ", ") + c.envelope.recipients[recipients[i]];
    if (recipients.size() > most_named)
        out += " and " + std::to_string(recipients.size() - most_named) + " more";
    return out;
}

// The outcome so far as what is to be encrypted.
tl::expected<Rewrite, std::string> make(const Message& message, const Outcome& outcome,
                                        const EncryptSpec& spec)
{
    if (!outcome.replace_body) return encrypt_message(message, spec);
    return encrypt_rewritten(message, {outcome.header, outcome.body}, spec);
}

}  // namespace

void refuse_in_clear(Outcome& outcome, Report& report, const std::string& reason, bool temporary)
{
    outcome.level = base::Level::notice;
    if (temporary)
        refuse(outcome, report, Action::tempfail, "451", "4.7.5",
               "this message must be encrypted and cannot be at the moment: " + reason);
    else
        refuse(outcome, report, Action::reject, "550", "5.7.1",
               "this message must be encrypted and cannot be: " + reason);
    report.reason = reason;
}

std::vector<HeaderEdit> request_edits(const Case& c)
{
    std::vector<HeaderEdit> edits;
    int index = 0;
    for (const auto& field : c.fields) {
        if (!base::iequals(field.name, "Subject")) continue;
        ++index;
        std::string text = mime::decode_encoded_words(field.value);
        bool found = false;
        const policy::Rule* before = nullptr;  // a thousand recipients mostly have one rule
        for (const auto& recipient : c.decision.recipients) {
            if (recipient.rule == nullptr || recipient.rule == before) continue;
            before = recipient.rule;
            if (recipient.rule->encrypt_keyword.empty()) continue;
            auto without = policy::without_keyword(text, recipient.rule->encrypt_keyword);
            if (!without) continue;
            text = std::move(*without);
            found = true;
        }
        if (found)
            edits.push_back({HeaderEdit::Kind::change, "Subject", index,
                             field_value(mime::encode_words(std::string(base::trim(text))))});
    }
    return edits;
}

Encryption prepare_encryption(const Case& c, const Message& message, const World& world, Outcome& outcome,
                              Report& report)
{
    Encryption out;
    const auto& plan = c.plan();
    if (plan.encrypt == Encrypt::no) return out;
    const auto& rule = *plan.encrypt_rule;
    const bool mandatory = plan.encrypt == Encrypt::mandatory;
    const auto give_up = [&](const std::string& why, bool temporary = false) {
        if (mandatory)
            refuse_in_clear(outcome, report, why, temporary);
        else
            out.note = "no: " + why;
        return out;
    };
    const auto left = [&](const std::string& why) {
        out.note = "no: " + why;
        return out;
    };

    if (is_encrypted(message)) {
        out.by_author = true;
        out.note = "by the author";
        return out;
    }
    if (!mandatory)
        if (const auto why = exempt_from_encryption(c.envelope, c.fields, rule)) return left(*why);
    if (c.envelope.recipients.size() > most_recipients)
        return give_up("more than " + std::to_string(most_recipients) + " recipients");
    auto found = recipient_certificates(c, world);
    out.used = found.used();
    out.not_used = found.not_used();
    if (!found.missing.empty()) {
        if (mandatory) {
            report.failed = Stage::certificate;
            if (!out.not_used.empty()) report.details.push_back({"not_used", out.not_used, false});
        }
        return give_up("no certificate can be used for " + found.names_missing(), found.any_temporary());
    }
    if (c.envelope.recipients.size() > 1 && rule.encrypt_bcc != EncryptBcc::leak) {
        const auto blind = blind_recipients(c);
        const std::string why =
            names_of(c, blind) + " in neither To nor Cc: each could read who else gets it";
        if (!blind.empty() && !mandatory && rule.encrypt_bcc == EncryptBcc::plain) return left(why);
        if (!blind.empty()) {
            refuse_in_clear(outcome, report, why, false);
            return out;
        }
    }
    out.recipients = found.certificates.size();
    out.cipher = c.envelope.earlier && c.envelope.earlier->cipher ? *c.envelope.earlier->cipher
                 : rule.cipher                                    ? *rule.cipher
                               : cms::common_cipher(found.certificates, found.capabilities);
    out.certificates = std::move(found.certificates);
    if (const auto archive = c.snapshot.archives.find(rule.name); archive != c.snapshot.archives.end())
        out.certificates.insert(out.certificates.end(), archive->second.begin(), archive->second.end());
    if (rule.header_protection == policy::HeaderProtection::baseline) {
        std::optional<std::string> subject;
        for (const auto& edit : request_edits(c))
            if (edit.index == 1) subject = edit.value;
        auto made = protect(message, subject);
        if (!made) return give_up("its header cannot be protected: " + made.error().what);
        out.hidden = std::move(*made);
    }
    out.wanted = true;
    return out;
}

void encrypt(const Case& c, const Message& message, const Encryption& encryption, Outcome& outcome,
             Report& report)
{
    const auto& plan = c.plan();
    const auto tell_of_certificates = [&] {
        if (!encryption.used.empty()) report.details.push_back({"certificate", encryption.used, false});
        if (!encryption.not_used.empty()) report.details.push_back({"not_used", encryption.not_used, false});
    };
    if (!encryption.wanted) {
        if (!encryption.note.empty()) report.details.push_back({"encrypt", encryption.note, false});
        if (encryption.by_author) {
            const auto edits = request_edits(c);
            outcome.header.insert(outcome.header.end(), edits.begin(), edits.end());
        }
        tell_of_certificates();
        return;
    }
    const auto& rule = *plan.encrypt_rule;
    EncryptSpec spec;
    spec.recipients = encryption.certificates;
    spec.cipher = encryption.cipher;
    spec.key_transport = rule.key_transport;
    if (encryption.hidden) spec.protected_fields = encryption.hidden->fields;
    auto made = make(message, outcome, spec);
    if (!made) {
        refuse_in_clear(outcome, report, made.error(), true);
        report.failed = Stage::encrypt;
        outcome.level = base::Level::error;
        return;
    }
    const bool is_signed = report.action == Done::sign;
    outcome.header = c.forged();
    outcome.header.insert(outcome.header.end(), made->header.begin(), made->header.end());
    const auto edits = encryption.hidden ? encryption.hidden->outside : request_edits(c);
    outcome.header.insert(outcome.header.end(), edits.begin(), edits.end());
    outcome.replace_body = true;
    outcome.body = std::move(made->body);
    report.action = Done::encrypt;
    report.status = "ok";
    report.details.push_back({"cipher", cms::name(spec.cipher), false});
    report.details.push_back({"certificates", std::to_string(encryption.recipients), false});
    tell_of_certificates();
    report.details.push_back({"signed", is_signed ? "yes" : "no", false});
    if (encryption.hidden) report.details.push_back({"subject", "hidden", false});
    if (!plan.encrypt_request.empty()) report.details.push_back({"requested", plan.encrypt_request, false});
}

}  // namespace gateway
