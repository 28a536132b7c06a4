#include "cms/capabilities.h"

#include <algorithm>
#include <array>
#include <memory>

#include "cms/openssl.h"

namespace cms
{
namespace
{

struct Algorithm {
    int nid;
    Cipher cipher;
};
constexpr std::array algorithms = {
    Algorithm{NID_aes_128_cbc, Cipher::aes128_cbc}, Algorithm{NID_aes_192_cbc, Cipher::aes192_cbc},
    Algorithm{NID_aes_256_cbc, Cipher::aes256_cbc}, Algorithm{NID_aes_128_gcm, Cipher::aes128_gcm},
    Algorithm{NID_aes_256_gcm, Cipher::aes256_gcm}};

// Strength first; of two as strong the one that authenticates.
constexpr std::array preferred = {Cipher::aes256_gcm, Cipher::aes256_cbc, Cipher::aes192_cbc,
                                  Cipher::aes128_gcm, Cipher::aes128_cbc};

struct FreeAlgorithms {
    void operator()(X509_ALGORS* a) const { sk_X509_ALGOR_pop_free(a, X509_ALGOR_free); }
};

}  // namespace

std::optional<std::vector<Cipher>> capabilities(const Certificate& certificate)
{
    const ossl::ErrorScope errors;
    const X509* x = certificate.native();
    const int at = x == nullptr ? -1 : X509_get_ext_by_NID(x, NID_SMIMECapabilities, -1);
    if (at < 0) return std::nullopt;
    return capabilities_in(ossl::octets(X509_EXTENSION_get_data(X509_get_ext(x, at))));
}

std::optional<std::vector<Cipher>> capabilities_in(base::Octets value)
{
    const ossl::ErrorScope errors;
    const unsigned char* p = ossl::bytes(value);
    const std::unique_ptr<X509_ALGORS, FreeAlgorithms> list(
        d2i_X509_ALGORS(nullptr, &p, static_cast<long>(value.size())));
    if (!list) return std::nullopt;
    std::vector<Cipher> out;
    for (int i = 0; i < sk_X509_ALGOR_num(list.get()); ++i) {
        const ASN1_OBJECT* oid = nullptr;
        X509_ALGOR_get0(&oid, nullptr, nullptr, sk_X509_ALGOR_value(list.get(), i));
        for (const auto& a : algorithms)
            if (a.nid == OBJ_obj2nid(oid) && std::find(out.begin(), out.end(), a.cipher) == out.end())
                out.push_back(a.cipher);
    }
    return out;
}

Cipher common_cipher(std::span<const Certificate> recipients, std::span<const SaidCapabilities> said)
{
    constexpr std::array assumed = {Cipher::aes128_cbc, Cipher::aes192_cbc, Cipher::aes256_cbc};
    std::vector<Cipher> common(preferred.begin(), preferred.end());
    for (std::size_t i = 0; i < recipients.size(); ++i) {
        const auto own = i < said.size() && said[i] ? said[i] : capabilities(recipients[i]);
        std::erase_if(common, [&](Cipher c) {
            return own ? std::find(own->begin(), own->end(), c) == own->end()
                       : std::find(assumed.begin(), assumed.end(), c) == assumed.end();
        });
    }
    return common.empty() ? Cipher::aes128_cbc : common.front();
}

}  // namespace cms
