#include "cms/text.h"

#include <openssl/core_names.h>
#include <time.h>

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "cms/algorithms.h"

namespace cms
{

std::string text_of(const X509_NAME* name)
{
    if (name == nullptr) return {};
    const ossl::BioPtr bio(BIO_new(BIO_s_mem()));
    constexpr unsigned long utf8 = XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB);
    if (bio && X509_NAME_print_ex(bio.get(), name, 0, utf8) >= 0) return ossl::contents(bio.get());
    // A string that is not what its type says: every octet above ASCII as \XX.
    const ossl::BioPtr again(BIO_new(BIO_s_mem()));
    constexpr unsigned long raw = XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_UTF8_CONVERT);
    if (again && X509_NAME_print_ex(again.get(), name, 0, raw) >= 0) return ossl::contents(again.get());
    return "(unreadable name)";
}

std::string text_of(const ASN1_INTEGER* number)
{
    if (number == nullptr) return {};
    const ossl::BignumPtr bn(ASN1_INTEGER_to_BN(number, nullptr));
    if (!bn) return {};
    std::string octets(static_cast<std::size_t>(BN_num_bytes(bn.get())), '\0');
    BN_bn2bin(bn.get(), reinterpret_cast<unsigned char*>(octets.data()));
    if (octets.empty()) octets.assign(1, '\0');
    return (BN_is_negative(bn.get()) != 0 ? "-" : "") + base::hex(octets);
}

std::string text_of(const ASN1_OBJECT* object)
{
    if (object == nullptr) return {};
    const int nid = OBJ_obj2nid(object);
    if (nid != NID_undef) return OBJ_nid2sn(nid);
    std::array<char, 128> text{};
    if (OBJ_obj2txt(text.data(), static_cast<int>(text.size()), object, 1) <= 0) return {};
    return text.data();
}

std::optional<base::Time> time_of(const ASN1_TIME* time)
{
    struct tm parts{};
    if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
    const time_t seconds = timegm(&parts);
    return base::Time(std::chrono::seconds(seconds));
}

bool is_usable_address(base::Octets address, bool ascii_only)
{
    const auto at = address.rfind('@');
    if (at == base::Octets::npos || at == 0 || at + 1 == address.size()) return false;
    return std::none_of(address.begin(), address.end(), [&](char c) {
        return base::is_control(c) || (ascii_only && static_cast<unsigned char>(c) > 0x7f);
    });
}

std::string key_fingerprint(const EVP_PKEY* key)
{
    if (key == nullptr) return {};
    std::string numbers;
    const auto add = [&](const char* name) {
        BIGNUM* number = nullptr;
        if (EVP_PKEY_get_bn_param(key, name, &number) != 1) return false;
        const ossl::BignumPtr owner(number);
        std::string octets(static_cast<std::size_t>(BN_num_bytes(number)), '\0');
        BN_bn2bin(number, reinterpret_cast<unsigned char*>(octets.data()));
        numbers += std::to_string(octets.size()) + ":" + octets;
        return true;
    };
    bool known = false;
    switch (EVP_PKEY_get_base_id(key)) {
        case EVP_PKEY_RSA:
        case EVP_PKEY_RSA_PSS: known = add(OSSL_PKEY_PARAM_RSA_N) && add(OSSL_PKEY_PARAM_RSA_E); break;
        case EVP_PKEY_EC: known = add(OSSL_PKEY_PARAM_EC_PUB_X) && add(OSSL_PKEY_PARAM_EC_PUB_Y); break;
        case EVP_PKEY_DSA: known = add(OSSL_PKEY_PARAM_PUB_KEY); break;
        default: {
            std::array<unsigned char, 64> raw{};  // the Edwards and Montgomery curves have up to 57
            std::size_t size = raw.size();
            known = EVP_PKEY_get_raw_public_key(key, raw.data(), &size) == 1;
            if (known) numbers.assign(ossl::octets(raw.data(), size));
        }
    }
    return known ? sha256_hex(numbers) : std::string();
}

std::string sha256(base::Octets octets) { return digest_of(octets, NID_sha256); }

std::string sha256_hex(base::Octets octets) { return base::hex(sha256(octets)); }

}  // namespace cms
