#include "cms/inspect.h"

#include <limits>

#include "base/ascii.h"
#include "cms/enveloped_outline.h"
#include "cms/openssl.h"
#include "cms/text.h"

namespace cms
{
namespace
{

std::string algorithm_of(const X509_ALGOR* algorithm)
{
    if (algorithm == nullptr) return {};
    const ASN1_OBJECT* object = nullptr;
    X509_ALGOR_get0(&object, nullptr, nullptr, algorithm);
    return text_of(object);
}

std::optional<base::Time> signing_time(CMS_SignerInfo* signer)
{
    const int at = CMS_signed_get_attr_by_NID(signer, NID_pkcs9_signingTime, -1);
    if (at < 0) return std::nullopt;
    const ASN1_TYPE* type = X509_ATTRIBUTE_get0_type(CMS_signed_get_attr(signer, at), 0);
    if (type == nullptr || (type->type != V_ASN1_UTCTIME && type->type != V_ASN1_GENERALIZEDTIME))
        return std::nullopt;
    return time_of(type->value.asn1_string);
}

SignerPicture picture_of(CMS_SignerInfo* signer)
{
    SignerPicture picture;
    ASN1_OCTET_STRING* key = nullptr;
    X509_NAME* issuer = nullptr;
    ASN1_INTEGER* serial = nullptr;
    if (CMS_SignerInfo_get0_signer_id(signer, &key, &issuer, &serial) == 1) {
        if (key != nullptr) picture.key_identifier = base::hex(ossl::octets(key));
        picture.issuer = text_of(issuer);
        picture.serial = text_of(serial);
    }
    X509_ALGOR* digest = nullptr;
    X509_ALGOR* signature = nullptr;
    CMS_SignerInfo_get0_algs(signer, nullptr, nullptr, &digest, &signature);
    picture.digest = base::to_lower(algorithm_of(digest));
    picture.signature = algorithm_of(signature);
    picture.signed_attributes = CMS_signed_get_attr_count(signer) > 0;
    picture.signing_time = signing_time(signer);
    return picture;
}

RecipientPicture recipient(const ASN1_OCTET_STRING* key, const X509_NAME* issuer, const ASN1_INTEGER* serial,
                           const X509_ALGOR* algorithm)
{
    RecipientPicture out;
    if (key != nullptr) out.key_identifier = base::hex(ossl::octets(key));
    if (issuer != nullptr) out.issuer = text_of(issuer);
    if (serial != nullptr) out.serial = text_of(serial);
    out.transport = algorithm_of(algorithm);
    return out;
}

void add_recipients(CMS_RecipientInfo* info, Picture& picture)
{
    const auto add = [&](RecipientPicture one) {
        if (picture.recipients.size() < Picture::most_recipients)
            picture.recipients.push_back(std::move(one));
        else
            ++picture.more_recipients;
    };
    ASN1_OCTET_STRING* key = nullptr;
    X509_NAME* issuer = nullptr;
    ASN1_INTEGER* serial = nullptr;
    X509_ALGOR* algorithm = nullptr;
    switch (CMS_RecipientInfo_type(info)) {
        case CMS_RECIPINFO_TRANS:
            CMS_RecipientInfo_ktri_get0_signer_id(info, &key, &issuer, &serial);
            CMS_RecipientInfo_ktri_get0_algs(info, nullptr, nullptr, &algorithm);
            return add(recipient(key, issuer, serial, algorithm));
        case CMS_RECIPINFO_AGREE: {
            CMS_RecipientInfo_kari_get0_alg(info, &algorithm, nullptr);
            STACK_OF(CMS_RecipientEncryptedKey)* const keys = CMS_RecipientInfo_kari_get0_reks(info);
            for (int k = 0; k < sk_CMS_RecipientEncryptedKey_num(keys); ++k) {
                key = nullptr;
                issuer = nullptr;
                serial = nullptr;
                CMS_RecipientEncryptedKey_get0_id(sk_CMS_RecipientEncryptedKey_value(keys, k), &key, nullptr,
                                                  nullptr, &issuer, &serial);
                add(recipient(key, issuer, serial, algorithm));
            }
            return;
        }
        case CMS_RECIPINFO_PASS: return add({{}, {}, {}, "a password"});
        case CMS_RECIPINFO_KEK: return add({{}, {}, {}, "a key known to both"});
        default: return add({{}, {}, {}, "a kind that is not known"});
    }
}

void add_certificates(CMS_ContentInfo* cms, Picture& picture)
{
    const ossl::X509StackPtr certificates(CMS_get1_certs(cms));
    for (int i = 0; certificates && i < sk_X509_num(certificates.get()); ++i) {
        auto certificate =
            Certificate::from_der(ossl::encode(sk_X509_value(certificates.get(), i), i2d_X509));
        if (certificate)
            picture.certificates.push_back(std::move(*certificate));
        else
            ++picture.unreadable_certificates;
    }
    const ossl::CrlStackPtr crls(CMS_get1_crls(cms));
    if (crls) picture.crls = static_cast<std::size_t>(sk_X509_CRL_num(crls.get()));
}

}  // namespace

Picture inspect(base::Octets der)
{
    Picture picture;
    picture.kind = content_kind(der);
    const bool envelope =
        picture.kind == ContentKind::enveloped_data || picture.kind == ContentKind::auth_enveloped_data;
    if ((picture.kind != ContentKind::signed_data && !envelope) ||
        der.size() > std::numeric_limits<int>::max())
        return picture;
    const ossl::ErrorScope errors;
    const unsigned char* at = ossl::bytes(der);
    const ossl::CmsPtr cms(d2i_CMS_ContentInfo(nullptr, &at, static_cast<long>(der.size())));
    if (!cms) return picture;
    picture.parsed = true;
    picture.trailing = der.size() - static_cast<std::size_t>(at - ossl::bytes(der));
    if (envelope) {
        // The cipher is not in OpenSSL's interface.
        if (const auto outline = outline_enveloped(der, {Picture::most_recipients, true}))
            picture.cipher = outline->cipher;
        STACK_OF(CMS_RecipientInfo)* const infos = CMS_get0_RecipientInfos(cms.get());
        for (int i = 0; i < sk_CMS_RecipientInfo_num(infos); ++i)
            add_recipients(sk_CMS_RecipientInfo_value(infos, i), picture);
        return picture;
    }
    picture.content_type = text_of(CMS_get0_eContentType(cms.get()));
    if (ASN1_OCTET_STRING** content = CMS_get0_content(cms.get()); content != nullptr && *content != nullptr)
        picture.content = ossl::octets(*content);
    STACK_OF(CMS_SignerInfo)* signers = CMS_get0_SignerInfos(cms.get());
    for (int i = 0; i < sk_CMS_SignerInfo_num(signers); ++i)
        picture.signers.push_back(picture_of(sk_CMS_SignerInfo_value(signers, i)));
    add_certificates(cms.get(), picture);
    return picture;
}

const char* name(ContentKind kind)
{
    switch (kind) {
        case ContentKind::signed_data: return "signed-data";
        case ContentKind::enveloped_data: return "enveloped-data";
        case ContentKind::auth_enveloped_data: return "authenticated-enveloped-data";
        case ContentKind::compressed_data: return "compressed-data";
        case ContentKind::other: return "another content type";
        case ContentKind::malformed: return "malformed";
    }
    return "malformed";
}

}  // namespace cms
