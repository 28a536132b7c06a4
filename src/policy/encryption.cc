#include "policy/encryption.h"

#include <algorithm>

#include "base/ascii.h"
#include "mime/encoded_word.h"

namespace policy
{
namespace
{

bool has_keyword(const Facts& facts, const std::string& keyword)
{
    if (keyword.empty()) return false;
    return std::any_of(facts.header->begin(), facts.header->end(), [&](const mime::Field& field) {
        return base::iequals(field.name, "Subject") &&
               without_keyword(mime::decode_encoded_words(field.value), keyword).has_value();
    });
}

bool is_confidential(const Facts& facts)
{
    return std::any_of(facts.header->begin(), facts.header->end(), [](const mime::Field& field) {
        return base::iequals(field.name, "Sensitivity") &&
               base::iequals(mime::unfold(field.value), "Company-Confidential");
    });
}

}  // namespace

EncryptionRequest encryption_request(const Facts& facts, const std::vector<const Rule*>& rules)
{
    using Kind = EncryptionRequest::Kind;
    EncryptionRequest out;
    if (facts.encryption_requested) return {Kind::yes, "before it was split"};
    if (facts.header == nullptr) return out;
    for (const auto& field : *facts.header) {
        if (!base::iequals(field.name, encrypt_field)) continue;
        const bool no = base::iequals(mime::unfold(field.value), "no");
        if (!no) return {Kind::yes, std::string(encrypt_field) + ": yes"};
        out = {Kind::no, std::string(encrypt_field) + ": no"};
    }
    for (const Rule* rule : rules) {
        if (has_keyword(facts, rule->encrypt_keyword))
            return {Kind::yes, rule->encrypt_keyword + " in the Subject"};
        if (rule->encrypt_sensitivity && is_confidential(facts))
            return {Kind::yes, "Sensitivity: Company-Confidential"};
    }
    return out;
}

std::optional<std::string> without_keyword(std::string_view subject, std::string_view keyword)
{
    const std::string lower = base::to_lower(subject), wanted = base::to_lower(keyword);
    std::string out;
    std::size_t from = 0;
    for (auto at = lower.find(wanted); at != std::string::npos; at = lower.find(wanted, from)) {
        out += subject.substr(from, at - from);
        from = at + wanted.size();
        if (from < subject.size() && subject[from] == ' ' && (out.empty() || out.ends_with(' '))) ++from;
    }
    if (from == 0) return std::nullopt;
    return out + std::string(subject.substr(from));
}

bool splits(const Config& config, const Facts& facts)
{
    return !facts.returned && facts.recipients.size() > 1 &&
           std::any_of(config.split.entrance.begin(), config.split.entrance.end(),
                       [&](const std::string& p) { return base::wildcard_match(p, facts.listener); });
}

}  // namespace policy
