#include "gateway/restore.h"

#include <variant>

#include "base/ascii.h"
#include "mime/content_type.h"
#include "mime/transform.h"
#include "mime/transport.h"

namespace gateway
{
namespace
{

// What may come back from inside a signature to a message's header: anything
// else would let a sender write the envelope's header fields (semantics C.3).
constexpr std::size_t max_fields = 32;
constexpr std::size_t max_field = 16U << 10;
constexpr std::size_t max_total = 64U << 10;
constexpr std::size_t max_name = 48;

bool well_formed_name(std::string_view name)
{
    if (name.size() > max_name) return false;
    for (char c : name)
        if (!(base::lower(c) >= 'a' && base::lower(c) <= 'z') && !base::is_digit(c) && c != '-') return false;
    return true;
}

// LF-folded without the one leading blank, as header edits want it; nullopt
// when it holds NUL, a bare CR or LF, or a fold without a blank.
std::optional<std::string> edit_value(base::Octets value)
{
    if (value.starts_with(' ')) value.remove_prefix(1);
    std::string out;
    for (std::size_t i = 0; i < value.size(); ++i) {
        if (value[i] == '\0' || value[i] == '\n') return std::nullopt;
        if (value[i] == '\r') {
            if (i + 2 >= value.size() || value[i + 1] != '\n' || !base::is_blank(value[i + 2]))
                return std::nullopt;
            ++i;
            out += '\n';
        } else {
            out += value[i];
        }
    }
    return out;
}

// A Content-Type without the parameters of header protection: what they protect
// stays behind, and "hp" outside a signature would be a lie (RFC 9788 section
// 2.1.1).  Everything else stays as it was written.
std::string without_header_protection(base::Octets value)
{
    std::string out;
    int depth = 0;
    bool quoted = false;
    std::size_t begin = 0;
    const auto take = [&](std::size_t end) {
        const auto piece = value.substr(begin, end - begin);
        const auto name = base::trim(piece.substr(piece.starts_with(';') ? 1 : 0, piece.find('=') - 1));
        const bool hp =
            piece.starts_with(';') && (base::iequals(name, "hp") || base::iequals(name, "hp-legacy-display"));
        if (!hp) out += piece;
        begin = end;
    };
    for (std::size_t i = 0; i < value.size(); ++i) {
        const char c = value[i];
        if (c == '\\' && (quoted || depth > 0))
            ++i;
        else if (c == '"' && depth == 0)
            quoted = !quoted;
        else if (c == '(' && !quoted)
            ++depth;
        else if (c == ')' && depth > 0)
            --depth;
        else if (c == ';' && !quoted && depth == 0)
            take(i);
    }
    take(value.size());
    return out;
}

tl::expected<std::vector<ContentField>, std::string> inner_fields(const mime::Header& header)
{
    std::vector<ContentField> fields;
    std::size_t total = 0;
    bool typed = false;
    for (const auto& field : header.fields) {
        if (!is_content_field(field.name) || base::iequals(field.name, "Content-Length")) continue;
        total += field.raw.size();
        auto value = edit_value(field.value);
        if (!well_formed_name(field.name) || !value || field.raw.size() > max_field || total > max_total ||
            fields.size() >= max_fields)
            return tl::make_unexpected("has a header field that cannot be restored");
        if (base::iequals(field.name, "Content-Type")) {
            typed = true;
            if (mime::parse_content_type(field.value).parameter("hp") != nullptr)
                value = without_header_protection(*value);
        }
        fields.push_back({std::string(field.name), std::move(*value)});
    }
    if (header.count("Content-Type") > 1 || header.count("Content-Transfer-Encoding") > 1)
        return tl::make_unexpected("has two Content-Type or Content-Transfer-Encoding fields");
    if (!typed) fields.insert(fields.begin(), {"Content-Type", "text/plain; charset=us-ascii"});
    return fields;
}

// 8-bit content may travel on: nothing is signed any more that a conversion
// could break.  What SMTP itself cannot carry has to be encoded.
bool transportable(const mime::Header& header, base::Octets body)
{
    if (const auto* field = header.find("Content-Transfer-Encoding"))
        if (base::iequals(mime::unfold(field->value), "binary")) return false;
    return mime::travels_as_eight_bit(body);
}

// Octets of `keep` or of the message, which outlives the outcome.
BodyPiece piece_of(base::Octets octets, const std::shared_ptr<const std::string>& keep)
{
    if (!keep) return octets;
    return Generator([keep, octets](const Sink& sink) { return sink(octets); });
}

}  // namespace

tl::expected<Rewrite, std::string> restore(const Message& message, base::Octets entity,
                                           const std::shared_ptr<const std::string>& owner,
                                           const std::string& what)
{
    const auto failed = [&](const std::string& why) { return tl::make_unexpected(what + " " + why); };
    auto header = mime::parse_header(entity);
    if (!header.terminated || header.junk || header.over_limit)
        return failed("does not begin with a MIME header");
    const auto body = entity.substr(header.body);

    Rewrite out;
    std::string encoded_header;
    if (transportable(header, body)) {
        out.body.push_back(piece_of(body, owner));
    } else {
        auto safe = mime::to_seven_bit(mime::parse_structure(header, body));
        if (!safe) return failed("cannot be sent on: " + safe.error());
        encoded_header = std::move(safe->header);
        header = mime::parse_header(encoded_header);
        for (auto& piece : safe->body) {
            if (auto* made = std::get_if<std::string>(&piece))
                out.body.emplace_back(std::move(*made));
            else
                out.body.push_back(piece_of(std::get<base::Octets>(piece), owner));
        }
    }
    auto fields = inner_fields(header);
    if (!fields) return failed(fields.error());
    out.header = content_edits(message.fields(), *fields);
    return out;
}

}  // namespace gateway
