#include "gateway/tnef.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/ascii.h"
#include "gateway/enclosed.h"
#include "gateway/tnef_compose.h"
#include "gateway/tnef_same_text.h"
#include "mime/address.h"
#include "mime/codec.h"
#include "mime/encoded_word.h"
#include "mime/tnef_charset.h"

namespace gateway
{
namespace
{

bool is_name_of_tnef(const std::string* name)
{
    return name != nullptr && (base::iequals(*name, "winmail.dat") || base::iequals(*name, "win.dat"));
}

bool is_protected(const mime::ContentType& type)
{
    return type.is("multipart", "signed") || type.is("multipart", "encrypted");
}

void add_people(const Message& message, std::string_view name, mime::TnefRecipient::Kind kind,
                std::vector<mime::TnefRecipient>& to)
{
    const auto* field = message.header().find(name);
    if (field == nullptr) return;
    for (const auto& m : mime::parse_mailboxes(field->value).mailboxes)
        to.push_back({kind, {mime::decode_encoded_words(m.display_name), m.address()}});
}

// As the header names them: Exchange leaves them out of the TNEF.
mime::CalendarPeople people_of(const Message& message)
{
    using Kind = mime::TnefRecipient::Kind;
    mime::CalendarPeople out;
    const auto author = mime::author_of(message.fields());
    out.organizer = {mime::decode_encoded_words(author.mailbox.display_name), author.address()};
    add_people(message, "To", Kind::to, out.attendees);
    add_people(message, "Cc", Kind::cc, out.attendees);
    return out;
}

class Converter
{
public:
    Converter(const Message& message, base::Time now, base::Random& random)
        : message_(message),
          header_(enclosed_header(message)),
          structure_(mime::parse_structure(mime::parse_header(header_), message.body())),
          context_{&random, now, {}, {}},
          state_(structure_.parts.size())
    {
        left_.expanded = std::min(left_.expanded, spared_expansion + most_expansion * message.body().size());
        left_to_write_ = spared_growth + most_growth * message.octets().size();
    }

    tl::expected<std::optional<Rewrite>, std::string> run()
    {
        if (!look()) return std::optional<Rewrite>();
        context_.people = people_of(message_);
        if (const auto* subject = message_.header().find("Subject"))
            context_.subject = mime::decode_encoded_words(subject->value);
        auto entities = composed(0);
        if (!why_.empty()) return tl::make_unexpected(why_);
        return rewrite(entities.size() == 1 ? std::move(entities.front())
                                            : multipart("mixed", entities, *context_.random));
    }

private:
    // LZFu takes 17 octets and more from 2 where text repeats itself; what makes so much of
    // the whole message was written to cost much.
    static constexpr std::size_t most_expansion = 2, spared_expansion = 256U << 10;
    // And what came of it, in all: base64, text beside RTF, the people of a meeting.  Without
    // this each of many meetings would repeat the header's.
    static constexpr std::size_t most_growth = 6, spared_growth = 256U << 10;

    using List = std::vector<MimeEntity>;

    // Marks TNEF parts and the multiparts above them.
    bool look()
    {
        bool any = false;
        for (std::size_t i = 0; i < structure_.parts.size(); ++i) {
            const auto& part = structure_.parts[i];
            const auto* above = part.parent < 0 ? nullptr : &state_[static_cast<std::size_t>(part.parent)];
            State& own = state_[i];
            own.reachable = (above == nullptr || above->open);
            own.open = own.reachable && part.content_type.is_multipart() && !is_protected(part.content_type);
            if (above != nullptr) state_[static_cast<std::size_t>(part.parent)].children.push_back(i);
            own.tnef = own.reachable && !part.content_type.is_multipart() &&
                       is_tnef(part.header.fields, part.content_type);
            if (!own.tnef) continue;
            any = true;
            for (int up = static_cast<int>(i); up >= 0;
                 up = structure_.parts[static_cast<std::size_t>(up)].parent)
                state_[static_cast<std::size_t>(up)].changes = true;
        }
        return any;
    }

    // Moved, since there may be many megabytes of it.
    static List only(MimeEntity entity)
    {
        List out;
        out.push_back(std::move(entity));
        return out;
    }
    static void append(List& to, List more)
    {
        to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    }

    List give_up(std::string why)
    {
        if (why_.empty()) why_ = std::move(why);
        return {};
    }

    // Recursion as deep as the structure, which mime::Limits bounds.
    List composed(std::size_t i)  // NOLINT(misc-no-recursion)
    {
        const auto& part = structure_.parts[i];
        if (!state_[i].changes) return only(MimeEntity(part.whole));
        using enum mime::Defect;
        for (const auto defect :
             {missing_boundary, missing_close, no_parts, ambiguous_boundary, duplicate_type, invalid_type,
              encoded_multipart, unterminated_header, limit})
            if (part.defects.has(defect))
                return give_up(std::string("the message around it has a defect: ") + mime::describe(defect));
        if (state_[i].tnef) return converted(i, nullptr);
        const auto& children = state_[i].children;
        const bool mixed = part.content_type.is("multipart", "mixed");
        List parts;
        for (std::size_t c = 0; c < children.size() && why_.empty(); ++c) {
            if (mixed && c == 0 && joins_text(children)) {
                // The body takes the place of the text; what else there is stays where it was.
                append(parts, converted(children[1], &structure_.parts[children[0]]));
                ++c;
                continue;
            }
            List own = composed(children[c]);
            if (own.size() > 1 && !mixed) own = only(multipart("mixed", own, *context_.random));
            append(parts, std::move(own));
        }
        if (!why_.empty()) return {};
        return only(with_fields(part, multipart(part.content_type.subtype, parts, *context_.random,
                                                other_parameters(part.content_type))));
    }

    // A text, then the TNEF: this is how Exchange writes for those who cannot read it.
    [[nodiscard]] bool joins_text(const std::vector<std::size_t>& children) const
    {
        if (children.size() < 2 || !state_[children[1]].tnef) return false;
        const auto& text = structure_.parts[children[0]];
        const auto* disposition = mime::find_field(text.header.fields, "Content-Disposition");
        return text.content_type.is("text", "plain") &&
               (disposition == nullptr || mime::parse_disposition(disposition->value).type != "attachment");
    }

    List converted(std::size_t i, const mime::Part* text)
    {
        const auto& part = structure_.parts[i];
        auto octets = mime::decode(part.encoding, part.body);
        if (!octets) return give_up("its transfer encoding is broken");
        const auto message = mime::read_tnef_within(*octets, left_, pages_);
        if (!message) return give_up(message.error());
        if (text == nullptr) return written(compose(*message, std::nullopt, context_));
        const auto outer = mime::decode(text->encoding, text->body);
        if (outer && same_text(*message, *outer, text->content_type.parameter("charset"), pages_))
            return written(compose(*message, MimeEntity(text->whole), context_));
        List out = only(MimeEntity(text->whole));
        append(out, written(compose(*message, std::nullopt, context_)));
        return out;
    }

    List written(List entities)
    {
        std::size_t size = 0;
        for (const auto& entity : entities) size += entity.size();
        if (size > left_to_write_) return give_up("it would become many times as large");
        left_to_write_ -= size;
        return entities;
    }

    static std::string other_parameters(const mime::ContentType& type)
    {
        std::string out;
        for (const auto& p : type.parameters) {
            if (p.name == "boundary") continue;
            out += ";\r\n " + p.name + "=\"";
            for (const char c : p.value) {
                if (c == '"' || c == '\\') out += '\\';
                out += c;
            }
            out += '"';
        }
        return out;
    }

    // The part's other Content-* fields before those of the entity.
    static MimeEntity with_fields(const mime::Part& part, MimeEntity entity)
    {
        std::string out;
        for (const auto& field : part.header.fields)
            if (!base::iequals(field.name, "Content-Type") &&
                !base::iequals(field.name, "Content-Transfer-Encoding"))
                out += field.raw;
        return std::move(entity.insert(0, out));
    }

    std::optional<Rewrite> rewrite(MimeEntity entity) const
    {
        const auto header = mime::parse_header(entity);
        std::vector<ContentField> fields;
        for (const auto& field : header.fields)
            fields.push_back({std::string(field.name), field_value(field.value)});
        Rewrite out;
        out.header = content_edits(message_.fields(), fields);
        out.body.emplace_back(std::move(entity.erase(0, header.body)));
        return out;
    }

    struct State {
        bool reachable = false;  // no signed, encrypted or attached message is above it
        bool open = false;       // and what it holds is, too
        bool tnef = false;
        bool changes = false;  // it is one, or holds one
        std::vector<std::size_t> children;
    };

    const Message& message_;
    std::string header_;
    mime::Structure structure_;
    ComposeContext context_;
    std::vector<State> state_;
    mime::TnefLimits left_;  // for what is still to be read
    std::size_t left_to_write_ = 0;
    mime::CodePages pages_;  // to open them takes longer than to use them
    std::string why_;
};

}  // namespace

bool is_tnef(const std::vector<mime::Field>& fields, const mime::ContentType& type)
{
    if (type.is("application", "ms-tnef") || type.is("application", "vnd.ms-tnef")) return true;
    if (type.type != "application") return false;
    if (is_name_of_tnef(type.parameter("name"))) return true;
    const auto* disposition = mime::find_field(fields, "Content-Disposition");
    return disposition != nullptr &&
           is_name_of_tnef(mime::parse_disposition(disposition->value).parameter("filename"));
}

bool may_carry_tnef(const std::vector<mime::Field>& fields)
{
    const auto* field = mime::find_field(fields, "Content-Type");
    if (field == nullptr) return false;
    const auto type = mime::parse_content_type(field->value);
    return is_tnef(fields, type) || (type.is_multipart() && !is_protected(type));
}

tl::expected<std::optional<Rewrite>, std::string> convert_tnef(const Message& message, base::Time now,
                                                               base::Random& random)
{
    return Converter(message, now, random).run();
}

}  // namespace gateway
