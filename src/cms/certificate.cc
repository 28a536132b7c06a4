#include "cms/certificate.h"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>

#include <algorithm>
#include <limits>
#include <mutex>
#include <new>
#include <sstream>

#include "base/ascii.h"
#include "cms/library.h"
#include "cms/openssl.h"
#include "cms/text.h"
#include "mime/address.h"

namespace cms
{
namespace
{

constexpr std::size_t largest = 1U << 20;

KeyKind kind_of(const EVP_PKEY* key)
{
    if (key == nullptr) return KeyKind::other;
    switch (EVP_PKEY_get_base_id(key)) {
        case EVP_PKEY_RSA: return KeyKind::rsa;
        case EVP_PKEY_RSA_PSS: return KeyKind::rsa_pss;
        case EVP_PKEY_EC: return KeyKind::ec;
        case EVP_PKEY_ED25519: return KeyKind::ed25519;
        case EVP_PKEY_ED448: return KeyKind::ed448;
        case EVP_PKEY_X25519: return KeyKind::x25519;
        case EVP_PKEY_DSA: return KeyKind::dsa;
        default: return KeyKind::other;
    }
}

std::string curve_of(const EVP_PKEY* key)
{
    int from_explicit = 0;
    if (EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &from_explicit) == 1 &&
        from_explicit != 0)
        return "explicit";
    char group[80];
    std::size_t size = 0;
    if (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group, &size) != 1)
        return "explicit";
    const char* nist = EC_curve_nid2nist(OBJ_txt2nid(group));
    return nist != nullptr ? nist : group;
}

bool odd_exponent_up_to_64_bits(const EVP_PKEY* key)
{
    BIGNUM* e = nullptr;
    if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) != 1) {
        insist_on_memory();
        return false;
    }
    const ossl::BignumPtr owner(e);
    return BN_is_odd(e) == 1 && BN_is_one(e) == 0 && BN_num_bits(e) <= 64;
}

struct AlternativeNames {
    std::vector<std::string> addresses;
    bool any = false;  // an e-mail name was there, even an unusable one
};

AlternativeNames alternative_names(X509* x)
{
    AlternativeNames out;
    const std::unique_ptr<GENERAL_NAMES, ossl::Free<GENERAL_NAMES_free>> names(
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(x, NID_subject_alt_name, nullptr, nullptr)));
    // One that is broken or there twice does not make room for the subject's.
    if (!names) out.any = X509_get_ext_by_NID(x, NID_subject_alt_name, -1) >= 0;
    for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
        int type = 0;
        const void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), i), &type);
        if (type == GEN_EMAIL) {
            out.any = true;
            const base::Octets text = ossl::octets(static_cast<const ASN1_STRING*>(value));
            // rfc822Name is ASCII; other addresses are SmtpUTF8Mailbox (RFC 9598).
            if (is_usable_address(text, true)) out.addresses.emplace_back(text);
        } else if (type == GEN_OTHERNAME) {
            const auto* other = static_cast<const OTHERNAME*>(value);
            if (OBJ_obj2nid(other->type_id) != NID_id_on_SmtpUTF8Mailbox) continue;
            out.any = true;
            if (other->value == nullptr || other->value->type != V_ASN1_UTF8STRING) continue;
            const base::Octets text = ossl::octets(other->value->value.utf8string);
            if (is_usable_address(text, false)) out.addresses.emplace_back(text);
        }
    }
    return out;
}

std::vector<std::string> subject_addresses(const X509* x)
{
    std::vector<std::string> out;
    const X509_NAME* name = X509_get_subject_name(x);
    for (int i = -1; (i = X509_NAME_get_index_by_NID(name, NID_pkcs9_emailAddress, i)) >= 0;) {
        const ASN1_STRING* s = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i));
        unsigned char* utf8 = nullptr;
        const int n = ASN1_STRING_to_UTF8(&utf8, s);
        const ossl::MemoryPtr<unsigned char> owner(utf8);
        if (n <= 0) continue;
        const base::Octets text = ossl::octets(utf8, static_cast<std::size_t>(n));
        if (is_usable_address(text, true)) out.emplace_back(text);
    }
    return out;
}

}  // namespace

struct Certificate::Data {
    mutable std::once_flag decoding;
    mutable ossl::X509Ptr x509;
    std::string der;
    std::string key_fingerprint;  // when it is known already
    std::vector<std::string> san_addresses, addresses;
    base::Time not_before, not_after;
    KeyKind key_kind = KeyKind::other;
    int key_bits = 0;
    std::string curve;
    std::uint32_t flags = 0, key_usage = 0, extended_key_usage = 0;
    mutable std::once_flag weighing;
    mutable bool exponent_fits = false;
};

base::Result<Certificate> Certificate::from_der(base::Octets der)
{
    const ossl::ErrorScope errors;
    if (der.empty() || der.size() > largest)
        return base::fail(base::Code::data, "", "not a certificate: wrong size");
    const unsigned char* at = ossl::bytes(der);
    const ossl::X509Ptr x(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
    if (!x) {
        insist_on_memory();
        return base::fail(base::Code::data, "", "not a certificate: " + errors.text());
    }
    if (at != ossl::bytes(der) + der.size())
        return base::fail(base::Code::data, "", "not a certificate: octets follow it");
    return from_native(x.get());
}

base::Result<Certificate> Certificate::from_native(X509* x)
{
    const ossl::ErrorScope errors;
    auto data = std::make_shared<Data>();
    data->der = ossl::encode(x, i2d_X509);
    if (data->der.empty() || data->der.size() > largest)
        return base::fail(base::Code::data, "", "not a certificate: wrong size");
    X509_up_ref(x);
    data->x509.reset(x);

    // OpenSSL caches these inside the object on first use; doing it here leaves
    // nothing to write later, when several threads look at it.
    X509_check_purpose(x, -1, 0);
    data->flags = X509_get_extension_flags(x);
    data->key_usage = X509_get_key_usage(x);
    data->extended_key_usage = X509_get_extended_key_usage(x);

    auto names = alternative_names(x);
    data->san_addresses = std::move(names.addresses);
    data->addresses = names.any ? data->san_addresses : subject_addresses(x);

    // A time that cannot be read makes the certificate valid never.
    data->not_before = time_of(X509_get0_notBefore(x)).value_or(base::Time::max());
    data->not_after = time_of(X509_get0_notAfter(x)).value_or(base::Time::min());

    const EVP_PKEY* key = X509_get0_pubkey(x);
    data->key_kind = kind_of(key);
    if (key != nullptr) data->key_bits = EVP_PKEY_get_bits(key);
    if (data->key_kind == KeyKind::ec) data->curve = curve_of(key);
    insist_on_memory();
    return Certificate(std::move(data));
}

const std::vector<std::string>& Certificate::san_addresses() const { return data_->san_addresses; }
const std::vector<std::string>& Certificate::addresses() const { return data_->addresses; }

bool Certificate::names(std::string_view address) const
{
    return std::any_of(addresses().begin(), addresses().end(),
                       [&](const std::string& a) { return mime::same_address(a, address); });
}

std::string Certificate::subject() const { return text_of(X509_get_subject_name(native())); }
std::string Certificate::issuer() const { return text_of(X509_get_issuer_name(native())); }
std::string Certificate::serial() const { return text_of(X509_get0_serialNumber(native())); }
base::Time Certificate::not_before() const { return data_->not_before; }
base::Time Certificate::not_after() const { return data_->not_after; }

bool Certificate::is_ca() const
{
    constexpr std::uint32_t v1_root = EXFLAG_V1 | EXFLAG_SS;
    return (data_->flags & EXFLAG_CA) != 0 || (data_->flags & v1_root) == v1_root;
}

bool Certificate::self_signed() const
{
    const ossl::ErrorScope errors;
    if (X509_NAME_cmp(X509_get_subject_name(native()), X509_get_issuer_name(native())) != 0) return false;
    return X509_self_signed(native(), 1) == 1;
}

KeyKind Certificate::key_kind() const { return data_->key_kind; }
int Certificate::key_bits() const { return data_->key_bits; }

// Asking OpenSSL for it takes longer than verifying with it.
bool Certificate::rsa_exponent_fits() const
{
    std::call_once(data_->weighing, [this] {
        const ossl::ErrorScope errors;
        data_->exponent_fits = odd_exponent_up_to_64_bits(X509_get0_pubkey(native()));
    });
    return data_->exponent_fits;
}

std::string Certificate::curve() const { return data_->curve; }

bool Certificate::usage_allows_signing() const
{
    return (data_->flags & EXFLAG_KUSAGE) == 0 ||
           (data_->key_usage & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) != 0;
}

bool Certificate::usage_allows_encryption() const
{
    if ((data_->flags & EXFLAG_KUSAGE) == 0) return true;
    const bool agrees = data_->key_kind == KeyKind::ec || data_->key_kind == KeyKind::x25519;
    return (data_->key_usage & (agrees ? KU_KEY_AGREEMENT : KU_KEY_ENCIPHERMENT)) != 0;
}

bool Certificate::purpose_allows_email() const
{
    return (data_->flags & EXFLAG_XKUSAGE) == 0 ||
           (data_->extended_key_usage & (XKU_SMIME | XKU_ANYEKU)) != 0;
}

bool Certificate::unknown_critical_extension() const
{
    // An extension that cannot be parsed counts as unknown.
    return (data_->flags & (EXFLAG_CRITICAL | EXFLAG_INVALID)) != 0;
}

const std::string& Certificate::der() const { return data_->der; }
std::string Certificate::fingerprint() const { return sha256_hex(data_->der); }
std::string Certificate::key_fingerprint() const
{
    if (!data_->key_fingerprint.empty()) return data_->key_fingerprint;
    const ossl::ErrorScope errors;
    return cms::key_fingerprint(X509_get0_pubkey(native()));
}

x509_st* Certificate::native() const
{
    std::call_once(data_->decoding, [this] {
        if (data_->x509) return;
        const ossl::ErrorScope errors;
        const unsigned char* at = ossl::bytes(data_->der);
        ossl::X509Ptr x(d2i_X509(nullptr, &at, static_cast<long>(data_->der.size())));
        // It was decoded once: these are other octets now, and no certificate.
        if (!x) x.reset(X509_new());
        if (x) X509_check_purpose(x.get(), -1, 0);
        insist_on_memory();
        if (!x) throw std::bad_alloc();
        data_->x509 = std::move(x);
    });
    return data_->x509.get();
}

std::string Certificate::facts() const
{
    std::string out = fmt::format(
        "{} {} {} {} {} {} {} {} {}", data_->not_before.time_since_epoch().count(),
        data_->not_after.time_since_epoch().count(), static_cast<int>(data_->key_kind), data_->key_bits,
        data_->flags, data_->key_usage, data_->extended_key_usage, data_->curve.empty() ? "-" : data_->curve,
        key_fingerprint().empty() ? "-" : key_fingerprint());
    for (const auto& address : data_->san_addresses) out += "\nS" + address;
    for (const auto& address : data_->addresses) out += "\nA" + address;
    return out;
}

base::Result<Certificate> Certificate::remembered(base::Octets der, base::Octets facts)
{
    const auto bad = [] { return base::fail(base::Code::data, "", "not the facts of a certificate"); };
    auto data = std::make_shared<Data>();
    data->der = der;
    std::istringstream lines{std::string(facts)};
    std::string line;
    std::int64_t from = 0, until = 0;
    int kind = 0;
    if (!std::getline(lines, line)) return bad();
    std::istringstream words(line);
    words >> from >> until >> kind >> data->key_bits >> data->flags >> data->key_usage >>
        data->extended_key_usage >> data->curve >> data->key_fingerprint;
    if (words.fail() || kind < 0 || kind > static_cast<int>(KeyKind::other)) return bad();
    for (auto* absent : {&data->curve, &data->key_fingerprint})
        if (*absent == "-") absent->clear();
    data->not_before = base::Time(base::Time::duration(from));
    data->not_after = base::Time(base::Time::duration(until));
    data->key_kind = static_cast<KeyKind>(kind);
    while (std::getline(lines, line)) {
        if (line.size() < 2 || (line[0] != 'S' && line[0] != 'A')) return bad();
        (line[0] == 'S' ? data->san_addresses : data->addresses).push_back(line.substr(1));
    }
    return Certificate(std::move(data));
}

std::string describe_key(const Certificate& certificate)
{
    const std::string bits = std::to_string(certificate.key_bits());
    switch (certificate.key_kind()) {
        case KeyKind::rsa: return "RSA " + bits;
        case KeyKind::rsa_pss: return "RSA-PSS " + bits;
        case KeyKind::ec: return "EC " + certificate.curve();
        case KeyKind::ed25519: return "Ed25519";
        case KeyKind::ed448: return "Ed448";
        case KeyKind::x25519: return "X25519";
        case KeyKind::dsa: return "DSA " + bits;
        case KeyKind::other: break;
    }
    return "a key of an unknown kind";
}

}  // namespace cms
