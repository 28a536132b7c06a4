#include "gateway/verify.h"

#include <algorithm>

#include "base/ascii.h"
#include "gateway/entity.h"
#include "gateway/identity.h"
#include "mime/codec.h"
#include "mime/structure.h"

namespace gateway
{
namespace
{

using cms::Finding;

constexpr std::size_t max_layers = 5;

cms::VerifyOptions options_for(const VerifyRequest& request)
{
    cms::VerifyOptions options;
    options.trust = request.trust;
    options.allow_sha1 = request.allow_sha1;
    options.teaches = request.teaches;
    options.path.at = request.at;
    options.path.policy_check = request.policy_check;
    options.path.allow_sha1 = request.allow_sha1;
    options.path.crl = request.crl;
    options.path.source = request.revocation.get();
    options.path.fetch_crls = request.fetch_crls;
    options.path.ocsp = request.ocsp;
    options.path.policies = request.policies;
    options.path.require_policy = request.require_policy;
    options.path.inhibit_mapping = request.inhibit_mapping;
    options.path.inhibit_any_policy = request.inhibit_any_policy;
    options.path.expired_grace = request.expired_grace;
    options.path.afresh = request.afresh;
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

// "SHA-256", "sha256" and RFC 3851's "sha-256" are the same.
std::string squeezed(std::string_view algorithm)
{
    std::string out;
    for (char c : base::trim(algorithm))
        if (c != '-') out += base::lower(c);
    return out;
}

// The CMS says which digests were used; micalg was a hint for one-pass readers
// (RFC 8551 section 3.5.3.2), and one that contradicts is worth a word only.
void note_micalg(std::string_view micalg, Layer& layer)
{
    for (const auto& signer : layer.signers) {
        bool named = signer.digest.empty();
        for (std::string_view rest = micalg; !named && !rest.empty();) {
            const auto comma = rest.find(',');
            const auto word = squeezed(rest.substr(0, comma));
            // Names that say nothing ("unknown") contradict nothing.
            named = word == squeezed(signer.digest) || !(word.starts_with("sha") || word.starts_with("md"));
            rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
        }
        if (!named) {
            layer.comments.push_back("micalg names another digest than " + signer.digest);
            return;
        }
    }
}

Layer clear_layer(const Entity& entity, const VerifyRequest& request)
{
    Layer layer;
    layer.form = Form::clear;
    layer.part = entity.path + "2";
    const auto opened = open_clear(entity);
    layer.findings = opened.findings;
    layer.content = opened.parts.content;
    layer.owned = entity.owner;
    if (is_text_to_read(opened.parts.preamble) || !base::trim(opened.parts.epilogue).empty())
        layer.comments.emplace_back("unsigned text around the signed part");
    if (!layer.findings.empty()) return layer;

    const base::Octets content[] = {layer.content};
    auto verdict = cms::verify_detached(opened.der, content, options_for(request));
    layer.findings.add(verdict.findings);
    layer.signers = std::move(verdict.signers);
    if (verdict.certificates_only) layer.findings.add(Finding::no_signer);
    if (const auto* micalg = entity.type.parameter("micalg")) note_micalg(*micalg, layer);
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
        case cms::ContentKind::auth_enveloped_data:
        case cms::ContentKind::compressed_data:
        case cms::ContentKind::other: {
            const bool encrypted =
                kind == cms::ContentKind::enveloped_data || kind == cms::ContentKind::auth_enveloped_data;
            // What says it is signed and is not must not look like unsigned mail.
            if (declared == nullptr || !base::iequals(*declared, "signed-data"))
                return {std::nullopt, encrypted};
            layer.findings.add(Finding::type_mismatch);
            return {layer, encrypted};
        }
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
std::vector<Layer> signed_parts(const Entity& entity, const VerifyRequest& request)
{
    std::vector<Layer> found;
    const auto structure = mime::parse_structure(entity.header, entity.body);
    for (std::size_t i = 1; i < structure.parts.size() && found.size() < max_layers; ++i) {
        const auto& part = structure.parts[i];
        const bool clear = claims_clear(part.content_type);
        if (!clear && !claims_opaque(part.content_type)) continue;
        const std::string section = entity.path + part.section;
        Entity inner = examine(part.header, part.body, section.empty() ? "" : section + ".");
        inner.owner = entity.owner;
        if (clear) {
            found.push_back(clear_layer(inner, request));
            continue;
        }
        auto opaque = opaque_layer(inner, request);
        if (!opaque.layer) continue;
        opaque.layer->part = section;
        found.push_back(std::move(*opaque.layer));
    }
    return found;
}

// Header protection (RFC 9788 section 4.4): what is signed carries a From of its
// own; one that is not the author of the message would be believed by a mail
// program that shows protected fields, and the outer one by every other.
bool protects_another_from(base::Octets payload, const Claimant& claimant)
{
    const auto header = mime::parse_header(payload);
    const auto* type = header.find("Content-Type");
    if (type == nullptr || mime::parse_content_type(type->value).parameter("hp") == nullptr) return false;
    const auto inner = mime::author_of(header.fields);
    if (inner.status == mime::AuthorStatus::missing) return false;
    return inner.status != mime::AuthorStatus::ok || !mime::same_address(inner.address(), claimant.address);
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
    const Claimant claimant = claimant_of(header.fields, request);
    Entity entity = examine(header, body, "");
    if (request.accept_octet_stream) take_octet_stream(entity);
    while (true) {
        if (!claims_smime(entity)) break;
        if (verdict.layers.size() >= max_layers) {
            // Layers that nobody has looked at are layers that nobody has judged.
            verdict.layers.front().findings.add(Finding::limit);
            break;
        }
        std::optional<Layer> layer;
        if (claims_opaque(entity.type)) {
            auto opaque = opaque_layer(entity, request);
            verdict.encrypted = opaque.encrypted;
            layer = std::move(opaque.layer);
        } else {
            layer = clear_layer(entity, request);
        }
        if (!layer) break;
        judge_identity(*layer, claimant);
        verdict.scope = Scope::message;
        verdict.layers.push_back(*layer);
        if (verdict.encrypted || layer->content.empty()) break;
        const auto inner = mime::parse_header(layer->content);
        const std::string path = layer->form == Form::clear ? entity.path + "1." : entity.path;
        entity = examine(inner, layer->content.substr(inner.body), path);
        entity.owner = layer->owned;
    }
    if (verdict.layers.empty() && !claims_smime(entity)) {
        for (auto& layer : signed_parts(entity, request)) {
            judge_identity(layer, claimant);
            layer.findings.add(Finding::partial);
            verdict.scope = Scope::part;
            verdict.layers.push_back(std::move(layer));
        }
        if (verdict.layers.empty()) return verdict;
        verdict.deciding = 0;
        // Whatever is wrong or right with a part says nothing about the whole.
        verdict.findings.add(Finding::partial);
        return verdict;
    }
    if (!verdict.layers.empty() && protects_another_from(verdict.layers.back().content, claimant))
        for (auto& layer : verdict.layers) layer.findings.add(Finding::protected_from);
    verdict.deciding = deciding_layer(verdict.layers);
    if (verdict.deciding >= 0) verdict.findings = verdict.layer()->findings;
    return verdict;
}

std::string Verdict::reason() const
{
    const auto worst = findings.worst();
    return deciding < 0 || !worst ? std::string() : std::string(cms::reason(*worst));
}

void judge_as_configured(VerifyRequest& request, const policy::Judging& config)
{
    if (!config.signer_for.empty())
        request.speaks_for = [&all = config.signer_for](const std::string& fingerprint,
                                                        const std::string& address) {
            return std::any_of(all.begin(), all.end(), [&](const policy::SignerFor& s) {
                return s.fingerprint == fingerprint && mime::address_matches(s.pattern, address);
            });
        };
    request.accept_sender = config.accept_sender;
    request.strict_display_name = config.strict_display_name;
    // What CAs demand of their paths counts, whatever we ask for ourselves.
    request.policy_check = true;
    request.require_policy = !config.policies.empty();
    if (std::find(config.policies.begin(), config.policies.end(), "any") == config.policies.end())
        request.policies = config.policies;
    request.expired_grace = std::chrono::hours(config.expired_grace);
    request.accept_octet_stream = config.accept_octet_stream;
}

void trust_pinned(VerifyRequest& request, const store::CertificateStore* pinned)
{
    if (pinned == nullptr) return;
    request.pinned = [pinned, at = request.at](const cms::Certificate& certificate,
                                               const std::string& address) {
        const auto found = pinned->find(address, at, store::Purpose::verify);
        return found && std::any_of(found->begin(), found->end(),
                                    [&](const store::Found& f) { return f.certificate == certificate; });
    };
}

bool may_be_signed(const std::vector<mime::Field>& fields, bool accept_octet_stream)
{
    return std::any_of(fields.begin(), fields.end(), [&](const mime::Field& f) {
        if (!base::iequals(f.name, "Content-Type")) return false;
        const auto type = mime::parse_content_type(f.value);
        if (accept_octet_stream && type.is("application", "octet-stream")) return true;
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
