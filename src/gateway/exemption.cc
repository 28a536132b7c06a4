// Kinds of messages that are left unsigned by default (semantics A.5), each
// recognised by structure, never by a substring.
#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "gateway/entity.h"
#include "gateway/sign.h"
#include "gateway/tnef.h"
#include "mime/content_type.h"

namespace gateway
{
namespace
{

// The first word of a value such as "auto-replied; owner-email=..." or "bulk".
std::string keyword(const std::vector<mime::Field>& fields, std::string_view name)
{
    const auto* field = mime::find_field(fields, name);
    if (field == nullptr) return {};
    const std::string value = base::to_lower(mime::unfold(field->value));
    return value.substr(0, value.find_first_of("; \t("));
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> list)
{
    return std::find(list.begin(), list.end(), word) != list.end();
}

bool has_smime_file_name(const std::vector<mime::Field>& fields, const mime::ContentType& type)
{
    return is_one_of(file_suffix(fields, type), {".p7m", ".p7s", ".p7c", ".p7z"});
}

bool asked_for(const policy::Rule& rule, policy::Exemption kind)
{
    return std::find(rule.sign_also.begin(), rule.sign_also.end(), kind) != rule.sign_also.end();
}

std::optional<SignExemption> already_protected(const std::vector<mime::Field>& fields,
                                               const policy::Rule& rule)
{
    const auto* field = mime::find_field(fields, "Content-Type");
    if (field == nullptr) return std::nullopt;
    const auto type = mime::parse_content_type(field->value);
    if (type.is("multipart", "signed")) {
        const auto* protocol = type.parameter("protocol");
        const bool smime = protocol != nullptr &&
                           is_one_of(base::to_lower(*protocol),
                                     {"application/pkcs7-signature", "application/x-pkcs7-signature"});
        return SignExemption{smime ? "already signed" : "already signed, not with S/MIME", smime};
    }
    if (type.is("application", "pkcs7-mime") || type.is("application", "x-pkcs7-mime")) {
        const auto* kind = type.parameter("smime-type");
        const bool is_signed = kind == nullptr || base::iequals(*kind, "signed-data");
        return SignExemption{is_signed ? "already signed" : "already encrypted", is_signed};
    }
    if (type.is("multipart", "encrypted")) return SignExemption{"already encrypted", false};
    if (type.is("application", "octet-stream") && has_smime_file_name(fields, type))
        return SignExemption{"already protected", false};
    using enum policy::Exemption;
    if ((type.is("multipart", "report") || type.is("message", "delivery-status")) && !asked_for(rule, report))
        return SignExemption{"delivery or disposition report", false};
    if (is_tnef(fields, type) && !asked_for(rule, tnef)) return SignExemption{"TNEF (winmail.dat)", false};
    if (type.is("text", "calendar") && type.parameter("method") != nullptr && !asked_for(rule, calendar))
        return SignExemption{"calendar request", false};
    return std::nullopt;
}

// Programs read or repeat it, or somebody else has signed it.
std::optional<SignExemption> not_of_a_person(const Envelope& envelope, const std::vector<mime::Field>& fields,
                                             const policy::Rule& rule)
{
    using enum policy::Exemption;
    if (envelope.mail_from.empty()) return SignExemption{"null sender", false};
    if (keyword(fields, "Auto-Submitted") == "auto-replied" && !asked_for(rule, automatic_reply))
        return SignExemption{"automatic reply", false};
    if ((is_one_of(keyword(fields, "Precedence"), {"bulk", "list", "junk"}) ||
         mime::find_field(fields, "List-Id") != nullptr ||
         mime::find_field(fields, "List-Post") != nullptr) &&
        !asked_for(rule, mailing_list))
        return SignExemption{"mailing list", false};
    if (mime::find_field(fields, "Resent-From") != nullptr && !asked_for(rule, resent))
        return SignExemption{"resent message", false};
    if (!rule.break_dkim && (mime::find_field(fields, "DKIM-Signature") != nullptr ||
                             mime::find_field(fields, "ARC-Seal") != nullptr))
        return SignExemption{"DKIM or ARC signature present", false};
    return std::nullopt;
}

}  // namespace

std::optional<SignExemption> exempt_from_signing(const Envelope& envelope,
                                                 const std::vector<mime::Field>& fields,
                                                 const policy::Rule& rule)
{
    if (auto found = already_protected(fields, rule)) return found;
    return not_of_a_person(envelope, fields, rule);
}

std::optional<std::string> exempt_from_encryption(const Envelope& envelope,
                                                  const std::vector<mime::Field>& fields,
                                                  const policy::Rule& rule)
{
    if (const auto* field = mime::find_field(fields, "Content-Type")) {
        const auto type = mime::parse_content_type(field->value);
        if (type.is("multipart", "encrypted")) return "already encrypted, not with S/MIME";
        if (type.is("multipart", "report") || type.is("message", "delivery-status"))
            return "delivery or disposition report";
    }
    const auto found = not_of_a_person(envelope, fields, rule);
    return found ? std::optional(found->reason) : std::nullopt;
}

}  // namespace gateway
