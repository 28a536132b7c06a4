#include "gateway/reencapsulate.h"

#include <array>

#include "base/ascii.h"
#include "cms/encapsulate.h"
#include "cms/verify.h"
#include "gateway/entity.h"
#include "mime/codec.h"
#include "mime/transport.h"

namespace gateway
{
namespace
{

std::optional<ClearSigned> opened(const Message& message)
{
    const Entity entity = examine(message.header(), message.body(), "");
    if (!claims_clear(entity.type)) return std::nullopt;
    return open_clear(entity);
}

Entity outermost(const std::vector<mime::Field>& fields)
{
    mime::Header header;
    header.fields = fields;
    return examine(std::move(header), {}, "");
}

std::optional<std::string> fragile_label(base::Octets entity)
{
    const auto header = mime::parse_header(entity);
    const auto structure = mime::parse_structure(header, entity.substr(header.body));
    for (const auto& part : structure.parts)
        if (part.encoding == "8bit" || part.encoding == "binary") return "a part labelled " + part.encoding;
    return std::nullopt;
}

// Every signature holds over exactly these octets.
std::optional<std::string> objection(base::Octets der, base::Octets content)
{
    const cms::Trust nobody;
    cms::VerifyOptions options;
    options.trust = &nobody;
    const auto verdict = cms::verify_opaque(der, options);
    if (const auto why = verdict.findings.worst()) return std::string(cms::reason(*why));
    if (verdict.signers.empty()) return "there is no signer";
    for (const auto& signer : verdict.signers)
        if (!signer.findings.intact()) {
            const auto why = signer.findings.worst();
            return std::string(why ? cms::reason(*why) : "a signer is not intact");
        }
    if (verdict.content != content) return "it covers other octets";
    return std::nullopt;
}

}  // namespace

bool claims_signature(const std::vector<mime::Field>& fields)
{
    const Entity entity = outermost(fields);
    if (entity.duplicate_type) return false;
    if (claims_clear(entity.type)) return true;
    const auto* kind = entity.type.parameter("smime-type");
    return claims_opaque(entity.type) && (kind == nullptr || base::iequals(*kind, "signed-data"));
}

bool claims_clear_signature(const std::vector<mime::Field>& fields)
{
    const Entity entity = outermost(fields);
    return !entity.duplicate_type && claims_clear(entity.type);
}

std::optional<std::string> fragile_signed_part(const Message& message)
{
    const auto clear = opened(message);
    if (!clear || !clear->findings.empty()) return std::nullopt;
    if (auto hazard = mime::octet_hazard(clear->parts.content)) return hazard;
    return fragile_label(clear->parts.content);
}

tl::expected<Rewrite, std::string> reencapsulate(const Message& message)
{
    const auto clear = opened(message);
    if (!clear) return tl::make_unexpected("the message is not clear-signed");
    if (const auto why = clear->findings.worst()) return tl::make_unexpected(std::string(cms::reason(*why)));
    const base::Octets content = clear->parts.content;
    const std::array<base::Octets, 1> pieces{content};
    const auto der = cms::encapsulate(clear->der, pieces);
    if (!der) return tl::make_unexpected(der.error().what);

    // From here on only what will be sent is looked at.
    Rewrite out;
    std::string body = mime::base64_lines(*der);
    const auto decoded = mime::base64_decode(body);
    if (!decoded) return tl::make_unexpected("the opaque form cannot be decoded");
    if (const auto why = objection(*decoded, content))
        return tl::make_unexpected("the signature does not hold: " + *why);
    out.header = content_edits(
        message.fields(),
        {{"Content-Type", "application/pkcs7-mime; smime-type=signed-data;\n name=\"smime.p7m\""},
         {"Content-Transfer-Encoding", "base64"},
         {"Content-Disposition", "attachment; filename=\"smime.p7m\""}});
    out.body.emplace_back(std::move(body));
    return out;
}

}  // namespace gateway
