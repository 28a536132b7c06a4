#include "cms/enveloped_outline.h"

#include <array>

#include "cms/der.h"
#include "cms/verify.h"

namespace cms
{
namespace
{

using namespace std::string_view_literals;

constexpr auto id_data = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"sv;

enum class Mode { cbc, gcm };
struct KnownCipher {
    base::Octets oid;
    const char* name;
    Mode mode;
    std::size_t block;  // of the initialisation vector
    bool legacy = false;
};
constexpr std::array known_ciphers = {
    KnownCipher{"\x60\x86\x48\x01\x65\x03\x04\x01\x02"sv, "aes128-cbc", Mode::cbc, 16},
    KnownCipher{"\x60\x86\x48\x01\x65\x03\x04\x01\x16"sv, "aes192-cbc", Mode::cbc, 16},
    KnownCipher{"\x60\x86\x48\x01\x65\x03\x04\x01\x2a"sv, "aes256-cbc", Mode::cbc, 16},
    KnownCipher{"\x2a\x86\x48\x86\xf7\x0d\x03\x07"sv, "des3-cbc", Mode::cbc, 8, true},
    KnownCipher{"\x60\x86\x48\x01\x65\x03\x04\x01\x06"sv, "aes128-gcm", Mode::gcm, 12},
    KnownCipher{"\x60\x86\x48\x01\x65\x03\x04\x01\x1a"sv, "aes192-gcm", Mode::gcm, 12},
    KnownCipher{"\x60\x86\x48\x01\x65\x03\x04\x01\x2e"sv, "aes256-gcm", Mode::gcm, 12},
};

constexpr std::size_t smallest_tag = 12, largest_tag = 16;  // RFC 5084 section 3.2

tl::unexpected<base::Error> refused(std::string why)
{
    return base::fail(base::Code::data, "", std::move(why));
}

tl::unexpected<base::Error> malformed() { return refused("malformed encrypted message"); }

// Keys that the recipient infos carry, counted up to limit + 1.
std::optional<std::size_t> encrypted_keys(base::Octets recipient_infos, std::size_t limit)
{
    std::size_t n = 0;
    for (der::Reader infos(recipient_infos); !infos.at_end() && n <= limit;) {
        const auto info = infos.next();
        if (!info) return std::nullopt;
        ++n;
        if (info->tag != der::context(1)) continue;
        // KeyAgreeRecipientInfo: its last field is SEQUENCE OF RecipientEncryptedKey.
        std::optional<der::Element> last;
        for (der::Reader fields(info->body); !fields.at_end();) {
            last = fields.next();
            if (!last) return std::nullopt;
        }
        const auto keys = der::count(last ? last->body : base::Octets(), limit);
        if (!keys) return std::nullopt;
        n += *keys;
    }
    return n;
}

// Gives the length of the tag that the parameters announce; zero for CBC.
base::Result<std::size_t> check_parameters(der::Reader parameters, const KnownCipher& cipher)
{
    if (cipher.mode == Mode::cbc) {
        const auto iv = parameters.next(der::octet_string);
        if (!iv || !parameters.at_end() || iv->body.size() != cipher.block) return malformed();
        return std::size_t{0};
    }
    const auto gcm = parameters.next(der::sequence);
    if (!gcm || !parameters.at_end()) return malformed();
    der::Reader fields(gcm->body);
    const auto nonce = fields.next(der::octet_string);
    if (!nonce) return malformed();
    if (nonce->body.size() != cipher.block) return refused("the nonce of AES-GCM has not 12 octets");
    std::size_t tag = smallest_tag;  // aes-ICVlen DEFAULT 12
    if (const auto length = fields.next(der::integer)) {
        const auto value = der::unsigned_value(*length);
        if (!value || *value > largest_tag) return refused("an authentication tag of an unknown length");
        tag = static_cast<std::size_t>(*value);
    }
    if (!fields.at_end()) return malformed();
    if (tag < smallest_tag) return refused("an authentication tag of less than 12 octets");
    return tag;
}

struct EncryptedContent {
    const KnownCipher* cipher = nullptr;
    std::size_t tag = 0;  // octets announced
};

base::Result<EncryptedContent> check_content(const der::Element& info, bool authenticated,
                                             const EnvelopedLimits& limits)
{
    der::Reader fields(info.body);
    const auto type = fields.next(der::object_identifier);
    const auto algorithm = fields.next(der::sequence);
    if (!type || !algorithm) return malformed();
    if (type->body != id_data) return refused("what is encrypted is not id-data (RFC 8551 section 2.4)");
    const auto octets = fields.next();
    if (!octets) return refused("an encrypted message without content");
    if ((octets->tag != 0x80 && octets->tag != der::context(0)) || !fields.at_end()) return malformed();

    der::Reader identifier(algorithm->body);
    const auto oid = identifier.next(der::object_identifier);
    if (!oid) return malformed();
    EncryptedContent content;
    for (const auto& cipher : known_ciphers)
        if (oid->body == cipher.oid) content.cipher = &cipher;
    if (content.cipher == nullptr) return refused("a cipher that is not known");
    if (content.cipher->legacy && !limits.allow_3des)
        return refused(std::string("the cipher ") + content.cipher->name + " is too weak");
    if ((content.cipher->mode == Mode::gcm) != authenticated)
        return refused(std::string("the cipher ") + content.cipher->name +
                       (authenticated ? " does not belong into AuthEnvelopedData"
                                      : " does not belong into EnvelopedData"));
    const auto tag = check_parameters(der::Reader(identifier.rest()), *content.cipher);
    if (!tag) return base::fail(tag.error());
    content.tag = *tag;
    return content;
}

}  // namespace

base::Result<EnvelopedOutline> outline_enveloped(base::Octets der, const EnvelopedLimits& limits)
{
    const ContentKind kind = content_kind(der);
    if (kind != ContentKind::enveloped_data && kind != ContentKind::auth_enveloped_data)
        return refused(kind == ContentKind::malformed ? "malformed encrypted message"
                                                      : "neither EnvelopedData nor AuthEnvelopedData");
    EnvelopedOutline out;
    out.authenticated = kind == ContentKind::auth_enveloped_data;

    const auto info = der::Reader(der).next(der::sequence);
    if (!info) return malformed();
    if (info->size != der.size()) return refused("octets after the encrypted message");
    der::Reader outer(info->body);
    outer.next(der::object_identifier);
    const auto wrapper = outer.next(der::context(0));
    if (!wrapper || !outer.at_end()) return malformed();
    der::Reader inner(wrapper->body);
    const auto body = inner.next(der::sequence);
    if (!body || !inner.at_end()) return malformed();

    der::Reader parts(body->body);
    const auto version = parts.next(der::integer);
    parts.next(der::context(0));  // originatorInfo, optional
    const auto recipient_infos = parts.next(der::set);
    const auto content_info = parts.next(der::sequence);
    if (!version || !recipient_infos || !content_info) return malformed();

    const auto keys = encrypted_keys(recipient_infos->body, limits.recipients);
    if (!keys) return malformed();
    if (*keys > limits.recipients)
        return refused("more than " + std::to_string(limits.recipients) + " recipients");

    const auto content = check_content(*content_info, out.authenticated, limits);
    if (!content) return base::fail(content.error());
    out.cipher = content->cipher->name;

    const auto attributes = parts.next(der::context(1));
    if (!out.authenticated) return parts.at_end() ? base::Result<EnvelopedOutline>(out) : malformed();
    if (attributes) return refused("authenticated attributes are not supported");
    const auto tag = parts.next(der::octet_string);
    if (!tag) return malformed();
    if (tag->body.size() != content->tag)
        return refused("the authentication tag has not the length that is announced");
    parts.next(der::context(2));  // unauthAttrs, optional
    if (!parts.at_end()) return malformed();
    return out;
}

}  // namespace cms
