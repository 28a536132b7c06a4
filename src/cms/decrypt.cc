#include "cms/decrypt.h"

#include <limits>

#include "base/ascii.h"
#include "cms/enveloped_outline.h"
#include "cms/openssl.h"
#include "cms/text.h"

namespace cms
{

struct Enveloped::Native {
    ossl::CmsPtr cms;
};

namespace
{

tl::unexpected<base::Error> refused(std::string why)
{
    return base::fail(base::Code::data, "", std::move(why));
}

RecipientId identifier(const ASN1_OCTET_STRING* key, const X509_NAME* issuer, const ASN1_INTEGER* serial)
{
    RecipientId id;
    if (key != nullptr) id.key_identifier = base::hex(ossl::octets(key));
    if (issuer != nullptr) id.issuer = text_of(issuer);
    if (serial != nullptr) id.serial = text_of(serial);
    return id;
}

// Each encrypted key of the message with its kind; `visit` returns true to stop.
template <class Transport, class Agreement>
bool any_recipient(CMS_ContentInfo* cms, const Transport& transport, const Agreement& agreement)
{
    STACK_OF(CMS_RecipientInfo)* const infos = CMS_get0_RecipientInfos(cms);
    for (int i = 0; i < sk_CMS_RecipientInfo_num(infos); ++i) {
        CMS_RecipientInfo* const info = sk_CMS_RecipientInfo_value(infos, i);
        if (CMS_RecipientInfo_type(info) == CMS_RECIPINFO_TRANS) {
            if (transport(info)) return true;
        } else if (CMS_RecipientInfo_type(info) == CMS_RECIPINFO_AGREE) {
            STACK_OF(CMS_RecipientEncryptedKey)* const keys = CMS_RecipientInfo_kari_get0_reks(info);
            for (int k = 0; k < sk_CMS_RecipientEncryptedKey_num(keys); ++k)
                if (agreement(sk_CMS_RecipientEncryptedKey_value(keys, k))) return true;
        }
    }
    return false;
}

std::vector<RecipientId> recipients_of(CMS_ContentInfo* cms)
{
    std::vector<RecipientId> out;
    any_recipient(
        cms,
        [&](CMS_RecipientInfo* info) {
            ASN1_OCTET_STRING* key = nullptr;
            X509_NAME* issuer = nullptr;
            ASN1_INTEGER* serial = nullptr;
            if (CMS_RecipientInfo_ktri_get0_signer_id(info, &key, &issuer, &serial) == 1)
                out.push_back(identifier(key, issuer, serial));
            return false;
        },
        [&](CMS_RecipientEncryptedKey* rek) {
            ASN1_OCTET_STRING* key = nullptr;
            X509_NAME* issuer = nullptr;
            ASN1_INTEGER* serial = nullptr;
            if (CMS_RecipientEncryptedKey_get0_id(rek, &key, nullptr, nullptr, &issuer, &serial) == 1)
                out.push_back(identifier(key, issuer, serial));
            return false;
        });
    return out;
}

}  // namespace

base::Result<Enveloped> Enveloped::read(base::Octets der, const EnvelopedLimits& limits)
{
    if (der.size() > std::numeric_limits<int>::max()) return refused("the encrypted message is too large");
    const auto outline = outline_enveloped(der, limits);
    if (!outline) return base::fail(outline.error());

    const ossl::ErrorScope errors;
    const unsigned char* at = ossl::bytes(der);
    auto native = std::make_shared<Native>();
    native->cms.reset(d2i_CMS_ContentInfo(nullptr, &at, static_cast<long>(der.size())));
    // Both readers must have seen the same thing.
    if (!native->cms || at != ossl::bytes(der) + der.size()) return refused("malformed encrypted message");

    Enveloped out;
    out.authenticated_ = outline->authenticated;
    out.cipher_ = outline->cipher;
    out.recipients_ = recipients_of(native->cms.get());
    out.native_ = std::move(native);
    return out;
}

bool Enveloped::names(const Certificate& certificate) const
{
    const ossl::ErrorScope errors;
    return any_recipient(
        native_->cms.get(),
        [&](CMS_RecipientInfo* info) {
            return CMS_RecipientInfo_ktri_cert_cmp(info, certificate.native()) == 0;
        },
        [&](CMS_RecipientEncryptedKey* rek) {
            return CMS_RecipientEncryptedKey_cert_cmp(rek, certificate.native()) == 0;
        });
}

base::Result<std::string> Enveloped::decrypt(const Certificate& certificate, const PrivateKey& key) const
{
    if (!names(certificate)) return refused("the message is not encrypted for this certificate");
    const auto matching = key.matches(certificate);
    if (!matching) return base::fail(matching.error());
    if (!*matching) return refused("the private key does not belong to the certificate");
    const auto native_key = key.native();
    if (!native_key) return base::fail(native_key.error());

    const ossl::ErrorScope errors;
    const ossl::BioPtr out(BIO_new(BIO_s_mem()));
    if (!out) return base::fail(base::Code::temporary, "", "out of memory");
    const KeyInUse use(native_key->get());
    // With the certificate: OpenSSL then answers bad padding with a random key
    // instead of a telling error, and tries no other recipient info.
    if (CMS_decrypt(native_->cms.get(), native_key->get(), certificate.native(), nullptr, out.get(), 0) != 1)
        return refused("the message cannot be decrypted with this key");
    return ossl::contents(out.get());
}

}  // namespace cms
