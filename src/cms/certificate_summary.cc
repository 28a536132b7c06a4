#include "cms/certificate_summary.h"

#include <openssl/pem.h>

#include "base/ascii.h"
#include "cms/container.h"
#include "cms/der.h"
#include "cms/key_material.h"
#include "cms/text.h"

namespace cms
{
namespace
{

using base::Octets;
using der::Reader;

constexpr unsigned char utf8_string = 0x0c, printable_string = 0x13, ia5_string = 0x16;
constexpr unsigned char rfc822_name = 0x81;  // [1] IMPLICIT IA5String
constexpr Octets key_identifier_oid{"\x55\x1d\x0e", 3}, alternative_name_oid{"\x55\x1d\x11", 3};
constexpr Octets email_address_oid{"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", 9};
constexpr Octets utf8_mailbox_oid{"\x2b\x06\x01\x05\x05\x07\x08\x09", 8};

// Reads the ordinary form; false: let OpenSSL read it.
class Walk
{
public:
    explicit Walk(CertificateSummary& out) : out_(out) {}

    bool certificate(Octets octets)
    {
        Reader whole(octets);
        const auto outer = whole.next(der::sequence);
        if (!outer || !whole.at_end()) return false;
        Reader parts(outer->body);
        const auto signed_part = parts.next(der::sequence);
        if (!signed_part) return false;
        Reader r(signed_part->body);
        const auto first = r.peek();
        if (!first || first->tag != der::context(0)) return false;  // version 1: without extensions
        r.next();
        const auto serial = r.next(der::integer);
        if (!serial || !number(serial->body)) return false;
        if (!r.next(der::sequence)) return false;  // the signature's algorithm
        const Octets from_issuer = r.rest();
        const auto issuer = r.next(der::sequence);
        if (!issuer) return false;
        out_.issuer = from_issuer.substr(0, issuer->size);
        const auto validity = r.next(der::sequence);
        const Octets from_subject = r.rest();
        const auto subject = r.next(der::sequence);
        if (subject) out_.subject = from_subject.substr(0, subject->size);
        if (!validity || !subject || !r.next(der::sequence) || !times(validity->body)) return false;
        std::optional<der::Element> extensions;
        while (!r.at_end()) {
            const auto e = r.next();
            if (!e) return false;
            if (e->tag == der::context(3)) extensions = e;
        }
        if (extensions && !read_extensions(extensions->body)) return false;
        return names_seen_ || subject_addresses(subject->body);
    }

private:
    bool number(Octets body)
    {
        if (body.empty() || (static_cast<unsigned char>(body[0]) & 0x80) != 0) return false;  // negative
        while (body.size() > 1 && body[0] == '\0') body.remove_prefix(1);
        out_.serial = base::hex(body);
        return true;
    }

    static bool time(const std::optional<der::Element>& e, base::Time& out)
    {
        if (!e || (e->tag != der::utc_time && e->tag != der::generalized_time)) return false;
        const std::size_t year = e->tag == der::utc_time ? 2 : 4;
        if (e->body.size() != year + 11 || e->body.back() != 'Z') return false;
        std::string text(e->body);
        if (e->tag == der::utc_time) text = (text[0] >= '5' ? "19" : "20") + text;
        const auto parsed =
            base::parse_time(text.substr(0, 4) + "-" + text.substr(4, 2) + "-" + text.substr(6, 2) + "T" +
                             text.substr(8, 2) + ":" + text.substr(10, 2) + ":" + text.substr(12, 2) + "Z");
        if (!parsed) return false;
        out = *parsed;
        return true;
    }

    bool times(Octets body)
    {
        Reader r(body);
        return time(r.next(), out_.not_before) && time(r.next(), out_.not_after);
    }

    bool read_extensions(Octets body)
    {
        const auto list = Reader(body).next(der::sequence);
        if (!list) return false;
        bool key_identifier_seen = false;
        for (Reader r(list->body); !r.at_end();) {
            const auto extension = r.next(der::sequence);
            if (!extension) return false;
            Reader inside(extension->body);
            const auto type = inside.next(der::object_identifier);
            if (!type) return false;
            if (const auto critical = inside.peek(); critical && critical->tag == 0x01) inside.next();
            const auto value = inside.next(der::octet_string);
            if (!value || !inside.at_end()) return false;
            if (type->body == key_identifier_oid) {
                const auto id = Reader(value->body).next(der::octet_string);
                if (!id || key_identifier_seen) return false;
                key_identifier_seen = true;
                out_.subject_key_id = id->body;
            } else if (type->body == alternative_name_oid) {
                if (alternative_names_seen_ || !alternative_names(value->body)) return false;
                alternative_names_seen_ = true;
            }
        }
        return true;
    }

    bool alternative_names(Octets der)
    {
        const auto list = Reader(der).next(der::sequence);
        if (!list) return false;
        for (Reader r(list->body); !r.at_end();) {
            const auto name = r.next();
            if (!name) return false;
            if (name->tag == rfc822_name) {
                names_seen_ = true;
                if (is_usable_address(name->body, true)) out_.addresses.emplace_back(name->body);
            } else if (name->tag == der::context(0)) {
                Reader other(name->body);
                const auto type = other.next(der::object_identifier);
                if (!type) return false;
                if (type->body != utf8_mailbox_oid) continue;
                names_seen_ = true;
                const auto value = other.next(der::context(0));
                const auto text = value ? Reader(value->body).next() : std::nullopt;
                if (!text) return false;
                if (text->tag == utf8_string && is_usable_address(text->body, false))
                    out_.addresses.emplace_back(text->body);
            }
        }
        return true;
    }

    bool subject_addresses(Octets body)
    {
        for (Reader r(body); !r.at_end();) {
            const auto set = r.next(der::set);
            if (!set) return false;
            for (Reader attributes(set->body); !attributes.at_end();) {
                const auto attribute = attributes.next(der::sequence);
                if (!attribute) return false;
                Reader inside(attribute->body);
                const auto type = inside.next(der::object_identifier);
                const auto value = inside.next();
                if (!type || !value) return false;
                if (type->body != email_address_oid) continue;
                if (value->tag != ia5_string && value->tag != printable_string && value->tag != utf8_string)
                    return false;
                if (is_usable_address(value->body, true)) out_.addresses.emplace_back(value->body);
            }
        }
        return true;
    }

    CertificateSummary& out_;
    bool names_seen_ = false;  // an e-mail name was there, even an unusable one
    bool alternative_names_seen_ = false;
};

base::Result<CertificateSummary> decoded(Octets der)
{
    const auto c = Certificate::from_der(der);
    if (!c) return base::fail(c.error());
    const ossl::ErrorScope errors;
    CertificateSummary out;
    out.addresses = c->addresses();
    if (const ASN1_OCTET_STRING* id = X509_get0_subject_key_id(c->native()))
        out.subject_key_id = ossl::octets(id);
    out.issuer = ossl::encode(X509_get_issuer_name(c->native()), i2d_X509_NAME);
    out.subject = ossl::encode(X509_get_subject_name(c->native()), i2d_X509_NAME);
    out.serial = c->serial();
    out.not_before = c->not_before();
    out.not_after = c->not_after();
    return out;
}

tl::unexpected<base::Error> has_a_key(const std::string& where)
{
    return base::fail(base::Code::configuration, where, "a private key among certificates",
                      "move it to the directory of [keys], or remove it: it may be readable by too many");
}

base::Result<std::vector<std::string>> pem_certificates(Octets content, const std::string& where)
{
    const ossl::ErrorScope errors;
    const ossl::BioPtr bio = ossl::memory_bio(content);
    std::vector<std::string> out;
    for (int n = 1; bio; ++n) {
        PemBlock block;
        const auto next = block.read(bio.get());
        if (next == PemBlock::Next::end) break;
        if (next == PemBlock::Next::damaged)
            return base::fail(base::Code::data, where,
                              "damaged PEM, block " + std::to_string(n) + ": " + errors.text(),
                              "put the file there anew");
        const Octets name = block.name;
        if (name.ends_with("PRIVATE KEY")) return has_a_key(where);
        if (name == "CERTIFICATE" || name == "X509 CERTIFICATE") out.emplace_back(block.octets());
    }
    return out;
}

}  // namespace

base::Result<CertificateSummary> summarise(Octets der)
{
    CertificateSummary out;
    if (!Walk(out).certificate(der)) {
        auto slow = decoded(der);
        if (!slow) return slow;
        out = std::move(*slow);
    }
    out.fingerprint = sha256_hex(der);
    return out;
}

base::Result<std::vector<std::string>> certificates_in(Octets content, const std::string& where)
{
    if (recognise(content) == Format::pem) {
        auto plain = pem_certificates(content, where);
        if (!plain || !plain->empty()) return plain;
    }
    const auto opened = open_container(content, where);
    if (!opened) return base::fail(opened.error());
    if (!opened->keys.empty()) return has_a_key(where);
    std::vector<std::string> out;
    for (const Certificate& c : opened->certificates) out.push_back(c.der());
    return out;
}

}  // namespace cms
