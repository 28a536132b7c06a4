#include "cms/seal.h"

#include <openssl/rand.h>

#include <limits>
#include <memory>

#include "cms/openssl.h"

namespace cms
{
namespace
{

constexpr std::size_t nonce_octets = 12;
constexpr std::size_t tag_octets = 16;
constexpr std::size_t most = std::numeric_limits<int>::max() / 2;

using Context = std::unique_ptr<EVP_CIPHER_CTX, ossl::Free<EVP_CIPHER_CTX_free>>;

unsigned char* bytes(char* p) { return reinterpret_cast<unsigned char*>(p); }

}  // namespace

base::Result<std::string> seal(base::Octets content, const base::Secret& key)
{
    const auto failed = [] {
        return base::fail(base::Code::internal, "", "the message could not be sealed");
    };
    if (content.size() > most || key.reveal().size() != seal_key_octets) return failed();
    const ossl::ErrorScope errors;
    std::string out(nonce_octets + content.size() + tag_octets, '\0');
    unsigned char* const at = bytes(out.data());
    const Context context(EVP_CIPHER_CTX_new());
    int n = 0, rest = 0;
    if (!context || RAND_bytes(at, nonce_octets) != 1 ||
        EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, ossl::bytes(key.reveal()), at) != 1 ||
        EVP_EncryptUpdate(context.get(), at + nonce_octets, &n, ossl::bytes(content),
                          static_cast<int>(content.size())) != 1 ||
        EVP_EncryptFinal_ex(context.get(), at + nonce_octets + n, &rest) != 1 ||
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, tag_octets,
                            at + nonce_octets + content.size()) != 1)
        return failed();
    return out;
}

base::Result<std::string> unseal(base::Octets sealed, const base::Secret& key)
{
    const auto failed = [] {
        return base::fail(base::Code::data, "", "not sealed with this key, or changed since");
    };
    if (sealed.size() < nonce_octets + tag_octets || sealed.size() > most ||
        key.reveal().size() != seal_key_octets)
        return failed();
    const ossl::ErrorScope errors;
    const auto encrypted = sealed.substr(nonce_octets, sealed.size() - nonce_octets - tag_octets);
    std::string tag(sealed.substr(sealed.size() - tag_octets));
    std::string out(encrypted.size(), '\0');
    const Context context(EVP_CIPHER_CTX_new());
    int n = 0, rest = 0;
    if (!context ||
        EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, ossl::bytes(key.reveal()),
                           ossl::bytes(sealed)) != 1 ||
        EVP_DecryptUpdate(context.get(), bytes(out.data()), &n, ossl::bytes(encrypted),
                          static_cast<int>(encrypted.size())) != 1 ||
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, tag_octets, tag.data()) != 1 ||
        EVP_DecryptFinal_ex(context.get(), bytes(out.data()) + n, &rest) != 1)
        return failed();
    return out;
}

}  // namespace cms
