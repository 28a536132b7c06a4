#include "gateway/onto.h"

#include <algorithm>
#include <array>
#include <variant>

#include "base/ascii.h"

namespace gateway
{
namespace
{

using Kind = HeaderEdit::Kind;

// What header protection may have brought out of the message (RFC 9788 section 4).
constexpr std::array promoted = {std::string_view("Subject"), std::string_view("Keywords"),
                                 std::string_view("Comments")};

// Worked out from what comes of it, not taken over.
bool is_settled(const HeaderEdit& edit)
{
    return is_content_field(edit.name) || base::iequals(edit.name, "MIME-Version") ||
           std::any_of(promoted.begin(), promoted.end(),
                       [&](std::string_view name) { return base::iequals(edit.name, name); });
}

std::vector<std::string> values(const mime::Header& header, std::string_view name)
{
    std::vector<std::string> out;
    for (const auto& field : header.fields)
        if (base::iequals(field.name, name)) out.push_back(field_value(field.value));
    return out;
}

std::vector<HeaderEdit> field_edits(std::string_view name, const std::vector<std::string>& before,
                                    const std::vector<std::string>& after)
{
    std::vector<HeaderEdit> edits;
    for (std::size_t i = 0; i < after.size(); ++i) {
        const int index = static_cast<int>(i) + 1;
        if (i >= before.size())
            edits.push_back({Kind::append, std::string(name), index, after[i]});
        else if (before[i] != after[i])
            edits.push_back({Kind::change, std::string(name), index, after[i]});
    }
    for (std::size_t i = before.size(); i > after.size(); --i)
        edits.push_back({Kind::remove, std::string(name), static_cast<int>(i), ""});
    return edits;
}

BodyPiece kept(BodyPiece piece, const std::shared_ptr<const Message>& owner)
{
    if (const auto* octets = std::get_if<base::Octets>(&piece))
        return Generator([owner, octets = *octets](const Sink& sink) { return sink(octets); });
    if (auto* generator = std::get_if<Generator>(&piece))
        return Generator([owner, make = std::move(*generator)](const Sink& sink) { return make(sink); });
    return piece;
}

}  // namespace

base::Result<std::shared_ptr<const Message>> rewritten(const Message& message, const Rewrite& rewrite,
                                                       Envelope envelope)
{
    Outcome outcome;
    outcome.header = rewrite.header;
    outcome.replace_body = true;
    // Borrowed, not copied: `rewrite` outlives `outcome`.
    for (const auto& piece : rewrite.body) {
        const auto* text = std::get_if<std::string>(&piece);
        outcome.body.push_back(text != nullptr ? BodyPiece(base::Octets(*text)) : piece);
    }
    auto made = message_from_octets(render(message, outcome), std::move(envelope));
    if (!made) return base::fail(made.error());
    return std::make_shared<const Message>(std::move(*made));
}

Outcome onto(const Message& message, const std::shared_ptr<const Message>& inner, Outcome outcome)
{
    if (outcome.action == Action::reject || outcome.action == Action::tempfail) return outcome;
    Outcome of_header;
    of_header.header = outcome.header;
    of_header.replace_body = true;
    const std::string octets = render(*inner, of_header);
    const auto after = mime::parse_header(octets);

    std::vector<ContentField> content;
    for (const auto& field : after.fields)
        if (is_content_field(field.name))
            content.push_back({std::string(field.name), field_value(field.value)});
    auto header = content_edits(message.fields(), content);
    for (const auto name : promoted) {
        auto edits = field_edits(name, values(message.header(), name), values(after, name));
        header.insert(header.end(), edits.begin(), edits.end());
    }
    for (auto& edit : outcome.header)
        if (!is_settled(edit)) header.push_back(std::move(edit));
    outcome.header = std::move(header);

    if (!outcome.replace_body) outcome.body = {inner->body()};
    outcome.replace_body = true;
    for (auto& piece : outcome.body) piece = kept(std::move(piece), inner);
    return outcome;
}

}  // namespace gateway
