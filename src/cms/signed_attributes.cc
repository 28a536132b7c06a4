#include "cms/signed_attributes.h"

#include <array>

#include "cms/algorithms.h"
#include "cms/certificate_summary.h"
#include "cms/der.h"
#include "cms/text.h"

namespace cms
{
namespace
{

using namespace std::string_view_literals;

constexpr auto algorithm_protection = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x34"sv;  // RFC 6211

// The only value of the only attribute of a type.
struct Single {
    int attributes = 0;
    bool one_value = false;
    const ASN1_TYPE* value = nullptr;

    [[nodiscard]] bool absent() const { return attributes == 0; }
    [[nodiscard]] bool good() const { return attributes == 1 && one_value; }
};

base::Octets object_octets(const ASN1_OBJECT* o) { return ossl::octets(OBJ_get0_data(o), OBJ_length(o)); }

template <class Predicate>
Single find(CMS_SignerInfo* signer, Predicate is_it)
{
    Single out;
    const int n = CMS_signed_get_attr_count(signer);
    for (int i = 0; i < n; ++i) {
        X509_ATTRIBUTE* attribute = CMS_signed_get_attr(signer, i);
        if (!is_it(X509_ATTRIBUTE_get0_object(attribute))) continue;
        ++out.attributes;
        out.one_value = X509_ATTRIBUTE_count(attribute) == 1;
        if (out.one_value) out.value = X509_ATTRIBUTE_get0_type(attribute, 0);
    }
    return out;
}

Single find(CMS_SignerInfo* signer, int nid)
{
    return find(signer, [nid](const ASN1_OBJECT* o) { return OBJ_obj2nid(o) == nid; });
}

// The octets of an element that is a whole value, such as a SEQUENCE.
base::Octets value_octets(const ASN1_TYPE* type, int wanted)
{
    if (type == nullptr || ASN1_TYPE_get(type) != wanted) return {};
    return ossl::octets(type->value.asn1_string);
}

// The INTEGER as it stands in the certificate.
std::string serial_octets(const Certificate& certificate)
{
    unsigned char* der = nullptr;
    const int size = i2d_ASN1_INTEGER(X509_get0_serialNumber(certificate.native()), &der);
    if (size <= 0) return {};
    const std::string octets(ossl::octets(der, static_cast<std::size_t>(size)));
    OPENSSL_free(der);
    const auto element = der::Reader(octets).next(der::integer);
    return element ? std::string(element->body) : std::string();
}

base::Octets algorithm_oid(const X509_ALGOR* algorithm)
{
    const ASN1_OBJECT* object = nullptr;
    X509_ALGOR_get0(&object, nullptr, nullptr, algorithm);
    return object_octets(object);
}

// CMSAlgorithmProtection repeats both algorithms under the signature.
bool protects(const ASN1_TYPE* value, CMS_SignerInfo* signer)
{
    X509_ALGOR *digest = nullptr, *signature = nullptr;
    CMS_SignerInfo_get0_algs(signer, nullptr, nullptr, &digest, &signature);
    const auto body = der::Reader(value_octets(value, V_ASN1_SEQUENCE)).next(der::sequence);
    if (!body) return false;
    der::Reader fields(body->body);
    const auto d = fields.next(der::sequence);
    const auto s = fields.next(der::context(1));
    if (!d || !s) return false;
    const auto d_oid = der::Reader(d->body).next(der::object_identifier);
    const auto s_oid = der::Reader(s->body).next(der::object_identifier);
    return d_oid && s_oid && d_oid->body == algorithm_oid(digest) && s_oid->body == algorithm_oid(signature);
}

// SigningCertificate(V2) ::= SEQUENCE { certs SEQUENCE OF ESSCertID(v2), ... }
bool first_entry_names(base::Octets value, bool v2, const Certificate& certificate)
{
    const auto body = der::Reader(value).next(der::sequence);
    if (!body) return false;
    const auto list = der::Reader(body->body).next(der::sequence);
    if (!list) return false;
    const auto entry = der::Reader(list->body).next(der::sequence);
    if (!entry) return false;
    der::Reader fields(entry->body);
    const DigestAlgorithm* digest = find_digest(v2 ? NID_sha256 : NID_sha1);
    if (v2) {
        if (const auto algorithm = fields.next(der::sequence)) {
            const std::string der = der::wrap(der::sequence, algorithm->body);
            const unsigned char* at = ossl::bytes(der);
            const std::unique_ptr<X509_ALGOR, ossl::Free<X509_ALGOR_free>> parsed(
                d2i_X509_ALGOR(nullptr, &at, static_cast<long>(der.size())));
            digest = find_digest(parsed.get());
        }
    }
    const auto hash = fields.next(der::octet_string);
    return digest != nullptr && hash && !hash->body.empty() &&
           digest_of(certificate.der(), digest->nid) == hash->body;
}

}  // namespace

SignedAttributes read_signed_attributes(CMS_SignerInfo* signer, const ASN1_OBJECT* content_type)
{
    SignedAttributes out;
    out.present = CMS_signed_get_attr_count(signer) >= 0;
    if (!out.present) return out;
    const auto wrong = [&](const char* which) {
        out.error = true;
        if (!out.what.empty()) out.what += ", ";
        out.what += which;
    };

    const Single type = find(signer, NID_pkcs9_contentType);
    if (!type.good() || ASN1_TYPE_get(type.value) != V_ASN1_OBJECT ||
        OBJ_cmp(type.value->value.object, content_type) != 0)
        wrong("contentType");

    const Single digest = find(signer, NID_pkcs9_messageDigest);
    if (digest.good() && ASN1_TYPE_get(digest.value) == V_ASN1_OCTET_STRING)
        out.message_digest = value_octets(digest.value, V_ASN1_OCTET_STRING);
    else
        wrong("messageDigest");

    const Single time = find(signer, NID_pkcs9_signingTime);
    if (!time.absent()) {
        if (time.good() && (ASN1_TYPE_get(time.value) == V_ASN1_UTCTIME ||
                            ASN1_TYPE_get(time.value) == V_ASN1_GENERALIZEDTIME))
            out.signing_time = time_of(time.value->value.asn1_string);
        if (!out.signing_time) wrong("signingTime");
    }

    constexpr std::array<std::pair<int, const char*>, 4> single_valued{{
        {NID_SMIMECapabilities, "SMIMECapabilities"},
        {NID_id_smime_aa_encrypKeyPref, "SMIMEEncryptionKeyPreference"},
        {NID_id_smime_aa_signingCertificate, "signingCertificate"},
        {NID_id_smime_aa_signingCertificateV2, "signingCertificateV2"},
    }};
    for (const auto& [nid, what] : single_valued) {
        const Single found = find(signer, nid);
        if (!found.absent() && !found.good()) wrong(what);
    }
    out.capabilities = value_octets(find(signer, NID_SMIMECapabilities).value, V_ASN1_SEQUENCE);
    out.preference = value_octets(find(signer, NID_id_smime_aa_encrypKeyPref).value, V_ASN1_OTHER);

    const Single protection =
        find(signer, [](const ASN1_OBJECT* o) { return object_octets(o) == algorithm_protection; });
    if (!protection.absent() && (!protection.good() || !protects(protection.value, signer)))
        wrong("CMSAlgorithmProtection");
    return out;
}

bool prefers(base::Octets preference, const Certificate& certificate)
{
    constexpr unsigned char issuer_and_serial = der::context(0), recipient_key_id = der::context(1),
                            key_id = 0x82;
    const auto summary = summarise(certificate.der());
    const auto choice = der::Reader(preference).next();
    if (!summary || !choice) return false;
    der::Reader fields(choice->body);
    if (choice->tag == issuer_and_serial) {
        const base::Octets rest = fields.rest();
        const auto issuer = fields.next(der::sequence);
        const auto serial = fields.next(der::integer);
        return issuer && serial && rest.substr(0, issuer->size) == summary->issuer &&
               serial->body == serial_octets(certificate);
    }
    if (summary->subject_key_id.empty()) return false;
    if (choice->tag == key_id) return choice->body == summary->subject_key_id;
    if (choice->tag != recipient_key_id) return false;
    const auto id = fields.next(der::octet_string);
    return id && id->body == summary->subject_key_id;
}

bool names_certificate(CMS_SignerInfo* signer, const Certificate& certificate)
{
    constexpr std::array<std::pair<int, bool>, 2> both{{
        {NID_id_smime_aa_signingCertificate, false},
        {NID_id_smime_aa_signingCertificateV2, true},
    }};
    for (const auto& [nid, v2] : both) {
        const Single found = find(signer, nid);
        if (found.absent()) continue;
        if (!found.good() || !first_entry_names(value_octets(found.value, V_ASN1_SEQUENCE), v2, certificate))
            return false;
    }
    return true;
}

}  // namespace cms
