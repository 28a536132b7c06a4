#include "cms/certificate_profile.h"

#include <algorithm>
#include <utility>

#include "base/ascii.h"
#include "cms/algorithms.h"
#include "cms/openssl.h"
#include "cms/text.h"

namespace cms
{
namespace
{

constexpr std::size_t most_listed = 32;  // of purposes and policies

template <class T, auto release>
std::unique_ptr<T, ossl::Free<release>> extension(const X509* x, int nid, int* critical = nullptr)
{
    return std::unique_ptr<T, ossl::Free<release>>(
        static_cast<T*>(X509_get_ext_d2i(x, nid, critical, nullptr)));
}

void read_usages(X509* x, CertificateProfile& out)
{
    constexpr std::pair<std::uint32_t, const char*> bits[] = {{KU_DIGITAL_SIGNATURE, "digitalSignature"},
                                                              {KU_NON_REPUDIATION, "nonRepudiation"},
                                                              {KU_KEY_ENCIPHERMENT, "keyEncipherment"},
                                                              {KU_DATA_ENCIPHERMENT, "dataEncipherment"},
                                                              {KU_KEY_AGREEMENT, "keyAgreement"},
                                                              {KU_KEY_CERT_SIGN, "keyCertSign"},
                                                              {KU_CRL_SIGN, "cRLSign"},
                                                              {KU_ENCIPHER_ONLY, "encipherOnly"},
                                                              {KU_DECIPHER_ONLY, "decipherOnly"}};
    const std::uint32_t flags = X509_get_extension_flags(x);
    out.key_usage = (flags & EXFLAG_KUSAGE) != 0;
    out.extended_key_usage = (flags & EXFLAG_XKUSAGE) != 0;
    if (out.key_usage)
        for (const auto& [bit, name] : bits)
            if ((X509_get_key_usage(x) & bit) != 0) out.key_usages.emplace_back(name);
    int critical = 0;
    extension<ASN1_BIT_STRING, ASN1_BIT_STRING_free>(x, NID_key_usage, &critical);
    out.key_usage_critical = critical == 1;
    const auto purposes = extension<EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free>(x, NID_ext_key_usage);
    for (int i = 0; i < sk_ASN1_OBJECT_num(purposes.get()) && out.purposes.size() < most_listed; ++i)
        out.purposes.push_back(text_of(sk_ASN1_OBJECT_value(purposes.get(), i)));
}

void read_names(X509* x, CertificateProfile& out)
{
    const auto names = extension<GENERAL_NAMES, GENERAL_NAMES_free>(x, NID_subject_alt_name);
    out.alternative_names_broken = !names && X509_get_ext_by_NID(x, NID_subject_alt_name, -1) >= 0;
    out.names = static_cast<std::size_t>(std::max(0, sk_GENERAL_NAME_num(names.get())));
    std::size_t addresses = 0;
    for (std::size_t i = 0; i < out.names; ++i) {
        int type = 0;
        const void* value =
            GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), static_cast<int>(i)), &type);
        const bool mailbox =
            type == GEN_OTHERNAME &&
            OBJ_obj2nid(static_cast<const OTHERNAME*>(value)->type_id) == NID_id_on_SmtpUTF8Mailbox;
        addresses += type == GEN_EMAIL || mailbox ? 1 : 0;
    }
    const X509_NAME* subject = X509_get_subject_name(x);
    for (int i = -1; (i = X509_NAME_get_index_by_NID(subject, NID_pkcs9_emailAddress, i)) >= 0;)
        if (out.subject_addresses.size() < most_listed)
            out.subject_addresses.emplace_back(
                ossl::octets(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, i))));
    out.unusable_addresses = addresses;  // the usable ones are taken off below
}

void read_policies(const X509* x, CertificateProfile& out)
{
    const auto policies =
        extension<CERTIFICATEPOLICIES, CERTIFICATEPOLICIES_free>(x, NID_certificate_policies);
    for (int i = 0; i < sk_POLICYINFO_num(policies.get()) && out.policies.size() < most_listed; ++i) {
        char text[128];
        if (OBJ_obj2txt(text, sizeof text, sk_POLICYINFO_value(policies.get(), i)->policyid, 1) > 0)
            out.policies.emplace_back(text);
    }
}

}  // namespace

CertificateProfile profile_of(const Certificate& certificate)
{
    const ossl::ErrorScope errors;
    X509* x = certificate.native();
    CertificateProfile out;
    read_usages(x, out);
    read_names(x, out);
    out.unusable_addresses -= std::min(out.unusable_addresses, certificate.san_addresses().size());
    read_policies(x, out);
    const auto has = [&](int nid) { return X509_get_ext_by_NID(x, nid, -1) >= 0; };
    out.crl_distribution_points = has(NID_crl_distribution_points);
    out.authority_information_access = has(NID_info_access);
    out.authority_key_identifier = has(NID_authority_key_identifier);

    int digest = NID_undef;
    if (X509_get_signature_info(x, &digest, nullptr, nullptr, nullptr) == 1 && digest != NID_undef) {
        out.signature_digest = base::to_lower(OBJ_nid2sn(digest));
        const auto* known = find_digest(digest);
        out.weak_signature = known == nullptr || known->weak;
    }
    const ossl::BignumPtr serial(ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), nullptr));
    if (serial) {
        out.serial_bits = static_cast<unsigned>(BN_num_bits(serial.get()));
        out.serial_negative_or_zero = BN_is_negative(serial.get()) != 0 || BN_is_zero(serial.get());
    }
    return out;
}

std::string unusable_key(const Certificate& certificate)
{
    const ossl::ErrorScope errors;
    const auto why = must_not_compute(certificate);
    if (!why) return {};
    if (*why == Finding::key_size) return "too large to compute with, or a strange exponent";
    return "its kind or its curve is not known";
}

}  // namespace cms
