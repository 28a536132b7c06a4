#include "gateway/verify.h"

#include <algorithm>

#include "base/ascii.h"
#include "gateway/identity.h"
#include "mime/codec.h"
#include "mime/content_type.h"
#include "mime/structure.h"

namespace gateway
{
namespace
{

using cms::Finding;

constexpr std::size_t max_layers = 5;

// An entity under examination: the message, or what a layer enclosed.
struct Entity {
    mime::Header header;
    base::Octets body;
    mime::ContentType type;
    std::string encoding;
    std::string path;  // IMAP section prefix of its parts, "" or "1." and so on
    bool duplicate_type = false;
    std::shared_ptr<const std::string> owner;  // keeps the octets of an opaque layer
};

Entity examine(mime::Header header, base::Octets body, std::string path)
{
    Entity entity{std::move(header), body, {}, {}, std::move(path), false, nullptr};
    if (const auto* field = entity.header.find("Content-Type"))
        entity.type = mime::parse_content_type(field->value);
    if (const auto* field = entity.header.find("Content-Transfer-Encoding"))
        entity.encoding = base::to_lower(mime::unfold(field->value));
    entity.duplicate_type =
        entity.header.count("Content-Type") > 1 || entity.header.count("Content-Transfer-Encoding") > 1;
    return entity;
}

bool is_signature_type(std::string_view type)
{
    return base::iequals(type, "application/pkcs7-signature") ||
           base::iequals(type, "application/x-pkcs7-signature");
}

bool claims_clear(const mime::ContentType& type)
{
    if (!type.is("multipart", "signed")) return false;
    const auto* protocol = type.parameter("protocol");
    return protocol != nullptr && is_signature_type(*protocol);
}

bool claims_opaque(const mime::ContentType& type)
{
    return type.is("application", "pkcs7-mime") || type.is("application", "x-pkcs7-mime");
}

// With two Content-Type fields any of them may be the one a reader believes.
bool any_claim(const Entity& entity)
{
    return std::any_of(entity.header.fields.begin(), entity.header.fields.end(), [](const mime::Field& f) {
        if (!base::iequals(f.name, "Content-Type")) return false;
        const auto type = mime::parse_content_type(f.value);
        return claims_clear(type) || claims_opaque(type);
    });
}

bool is_identity_encoding(std::string_view encoding)
{
    return encoding.empty() || encoding == "7bit" || encoding == "8bit" || encoding == "binary";
}

cms::VerifyOptions options_for(const VerifyRequest& request)
{
    cms::VerifyOptions options;
    options.trust = request.trust;
    options.allow_sha1 = request.allow_sha1;
    options.path.at = request.at;
    options.path.policy_check = request.policy_check;
    options.path.allow_sha1 = request.allow_sha1;
    options.path.crl = request.crl;
    options.path.source = request.revocation.get();
    options.path.fetch_crls = request.fetch_crls;
    options.path.ocsp = request.ocsp;
    options.path.policies = request.policies;
    options.path.require_policy = request.require_policy;
    return options;
}

// Nearly every program writes one line ("This is a signed message") for readers
// without S/MIME; only more than that is worth a word.
bool is_text_to_read(base::Octets preamble)
{
    constexpr std::size_t usual_line = 100;
    const auto text = base::trim(preamble);
    return text.size() > usual_line || text.find('\n') != base::Octets::npos;
}

Layer clear_layer(const Entity& entity, const VerifyRequest& request)
{
    Layer layer;
    layer.form = Form::clear;
    layer.part = entity.path + "2";
    if (entity.duplicate_type || !entity.type.valid || entity.type.duplicate_parameter ||
        !is_identity_encoding(entity.encoding)) {
        layer.findings.add(Finding::structure);
        return layer;
    }
    const auto* boundary = entity.type.parameter("boundary");
    const auto split = mime::split_signed(entity.body, boundary == nullptr ? "" : *boundary);
    if (!split.ok) {
        layer.findings.add(split.error == mime::SplitError::ambiguous ? Finding::ambiguous_boundary
                                                                      : Finding::structure);
        return layer;
    }
    if (is_text_to_read(split.parts.preamble) || !base::trim(split.parts.epilogue).empty())
        layer.comments.emplace_back("unsigned text around the signed part");
    layer.content = split.parts.content;
    layer.owned = entity.owner;

    const auto header = mime::parse_header(split.parts.signature);
    const Entity part = examine(header, split.parts.signature.substr(header.body), "");
    if (part.duplicate_type ||
        !is_signature_type(part.type.present ? part.type.type + "/" + part.type.subtype : "")) {
        layer.findings.add(Finding::structure);
        return layer;
    }
    const auto der = mime::decode(part.encoding, part.body);
    if (!der) {
        layer.findings.add(Finding::malformed);
        return layer;
    }
    const base::Octets content[] = {layer.content};
    auto verdict = cms::verify_detached(*der, content, options_for(request));
    layer.findings.add(verdict.findings);
    layer.signers = std::move(verdict.signers);
    if (verdict.certificates_only) layer.findings.add(Finding::no_signer);
    return layer;
}

// What application/pkcs7-mime turned out to hold.
struct Opaque {
    std::optional<Layer> layer;  // nothing when it is no signature
    bool encrypted = false;
};

Opaque opaque_layer(const Entity& entity, const VerifyRequest& request)
{
    Layer layer;
    layer.form = Form::opaque;
    layer.part = entity.path + "1";
    if (entity.duplicate_type) {
        layer.findings.add(Finding::structure);
        return {layer, false};
    }
    const auto* declared = entity.type.parameter("smime-type");
    const auto der = mime::decode(entity.encoding, entity.body);
    const auto kind = der ? cms::content_kind(*der) : cms::ContentKind::malformed;
    switch (kind) {
        case cms::ContentKind::enveloped_data:
        case cms::ContentKind::auth_enveloped_data: return {std::nullopt, true};
        case cms::ContentKind::compressed_data:
        case cms::ContentKind::other: return {std::nullopt, false};
        case cms::ContentKind::malformed:
            // What says it is encrypted makes no claim about a signer.
            if (declared != nullptr && !base::iequals(*declared, "signed-data")) return {std::nullopt, true};
            layer.findings.add(Finding::malformed);
            return {layer, false};
        case cms::ContentKind::signed_data: break;
    }
    auto verdict = cms::verify_opaque(*der, options_for(request));
    if (verdict.certificates_only) return {std::nullopt, false};
    if (!entity.type.valid || entity.type.duplicate_parameter) layer.findings.add(Finding::structure);
    // The type is decided by the CMS; a contradicting label is no lie to pass over (RFC 8551 section 3.2.2).
    if (declared != nullptr && !base::iequals(*declared, "signed-data"))
        layer.findings.add(Finding::type_mismatch);
    layer.findings.add(verdict.findings);
    layer.signers = std::move(verdict.signers);
    layer.owned = std::make_shared<const std::string>(std::move(verdict.content));
    layer.content = *layer.owned;
    return {layer, false};
}

// Signatures that are not part of an unbroken chain of layers from the root:
// in a part of a multipart, or in an enclosed message.  They are found and
// named, but they never speak for the message (semantics B.3).
std::optional<Layer> signed_part(const Entity& entity, const VerifyRequest& request)
{
    const auto structure = mime::parse_structure(entity.header, entity.body);
    for (std::size_t i = 1; i < structure.parts.size(); ++i) {
        const auto& part = structure.parts[i];
        const bool clear = claims_clear(part.content_type);
        if (!clear && !claims_opaque(part.content_type)) continue;
        const std::string section = entity.path + part.section;
        Entity inner = examine(part.header, part.body, section.empty() ? "" : section + ".");
        inner.owner = entity.owner;
        if (clear) return clear_layer(inner, request);
        auto opaque = opaque_layer(inner, request);
        if (!opaque.layer) continue;
        opaque.layer->part = section;
        return opaque.layer;
    }
    return std::nullopt;
}

// The outermost layer whose trusted signer is the author decides, provided that
// nothing outside it is broken; else the outermost one (semantics B.3).
int deciding_layer(const std::vector<Layer>& layers)
{
    for (std::size_t i = 0; i < layers.size(); ++i) {
        if (layers[i].findings.empty()) return static_cast<int>(i);
        if (!layers[i].findings.intact()) break;
    }
    return layers.empty() ? -1 : 0;
}

}  // namespace

Verdict verify_message(const mime::Header& header, base::Octets body, const VerifyRequest& request)
{
    Verdict verdict;
    const Claimant claimant = claimant_of(header.fields, request.from);
    Entity entity = examine(header, body, "");
    bool more = true;
    while (more) {
        more = false;
        std::optional<Layer> layer;
        const bool clear = claims_clear(entity.type);
        if (clear || claims_opaque(entity.type) || (entity.duplicate_type && any_claim(entity))) {
            if (clear || !claims_opaque(entity.type)) {
                layer = clear_layer(entity, request);
            } else {
                auto opaque = opaque_layer(entity, request);
                verdict.encrypted = opaque.encrypted;
                layer = std::move(opaque.layer);
            }
        } else if (verdict.layers.empty()) {
            if ((layer = signed_part(entity, request))) {
                judge_identity(*layer, claimant);
                layer->findings.add(Finding::partial);
                verdict.scope = Scope::part;
                verdict.layers.push_back(std::move(*layer));
                verdict.deciding = 0;
                // Whatever is wrong or right with a part says nothing about the whole.
                verdict.findings.add(Finding::partial);
            }
            return verdict;
        }
        if (!layer) break;
        judge_identity(*layer, claimant);
        verdict.scope = Scope::message;
        verdict.layers.push_back(*layer);
        if (verdict.layers.size() < max_layers && !layer->content.empty()) {
            const auto inner = mime::parse_header(layer->content);
            const std::string path = layer->form == Form::clear ? entity.path + "1." : entity.path;
            entity = examine(inner, layer->content.substr(inner.body), path);
            entity.owner = layer->owned;
            more = true;
        }
    }
    verdict.deciding = deciding_layer(verdict.layers);
    if (verdict.deciding >= 0) verdict.findings = verdict.layer()->findings;
    return verdict;
}

std::string Verdict::reason() const
{
    const auto worst = findings.worst();
    return deciding < 0 || !worst ? std::string() : std::string(cms::reason(*worst));
}

bool may_be_signed(const std::vector<mime::Field>& fields)
{
    return std::any_of(fields.begin(), fields.end(), [](const mime::Field& f) {
        if (!base::iequals(f.name, "Content-Type")) return false;
        const auto type = mime::parse_content_type(f.value);
        return !type.valid || type.is_multipart() || type.type == "message" || claims_opaque(type);
    });
}

const char* name(Form f)
{
    switch (f) {
        case Form::none: return "none";
        case Form::clear: return "clear";
        case Form::opaque: return "opaque";
    }
    return "none";
}

const char* name(Scope s)
{
    switch (s) {
        case Scope::none: return "none";
        case Scope::message: return "message";
        case Scope::part: return "part";
    }
    return "none";
}

}  // namespace gateway
