#include "gateway/entity.h"

#include <algorithm>

#include "base/ascii.h"
#include "cms/verify.h"
#include "mime/codec.h"
#include "mime/part_header.h"
#include "mime/structure.h"

namespace gateway
{
namespace
{

using cms::Finding;

bool is_signature_type(std::string_view type)
{
    return base::iequals(type, "application/pkcs7-signature") ||
           base::iequals(type, "application/x-pkcs7-signature");
}

// A multipart/signed of no or another protocol whose parts hold an S/MIME
// signature all the same: readers that look at the parts would believe it.
bool holds_signature_part(const Entity& entity)
{
    if (!entity.type.is("multipart", "signed") || claims_clear(entity.type)) return false;
    const auto structure = mime::parse_structure(entity.header, entity.body);
    return std::any_of(structure.parts.begin(), structure.parts.end(), [](const mime::Part& part) {
        return part.parent == 0 &&
               is_signature_type(part.content_type.type + "/" + part.content_type.subtype);
    });
}

// Does a line of the preamble look like a delimiter of some other boundary?
bool holds_delimiter(base::Octets preamble)
{
    return preamble.starts_with("--") || preamble.find("\n--") != base::Octets::npos ||
           preamble.find("\r--") != base::Octets::npos;
}

}  // namespace

Entity examine(mime::Header header, base::Octets body, std::string path)
{
    Entity entity;
    entity.header = std::move(header);
    entity.body = body;
    entity.path = std::move(path);
    if (const auto* field = entity.header.find("Content-Type"))
        entity.type = mime::parse_content_type(field->value);
    entity.encoding = mime::encoding_of(entity.header);
    entity.duplicate_type =
        entity.header.count("Content-Type") > 1 || entity.header.count("Content-Transfer-Encoding") > 1;
    return entity;
}

bool claims_clear(const mime::ContentType& type)
{
    return type.is("multipart", "signed") &&
           std::any_of(type.parameters.begin(), type.parameters.end(), [](const mime::Parameter& p) {
               return (p.name == "protocol" || p.name.starts_with("protocol*")) &&
                      base::to_lower(p.value).find("pkcs7-signature") != std::string::npos;
           });
}

bool claims_opaque(const mime::ContentType& type)
{
    return type.is("application", "pkcs7-mime") || type.is("application", "x-pkcs7-mime");
}

bool claims_smime(const Entity& entity)
{
    return entity.taken_for_opaque || holds_signature_part(entity) ||
           std::any_of(entity.header.fields.begin(), entity.header.fields.end(), [](const mime::Field& f) {
               if (!base::iequals(f.name, "Content-Type")) return false;
               const auto type = mime::parse_content_type(f.value);
               return claims_clear(type) || claims_opaque(type);
           });
}

std::string file_suffix(const std::vector<mime::Field>& fields, const mime::ContentType& type)
{
    std::string name;
    if (const auto* p = type.parameter("name")) name = *p;
    if (const auto* field = mime::find_field(fields, "Content-Disposition")) {
        const auto disposition = mime::parse_disposition(field->value);
        if (const auto* p = disposition.parameter("filename")) name = *p;
    }
    const auto dot = name.rfind('.');
    return dot == std::string::npos ? std::string() : base::to_lower(name.substr(dot));
}

void take_octet_stream(Entity& entity)
{
    if (entity.duplicate_type || !entity.type.is("application", "octet-stream") ||
        file_suffix(entity.header.fields, entity.type) != ".p7m")
        return;
    entity.type.subtype = "pkcs7-mime";
    entity.taken_for_opaque = true;
}

ClearSigned open_clear(const Entity& entity)
{
    ClearSigned out;
    const auto* protocol = entity.type.parameter("protocol");
    if (entity.duplicate_type || !entity.type.valid || entity.type.duplicate_parameter ||
        entity.type.disputable || protocol == nullptr || !is_signature_type(*protocol) ||
        !mime::is_identity_encoding(entity.encoding)) {
        out.findings.add(Finding::structure);
        return out;
    }
    const auto* boundary = entity.type.parameter("boundary");
    const auto split = mime::split_signed(entity.body, boundary == nullptr ? "" : *boundary);
    if (!split.ok) {
        out.findings.add(split.error == mime::SplitError::ambiguous ? Finding::ambiguous_boundary
                                                                    : Finding::structure);
        return out;
    }
    if (holds_delimiter(split.parts.preamble)) {
        out.findings.add(Finding::ambiguous_boundary);
        return out;
    }
    out.parts = split.parts;
    const auto header = mime::parse_header(split.parts.signature);
    const Entity part = examine(header, split.parts.signature.substr(header.body), "");
    if (part.duplicate_type || part.type.duplicate_parameter ||
        !is_signature_type(part.type.present ? part.type.type + "/" + part.type.subtype : "")) {
        out.findings.add(Finding::structure);
        return out;
    }
    // Base64 with its line ends is less than one and a half times as long.
    if (part.body.size() / 3 * 2 > cms::VerifyLimits().detached_octets) {
        out.findings.add(Finding::limit);
        return out;
    }
    auto der = mime::decode(part.encoding, part.body);
    if (der)
        out.der = std::move(*der);
    else
        out.findings.add(Finding::malformed);
    return out;
}

}  // namespace gateway
