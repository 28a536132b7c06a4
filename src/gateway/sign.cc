#include "gateway/sign.h"

#include <variant>

#include "cms/verify.h"
#include "gateway/enclosed.h"
#include "mime/codec.h"
#include "mime/date.h"
#include "mime/structure.h"

namespace gateway
{
namespace
{

using Kind = SignRefusal::Kind;
// Octets of an entity that are digested once more to check the signature that was made.
constexpr std::size_t largest_read_again = 1U << 20;
constexpr std::string_view preamble = "This is a cryptographically signed message in MIME format.\r\n\r\n";

tl::unexpected<SignRefusal> refuse(Kind kind, std::string reason)
{
    return tl::make_unexpected(SignRefusal{kind, std::move(reason)});
}

// signingTime is left out when Date is further away than this: mail programs
// call a valid signature mismatched when the two differ by more than an hour.
constexpr auto signing_time_window = std::chrono::minutes(55);

std::optional<base::Time> signing_time(const Message& message, base::Time now)
{
    const auto* field = message.header().find("Date");
    const auto date = field == nullptr ? std::nullopt : mime::parse_date(field->value);
    if (!date) return std::nullopt;
    const auto distance = *date > now ? *date - now : now - *date;
    if (distance > signing_time_window) return std::nullopt;
    return now;
}

// Calendar programs process only the unsigned structure reliably; a mere .ics
// attachment is no request.
bool is_meeting_request(const mime::Structure& structure)
{
    for (const auto& part : structure.parts) {
        if (!part.content_type.is("text", "calendar") || part.content_type.parameter("method") == nullptr)
            continue;
        if (part.parent < 0) return true;
        const auto& parent = structure.parts[static_cast<std::size_t>(part.parent)];
        if (parent.content_type.is("multipart", "alternative")) return true;
    }
    return false;
}

// A boundary that occurs nowhere in what it is to enclose, so that no parser,
// however sloppy, can see another split (RFC 2046 section 5.1.1).
std::optional<std::string> fresh_boundary(base::Pieces content, base::Random& random)
{
    for (int attempt = 0; attempt < 8; ++attempt) {
        std::string boundary = "----=_smime_" + random.hex(32);
        bool occurs = false;
        for (base::Octets piece : content) occurs = occurs || piece.find(boundary) != base::Octets::npos;
        if (!occurs) return boundary;
    }
    return std::nullopt;
}

// Is the signature that is about to be sent good, over the octets about to be
// sent?  Trust is not the question here: only cryptography and form are.
bool holds(const cms::SignedDataVerdict& verdict)
{
    return verdict.findings.empty() && verdict.signers.size() == 1 && verdict.signers[0].findings.intact();
}

// `known`: what the signature carries.
cms::VerifyOptions self_check(const std::vector<cms::Certificate>& known, base::Time now)
{
    cms::VerifyOptions options;
    options.path.at = now;
    options.judge_path = false;
    options.known = &known;
    return options;
}

std::vector<cms::Certificate> carried_by(const store::Identity& identity)
{
    std::vector<cms::Certificate> all = identity.chain.get();
    all.push_back(identity.certificate);
    return all;
}

// The digest that was computed while the message came, if it is that of `entity`.
std::optional<std::string> digest_on_arrival(const Message& message, const Enclosed& entity,
                                             cms::Digest digest)
{
    if (message.arrival() == nullptr || entity.body.size() != 1) return std::nullopt;
    const base::Octets body = mime::octets_of(entity.body.front());
    if (body.data() != message.body().data() || body.size() != message.body().size()) return std::nullopt;
    const auto* found = message.arrival()->digest_of(entity.header, digest);
    return found == nullptr ? std::nullopt : std::optional(*found);
}

bool equal(base::Octets whole, base::Pieces pieces)
{
    if (whole.size() != base::total_size(pieces)) return false;
    for (base::Octets piece : pieces) {
        if (whole.substr(0, piece.size()) != piece) return false;
        whole.remove_prefix(piece.size());
    }
    return true;
}

tl::expected<SignOutput, SignRefusal> make_clear(const Message& message, Enclosed entity,
                                                 const cms::SignResult& made, cms::Digest digest,
                                                 const store::Identity& identity, base::Time now,
                                                 base::Random& random)
{
    const auto boundary = fresh_boundary(entity.octets(), random);
    if (!boundary) return refuse(Kind::failed, "no boundary found that the message does not contain");

    std::string before = std::string(preamble) + "--" + *boundary + "\r\n";
    const std::string signature = mime::base64_lines(made.der);
    std::string after = "\r\n--" + *boundary +
                        "\r\n"
                        "Content-Type: application/pkcs7-signature; name=\"smime.p7s\"\r\n"
                        "Content-Transfer-Encoding: base64\r\n"
                        "Content-Disposition: attachment; filename=\"smime.p7s\"\r\n"
                        "Content-Description: S/MIME Cryptographic Signature\r\n\r\n" +
                        signature + "--" + *boundary + "--\r\n";

    const auto known = carried_by(identity);
    auto check = self_check(known, now);
    // To read a large message once more would take as long as all else.
    if (base::total_size(entity.octets()) > largest_read_again) check.content_digest = made.digest;
    const auto decoded = mime::base64_decode(signature);
    if (!decoded || !holds(cms::verify_detached(*decoded, entity.octets(), check)))
        return refuse(Kind::failed, "the signature made does not verify");

    SignOutput out;
    out.digest = made.digest.algorithm;
    out.encoded = entity.encoded;
    out.rewrite.header = content_edits(
        message.fields(), {{"Content-Type", std::string("multipart/signed;"
                                                        " protocol=\"application/pkcs7-signature\";\n"
                                                        " micalg=") +
                                                cms::micalg(digest) + "; boundary=\"" + *boundary + "\""}});
    out.rewrite.body.emplace_back(before + entity.header);
    for (auto& piece : entity.body)
        std::visit([&](auto& octets) { out.rewrite.body.emplace_back(std::move(octets)); }, piece);
    out.rewrite.body.emplace_back(std::move(after));
    return out;
}

tl::expected<SignOutput, SignRefusal> make_opaque(const Message& message, const Enclosed& entity,
                                                  const cms::SignResult& made,
                                                  const store::Identity& identity, base::Time now)
{
    std::string body = mime::base64_lines(made.der);

    const auto known = carried_by(identity);
    const auto decoded = mime::base64_decode(body);
    if (!decoded) return refuse(Kind::failed, "the signature made cannot be decoded");
    const auto verdict = cms::verify_opaque(*decoded, self_check(known, now));
    if (!holds(verdict)) return refuse(Kind::failed, "the signature made does not verify");
    if (!equal(verdict.content, entity.octets()))
        return refuse(Kind::failed, "the signature made covers other octets than the message");

    SignOutput out;
    out.digest = made.digest.algorithm;
    out.rewrite.header = content_edits(
        message.fields(),
        {{"Content-Type", "application/pkcs7-mime; smime-type=signed-data;\n name=\"smime.p7m\""},
         {"Content-Transfer-Encoding", "base64"},
         {"Content-Disposition", "attachment; filename=\"smime.p7m\""},
         {"Content-Description", "S/MIME Signed Message"}});
    out.rewrite.body.emplace_back(std::move(body));
    return out;
}

}  // namespace

tl::expected<SignOutput, SignRefusal> sign_message(const Message& message, const SignSpec& spec,
                                                   const base::Clock& clock, base::Random& random)
{
    const base::Time now = clock.now();
    const std::string header = enclosed_header(message, spec.protected_fields);
    const auto structure = mime::parse_structure(mime::parse_header(header), message.body());
    if (!spec.calendar_requests && is_meeting_request(structure))
        return refuse(Kind::exempt, "calendar request");
    // Which of them counts is for each reader to guess, whatever the form.
    if (structure.parts.front().defects.has(mime::Defect::duplicate_type))
        return refuse(Kind::untransformable, mime::describe(mime::Defect::duplicate_type));
    const bool clean = message.arrival() != nullptr && message.arrival()->body_is_clean();
    const auto known = clean ? mime::Known::no_hazard : mime::Known::nothing;
    auto made_safe =
        spec.opaque ? Enclosed{header, {message.body()}, 0} : enclose_for_journey(structure, known);
    if (!made_safe) return refuse(Kind::untransformable, std::move(made_safe.error()));
    Enclosed& entity = *made_safe;

    const auto digest = cms::digest_for(spec.identity->certificate, spec.digest);
    if (!digest) return refuse(Kind::failed, digest.error().what);
    cms::SignRequest request;
    request.certificate = &spec.identity->certificate;
    request.key = spec.identity->key.get();
    request.chain = &spec.identity->chain.get();
    request.digest = *digest;
    request.padding = spec.padding;
    request.signing_time = signing_time(message, now);
    request.detached = !spec.opaque;
    request.content_digest = digest_on_arrival(message, entity, *digest);
    const auto made = cms::sign(entity.octets(), request);
    if (!made)
        return refuse(Kind::failed,
                      made.error().where.empty() || made.error().where == spec.identity->certificate.subject()
                          ? made.error().what
                          : made.error().where + ": " + made.error().what);
    return spec.opaque ? make_opaque(message, entity, *made, *spec.identity, now)
                       : make_clear(message, std::move(entity), *made, *digest, *spec.identity, now, random);
}

}  // namespace gateway
