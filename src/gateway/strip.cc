#include "gateway/strip.h"

#include "base/ascii.h"
#include "mime/content_type.h"
#include "mime/transport.h"

namespace gateway
{
namespace
{

// What may come back from inside a signature to a message's header: anything
// else would let a signer write the envelope's header fields (semantics C.3).
constexpr std::size_t max_fields = 32;
constexpr std::size_t max_field = 16 * 1024;
constexpr std::size_t max_total = 64 * 1024;
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
            return tl::make_unexpected("the signed part has a header field that cannot be restored");
        if (base::iequals(field.name, "Content-Type")) {
            typed = true;
            if (mime::parse_content_type(field.value).parameter("hp") != nullptr)
                value = without_header_protection(*value);
        }
        fields.push_back({std::string(field.name), std::move(*value)});
    }
    if (header.count("Content-Type") > 1 || header.count("Content-Transfer-Encoding") > 1)
        return tl::make_unexpected(
            "the signed part has two Content-Type or Content-Transfer-Encoding fields");
    if (!typed) fields.insert(fields.begin(), {"Content-Type", "text/plain; charset=us-ascii"});
    return fields;
}

// 8-bit content may travel on: nothing is signed any more that a conversion
// could break.  What SMTP itself cannot carry has to stay inside.
std::optional<std::string> untransportable(const mime::Header& header, base::Octets body)
{
    if (const auto* field = header.find("Content-Transfer-Encoding"))
        if (base::iequals(mime::unfold(field->value), "binary")) return "the signed part is binary";
    std::size_t line = 0;
    for (std::size_t i = 0; i < body.size(); ++i) {
        const char c = body[i];
        if (c == '\0') return "the signed part contains NUL";
        if (c == '\r') {
            if (i + 1 >= body.size() || body[i + 1] != '\n') return "the signed part contains a bare CR";
            ++i;
            line = 0;
        } else if (c == '\n') {
            return "the signed part contains a bare LF";
        } else if (++line > mime::max_line) {
            return "the signed part has a line that is too long to be sent unencoded";
        }
    }
    return std::nullopt;
}

}  // namespace

tl::expected<Rewrite, std::string> strip_signature(const Message& message, const Verdict& verdict, bool any)
{
    if (verdict.scope != Scope::message || verdict.layers.empty())
        return tl::make_unexpected(verdict.scope == Scope::part ? "only a part of the message is signed"
                                                                : "the message is not signed");
    if (!any && verdict.result() != cms::Code::pass)
        return tl::make_unexpected("the signature did not pass: " + verdict.reason());

    if (verdict.layers.front().findings.has(cms::Finding::protected_from))
        return tl::make_unexpected("the signed header names another From than the message");

    std::size_t last = any ? 0 : static_cast<std::size_t>(verdict.deciding);
    while (last + 1 < verdict.layers.size() && verdict.layers[last + 1].findings.empty()) ++last;
    const Layer& layer = verdict.layers[last];
    if (layer.content.empty())
        return tl::make_unexpected("the signature encloses nothing that could be restored");

    const auto header = mime::parse_header(layer.content);
    if (!header.terminated || header.junk || header.over_limit)
        return tl::make_unexpected("the signed part does not begin with a MIME header");
    const auto body = layer.content.substr(header.body);
    if (auto why = untransportable(header, body)) return tl::make_unexpected(std::move(*why));
    auto fields = inner_fields(header);
    if (!fields) return tl::make_unexpected(std::move(fields.error()));

    Rewrite out;
    out.header = content_edits(message.fields(), *fields);
    if (layer.owned) {
        out.body.emplace_back(Generator([keep = layer.owned, body](const Sink& sink) { return sink(body); }));
    } else {
        out.body.emplace_back(body);
    }
    return out;
}

}  // namespace gateway
