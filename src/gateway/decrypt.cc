#include "gateway/decrypt.h"

#include <optional>

#include "cms/decrypt.h"
#include "cms/trust.h"
#include "cms/verify.h"
#include "gateway/entity.h"
#include "gateway/restore.h"
#include "gateway/verify.h"
#include "mime/codec.h"
#include "mime/utf8.h"

namespace gateway
{
namespace
{

constexpr int max_envelopes = 5;

// The CMS of an entity that is an envelope; nullopt when it is none.
std::optional<std::string> envelope_of(const Entity& entity)
{
    if (!claims_opaque(entity.type) || entity.duplicate_type) return std::nullopt;
    auto der = mime::decode(entity.encoding, entity.body);
    if (!der) return std::nullopt;
    const auto kind = cms::content_kind(*der);
    if (kind != cms::ContentKind::enveloped_data && kind != cms::ContentKind::auth_enveloped_data)
        return std::nullopt;
    return der;
}

struct Opened {
    std::string content;
    std::string cipher;
    bool authenticated = false;
    const store::Identity* identity = nullptr;
};

// With a wrong key, CBC gives plausible success with garbage once in 250 times.
bool is_mime_entity(const Opened& opened)
{
    const auto header = mime::parse_header(opened.content);
    if (!header.terminated || header.junk || header.over_limit) return false;
    return opened.authenticated || !header.fields.empty();
}

tl::expected<Opened, std::string> open(base::Octets der, const DecryptSpec& spec)
{
    cms::EnvelopedLimits limits;
    limits.allow_3des = spec.allow_3des;
    const auto envelope = cms::Enveloped::read(der, limits);
    if (!envelope) return tl::make_unexpected(envelope.error().what);
    std::string why = "no key for any of its recipients";
    for (const auto* identity : spec.identities) {
        if (!identity->key || !envelope->names(identity->certificate)) continue;
        auto content = envelope->decrypt(identity->certificate, *identity->key);
        if (!content) {
            why = content.error().what;
            continue;
        }
        // Some write what they encrypt with the line ends of their own system, where
        // RFC 8551 section 3.1.1 wants the canonical ones.
        Opened opened{with_wire_line_ends(std::move(*content)), envelope->cipher(), envelope->authenticated(),
                      identity};
        if (is_mime_entity(opened)) return opened;
        if (spec.any_content && !opened.content.empty()) {
            opened.content.insert(0, mime::is_utf8(opened.content)
                                         ? "Content-Type: text/plain; charset=utf-8\r\n\r\n"
                                         : "Content-Type: application/octet-stream\r\n\r\n");
            return opened;
        }
        why = "what comes out is not a MIME entity";
    }
    return tl::make_unexpected(why);
}

// The envelope that the message is, or that intact signatures enclose.
tl::expected<std::optional<std::string>, std::string> find_envelope(const Message& message)
{
    if (auto der = envelope_of(examine(message.header(), message.body(), ""))) return der;
    const cms::Trust nobody;
    VerifyRequest request;
    request.trust = &nobody;
    const auto verdict = verify_message(message.header(), message.body(), request);
    if (!verdict.encrypted || verdict.layers.empty()) return std::nullopt;
    for (const auto& layer : verdict.layers)
        if (!layer.findings.intact()) return tl::make_unexpected("the signature around it is not intact");
    const auto& content = verdict.layers.back().content;
    const auto header = mime::parse_header(content);
    return envelope_of(examine(header, content.substr(header.body), ""));
}

}  // namespace

bool is_encrypted(const Message& message)
{
    cms::EnvelopedLimits limits;
    limits.recipients = 1000;
    const auto der = envelope_of(examine(message.header(), message.body(), ""));
    return der && cms::Enveloped::read(*der, limits).has_value();
}

Decryption decrypt_message(const Message& message, const DecryptSpec& spec)
{
    Decryption out;
    auto der = find_envelope(message);
    if (der && !*der) return out;
    out.kind = Decryption::Kind::failed;
    if (!der) {
        out.reason = der.error();
        return out;
    }
    auto opened = open(**der, spec);
    if (!opened) {
        out.reason = opened.error();
        return out;
    }
    out.cipher = opened->cipher;
    out.identity = opened->identity;
    out.authenticated = true;
    while (true) {
        ++out.envelopes;
        out.authenticated = out.authenticated && opened->authenticated;
        out.entity = std::make_shared<const std::string>(std::move(opened->content));
        const auto header = mime::parse_header(*out.entity);
        const auto inner = envelope_of(examine(header, base::Octets(*out.entity).substr(header.body), ""));
        if (!inner) break;
        if (out.envelopes >= max_envelopes) {
            out.reason = "more than five envelopes in each other";
            return out;
        }
        auto next = open(*inner, spec);
        if (!next) break;  // for somebody else: what was opened so far is a message of its own
        opened = std::move(next);
    }
    auto rewrite = restore(message, *out.entity, out.entity, "the decrypted content");
    if (!rewrite) {
        out.reason = rewrite.error();
        return out;
    }
    out.rewrite = std::move(*rewrite);
    out.kind = Decryption::Kind::decrypted;
    return out;
}

}  // namespace gateway
