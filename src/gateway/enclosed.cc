#include "gateway/enclosed.h"

#include <utility>
#include <variant>

#include "base/ascii.h"
#include "gateway/rewrite.h"
#include "mime/codec.h"
#include "mime/part_header.h"
#include "mime/utf8.h"

namespace gateway
{
namespace
{

// The default that RFC 2045 section 5.2 implies, written out: signed octets must
// not depend on a default.  Text that is not ASCII gets the charset that it is
// in, or an honest word for not knowing (RFC 1428).
std::string default_type(const mime::Header& header, base::Octets body)
{
    const std::string encoding = mime::encoding_of(header);
    std::optional<std::string> decoded;
    if (!mime::is_identity_encoding(encoding)) decoded = mime::decode(encoding, body);
    const base::Octets text = decoded ? base::Octets(*decoded) : body;
    const char* charset = mime::is_ascii(text) ? "us-ascii" : mime::is_utf8(text) ? "utf-8" : "unknown-8bit";
    return std::string("Content-Type: text/plain; charset=") + charset + "\r\n";
}

// The Content-* fields but Content-Length, and whether Content-Type is among them.
std::pair<std::string, bool> content_fields(const std::vector<mime::Field>& fields)
{
    std::string out;
    bool typed = false;
    for (const auto& field : fields) {
        if (!is_content_field(field.name) || base::iequals(field.name, "Content-Length")) continue;
        typed = typed || base::iequals(field.name, "Content-Type");
        out += field.raw;
        if (!field.raw.ends_with('\n')) out += "\r\n";
    }
    return {std::move(out), typed};
}

}  // namespace

std::string enclosed_header(const Message& message, const std::string& before)
{
    auto [out, typed] = content_fields(message.fields());
    if (!typed) out.insert(0, default_type(message.header(), message.body()));
    return before + out + "\r\n";
}

std::optional<std::string> enclosed_header(const std::vector<mime::Field>& fields)
{
    auto [out, typed] = content_fields(fields);
    return typed ? std::optional(out + "\r\n") : std::nullopt;
}

std::vector<base::Octets> Enclosed::octets() const
{
    std::vector<base::Octets> out{header};
    for (const auto& piece : body) out.push_back(mime::octets_of(piece));
    return out;
}

tl::expected<Enclosed, std::string> enclose_for_journey(const mime::Structure& structure, mime::Known known)
{
    auto safe = mime::to_seven_bit(structure, known);
    if (!safe) return tl::make_unexpected(std::move(safe.error()));
    return Enclosed{std::move(safe->header), std::move(safe->body), safe->encoded};
}

}  // namespace gateway
