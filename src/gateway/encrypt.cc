#include "gateway/encrypt.h"

#include "cms/decrypt.h"
#include "gateway/enclosed.h"
#include "mime/codec.h"
#include "mime/structure.h"

namespace gateway
{
namespace
{

tl::expected<Rewrite, std::string> encrypt_entity(const Message& message, base::Pieces entity,
                                                  const EncryptSpec& spec)
{
    cms::EncryptRequest request;
    request.recipients = spec.recipients;
    request.cipher = spec.cipher;
    request.key_transport = spec.key_transport;
    const auto made = cms::encrypt(entity, request);
    if (!made) return tl::make_unexpected(made.error().what);
    std::string body = mime::base64_lines(*made);

    // What leaves must be what a recipient can open: looked at as they will.
    const auto decoded = mime::base64_decode(body);
    cms::EnvelopedLimits limits;
    limits.recipients = 2 * spec.recipients.size();  // a key agreement and its key count apart
    if (!decoded) return tl::make_unexpected("the encrypted message made cannot be decoded");
    const auto read = cms::Enveloped::read(*decoded, limits);
    if (!read) return tl::make_unexpected("the encrypted message made cannot be read");
    for (const auto& certificate : spec.recipients)
        if (!read->names(certificate))
            return tl::make_unexpected("the encrypted message made does not name " + certificate.subject());

    Rewrite out;
    const std::string kind = cms::authenticates(spec.cipher) ? "authEnveloped-data" : "enveloped-data";
    out.header = content_edits(
        message.fields(),
        {{"Content-Type", "application/pkcs7-mime; smime-type=" + kind + ";\n name=\"smime.p7m\""},
         {"Content-Transfer-Encoding", "base64"},
         {"Content-Disposition", "attachment; filename=\"smime.p7m\""},
         {"Content-Description", "S/MIME Encrypted Message"}});
    out.body.emplace_back(std::move(body));
    return out;
}

}  // namespace

tl::expected<Rewrite, std::string> encrypt_message(const Message& message, const EncryptSpec& spec)
{
    const std::string header = enclosed_header(message, spec.protected_fields);
    const auto structure = mime::parse_structure(mime::parse_header(header), message.body());
    auto entity = enclose_for_journey(structure);
    if (!entity) entity = Enclosed{header, {message.body()}, 0};
    return encrypt_entity(message, entity->octets(), spec);
}

tl::expected<Rewrite, std::string> encrypt_rewritten(const Message& message, const Rewrite& inner,
                                                     const EncryptSpec& spec)
{
    Outcome outcome;
    outcome.header = inner.header;
    outcome.replace_body = true;
    outcome.body = inner.body;
    const std::string octets = render(message, outcome);
    const auto header = mime::parse_header(octets);
    if (header.over_limit) return tl::make_unexpected("its header is too large");
    std::string fields;
    for (const auto& field : header.fields)
        if (is_content_field(field.name)) fields += field.raw;
    fields += "\r\n";
    const base::Octets pieces[] = {fields, base::Octets(octets).substr(header.body)};
    return encrypt_entity(message, pieces, spec);
}

}  // namespace gateway
