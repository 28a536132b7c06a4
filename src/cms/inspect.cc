#include "cms/inspect.h"

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <time.h>

#include <limits>
#include <memory>

#include "base/ascii.h"

namespace cms
{
namespace
{

template <class T, void (*release)(T*)>
struct Release {
    void operator()(T* p) const { release(p); }
};
template <class T, void (*release)(T*)>
using Owned = std::unique_ptr<T, Release<T, release>>;

struct ReleaseBio {
    void operator()(BIO* b) const { BIO_free_all(b); }
};

std::string short_name(const ASN1_OBJECT* object)
{
    const int nid = OBJ_obj2nid(object);
    if (nid != NID_undef) return OBJ_nid2sn(nid);
    char text[128] = "";
    OBJ_obj2txt(text, sizeof text, object, 1);
    return text;
}

std::string name_text(const X509_NAME* name)
{
    const std::unique_ptr<BIO, ReleaseBio> out(BIO_new(BIO_s_mem()));
    if (out == nullptr || name == nullptr) return {};
    X509_NAME_print_ex(out.get(), name, 0,
                       XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB));
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

std::string octets_of(const ASN1_STRING* text)
{
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
            static_cast<std::size_t>(ASN1_STRING_length(text))};
}

std::string serial_text(const ASN1_INTEGER* serial)
{
    const Owned<BIGNUM, BN_free> number(ASN1_INTEGER_to_BN(serial, nullptr));
    if (number == nullptr) return {};
    std::string raw(static_cast<std::size_t>(BN_num_bytes(number.get())), '\0');
    BN_bn2bin(number.get(), reinterpret_cast<unsigned char*>(raw.data()));
    return (BN_is_negative(number.get()) ? "-" : "") + (raw.empty() ? "00" : base::hex(raw));
}

std::optional<base::Time> signing_time(CMS_SignerInfo* signer)
{
    const int at = CMS_signed_get_attr_by_NID(signer, NID_pkcs9_signingTime, -1);
    if (at < 0) return std::nullopt;
    X509_ATTRIBUTE* attribute = CMS_signed_get_attr(signer, at);
    const ASN1_TYPE* type = X509_ATTRIBUTE_get0_type(attribute, 0);
    if (type == nullptr || (type->type != V_ASN1_UTCTIME && type->type != V_ASN1_GENERALIZEDTIME))
        return std::nullopt;
    tm parts{};
    if (ASN1_TIME_to_tm(type->value.asn1_string, &parts) != 1) return std::nullopt;
    return base::Time(std::chrono::seconds(timegm(&parts)));
}

SignerPicture picture_of(CMS_SignerInfo* signer)
{
    SignerPicture picture;
    ASN1_OCTET_STRING* key = nullptr;
    X509_NAME* issuer = nullptr;
    ASN1_INTEGER* serial = nullptr;
    if (CMS_SignerInfo_get0_signer_id(signer, &key, &issuer, &serial) == 1) {
        if (key != nullptr) picture.key_identifier = base::hex(octets_of(key));
        if (issuer != nullptr) picture.issuer = name_text(issuer);
        if (serial != nullptr) picture.serial = serial_text(serial);
    }
    X509_ALGOR* digest = nullptr;
    X509_ALGOR* signature = nullptr;
    CMS_SignerInfo_get0_algs(signer, nullptr, nullptr, &digest, &signature);
    const ASN1_OBJECT* object = nullptr;
    if (digest != nullptr) {
        X509_ALGOR_get0(&object, nullptr, nullptr, digest);
        picture.digest = base::to_lower(short_name(object));
    }
    if (signature != nullptr) {
        X509_ALGOR_get0(&object, nullptr, nullptr, signature);
        picture.signature = short_name(object);
    }
    picture.signed_attributes = CMS_signed_get_attr_count(signer) > 0;
    picture.signing_time = signing_time(signer);
    return picture;
}

void add_certificates(CMS_ContentInfo* cms, Picture& picture)
{
    STACK_OF(X509)* certificates = CMS_get1_certs(cms);
    for (int i = 0; i < sk_X509_num(certificates); ++i) {
        unsigned char* der = nullptr;
        const int size = i2d_X509(sk_X509_value(certificates, i), &der);
        if (size <= 0) continue;
        auto certificate =
            Certificate::from_der({reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)});
        OPENSSL_free(der);
        if (certificate)
            picture.certificates.push_back(std::move(*certificate));
        else
            ++picture.unreadable_certificates;
    }
    sk_X509_pop_free(certificates, X509_free);
    STACK_OF(X509_CRL)* crls = CMS_get1_crls(cms);
    picture.crls = crls == nullptr ? 0 : static_cast<std::size_t>(sk_X509_CRL_num(crls));
    sk_X509_CRL_pop_free(crls, X509_CRL_free);
}

}  // namespace

Picture inspect(base::Octets der)
{
    Picture picture;
    picture.kind = content_kind(der);
    if (picture.kind != ContentKind::signed_data || der.size() > std::numeric_limits<int>::max())
        return picture;
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const auto* const begin = at;
    const Owned<CMS_ContentInfo, CMS_ContentInfo_free> cms(
        d2i_CMS_ContentInfo(nullptr, &at, static_cast<long>(der.size())));
    if (cms == nullptr) {
        ERR_clear_error();
        return picture;
    }
    picture.parsed = true;
    picture.trailing = der.size() - static_cast<std::size_t>(at - begin);
    picture.content_type = short_name(CMS_get0_eContentType(cms.get()));
    if (ASN1_OCTET_STRING** content = CMS_get0_content(cms.get()); content != nullptr && *content != nullptr)
        picture.content = octets_of(*content);
    STACK_OF(CMS_SignerInfo)* signers = CMS_get0_SignerInfos(cms.get());
    for (int i = 0; i < sk_CMS_SignerInfo_num(signers); ++i)
        picture.signers.push_back(picture_of(sk_CMS_SignerInfo_value(signers, i)));
    add_certificates(cms.get(), picture);
    ERR_clear_error();
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
