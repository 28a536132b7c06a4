#include <openssl/err.h>
#include <openssl/pem.h>

#include <array>
#include <cstring>

#include "cms/key_material.h"

namespace cms
{
namespace
{

// Never asks the terminal: no password means -1, an error.
int give_password(char* buffer, int size, int /*for_writing*/, void* user)
{
    const auto* password = static_cast<const base::Secret*>(user);
    if (password == nullptr || password->reveal().size() > static_cast<std::size_t>(size)) return -1;
    std::memcpy(buffer, password->reveal().data(), password->reveal().size());
    return static_cast<int>(password->reveal().size());
}

// "Proc-Type: 4,ENCRYPTED" of traditional keys (RFC 1421).
base::Result<> decrypt(PemBlock& block, const Opening& opening)
{
    if (block.header == nullptr || *block.header == '\0') return {};
    const ossl::ErrorScope errors;
    EVP_CIPHER_INFO cipher{};
    if (PEM_get_EVP_CIPHER_INFO(block.header, &cipher) != 1)
        return opening.damaged(std::string(block.name) + ": encryption not supported: " + errors.text());
    if (cipher.cipher == nullptr) return {};
    if (opening.password == nullptr) return opening.password_needed();
    if (PEM_do_header(&cipher, block.data, &block.size, give_password,
                      const_cast<base::Secret*>(opening.password)) != 1)
        return opening.password_wrong();
    return {};
}

base::Result<> add_trusted(base::Octets der, const Opening& opening, Container& out)
{
    const ossl::ErrorScope errors;
    const unsigned char* at = ossl::bytes(der);
    const ossl::X509Ptr x(d2i_X509_AUX(nullptr, &at, static_cast<long>(der.size())));
    if (!x) return opening.damaged("damaged TRUSTED CERTIFICATE: " + errors.text());
    return add_certificate(x.get(), opening, out);
}

base::Result<> add_block(PemBlock& block, Opening& opening, Container& out)
{
    if (auto ok = decrypt(block, opening); !ok) return ok;
    const base::Octets name = block.name;
    const base::Octets der = block.octets();
    if (name == "CERTIFICATE" || name == "X509 CERTIFICATE") return add_certificate(der, opening, out);
    if (name == "TRUSTED CERTIFICATE") return add_trusted(der, opening, out);
    if (name == "X509 CRL") return add_crl(der, opening, out);
    if (name == "PKCS7" || name == "CMS" || name == "PKCS #7 SIGNED DATA")
        return add_pkcs7(der, opening, out);
    if (name == "OPENSSH PRIVATE KEY")
        return opening.damaged("an OpenSSH key is not the key of a certificate");
    if (name.ends_with("PRIVATE KEY")) return add_key(der, opening, out);
    return {};  // parameters, requests, public keys
}

}  // namespace

PemBlock::~PemBlock()
{
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_clear_free(data, static_cast<std::size_t>(size));
}

PemBlock::Next PemBlock::read(BIO* from)
{
    ERR_clear_error();
    if (PEM_read_bio(from, &name, &header, &data, &size) == 1) return Next::block;
    const unsigned long error = ERR_peek_last_error();
    const bool no_more = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
    return no_more ? Next::end : Next::damaged;
}

base::Result<> add_pem(base::Octets text, Opening& opening, Container& out)
{
    const ossl::ErrorScope errors;
    const ossl::BioPtr bio = ossl::memory_bio(text);
    if (!bio) return opening.damaged("too large");
    for (int n = 1;; ++n) {
        PemBlock block;
        const auto next = block.read(bio.get());
        if (next == PemBlock::Next::end) return {};
        if (next == PemBlock::Next::damaged)
            return opening.damaged("damaged PEM, block " + std::to_string(n) + ": " + errors.text());
        if (auto ok = add_block(block, opening, out); !ok) {
            base::Error error = ok.error();
            error.what = "PEM block " + std::to_string(n) + ": " + error.what;
            return base::fail(std::move(error));
        }
    }
}

}  // namespace cms
