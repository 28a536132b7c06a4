// Making CMS EnvelopedData and AuthEnvelopedData (RFC 5652 section 6, RFC 5083,
// RFC 8551 sections 2.3 and 2.7).
#pragma once

#include <optional>
#include <span>
#include <string>

#include "base/octets.h"
#include "base/result.h"
#include "cms/certificate.h"

namespace cms
{

// Content encryption.  CBC makes EnvelopedData, GCM makes AuthEnvelopedData.
enum class Cipher { aes128_cbc, aes192_cbc, aes256_cbc, aes128_gcm, aes256_gcm };
[[nodiscard]] const char* name(Cipher cipher);  // "aes256-cbc"
[[nodiscard]] std::optional<Cipher> cipher_named(std::string_view name);
[[nodiscard]] constexpr bool authenticates(Cipher c)
{
    return c == Cipher::aes128_gcm || c == Cipher::aes256_gcm;
}

enum class KeyTransport { pkcs1, oaep };  // RSA recipients only; OAEP with SHA-256 and MGF1 with SHA-256

struct EncryptRequest {
    std::span<const Certificate> recipients;  // each certificate counts once
    Cipher cipher = Cipher::aes256_cbc;
    KeyTransport key_transport = KeyTransport::pkcs1;
};

// Why no key may be sent to the key of this certificate: RSA outside of 2048 to 8192
// bits, a curve that is not P-256, P-384 or P-521, another kind of key.
[[nodiscard]] std::optional<std::string> key_unfit_for_encryption(const Certificate& certificate);
// Or to this certificate, whoever it belongs to: a key usage or extended key usage
// that forbids it as well.  Dates, path and revocation are the caller's.
[[nodiscard]] std::optional<std::string> unfit_for_encryption(const Certificate& certificate);

// The DER of a ContentInfo over the octets of `content` as they are, one
// recipient info for each certificate, named by issuer and serial number; the
// key and the nonce are fresh.  Elliptic curves agree by ECDH with an ephemeral
// key, the SHA-256 KDF and an AES key wrap as strong as the content's cipher.
[[nodiscard]] base::Result<std::string> encrypt(base::Pieces content, const EncryptRequest& request);

}  // namespace cms
