#include "gateway/header_protection.h"

#include "base/ascii.h"
#include "gateway/rewrite.h"
#include "mime/address.h"
#include "mime/content_type.h"

namespace gateway
{
namespace
{

using Kind = HeaderEdit::Kind;

constexpr std::size_t longest = 4096;  // octets of a field that is shown

bool hides(const mime::Field* subject)
{
    if (subject == nullptr) return true;
    const auto text = mime::unfold(subject->value);
    return text.empty() || text == "[...]" || text == "...";
}

}  // namespace

std::vector<HeaderEdit> promote(const Message& message, base::Octets entity, const Verdict& verdict)
{
    const auto& outer = message.header();
    if (outer.count("Subject") > 1 || !hides(outer.find("Subject"))) return {};
    if (verdict.scope == Scope::message && verdict.result() != cms::Code::pass) return {};
    const bool is_signed = verdict.scope == Scope::message && !verdict.layers.empty();
    const auto payload = mime::parse_header(is_signed ? verdict.layers.back().content : entity);
    const auto* type = payload.find("Content-Type");
    if (type == nullptr) return {};
    const auto parsed = mime::parse_content_type(type->value);
    const auto* hp = parsed.parameter("hp");
    if (hp == nullptr || !base::iequals(*hp, "cipher")) return {};
    const auto author = mime::author_of(outer.fields), inner = mime::author_of(payload.fields);
    if (author.status != mime::AuthorStatus::ok || inner.status != mime::AuthorStatus::ok ||
        !mime::same_address(author.address(), inner.address()))
        return {};

    std::vector<HeaderEdit> edits;
    for (const char* name : {"Subject", "Keywords", "Comments"}) {
        const auto* field = payload.find(name);
        if (field == nullptr || payload.count(name) > 1 || field->value.size() > longest) continue;
        const auto* shown = outer.find(name);
        if (shown != nullptr && !base::iequals(name, "Subject")) continue;
        edits.push_back({shown == nullptr ? Kind::append : Kind::change, name, 1, field_value(field->value)});
    }
    return edits;
}

}  // namespace gateway
