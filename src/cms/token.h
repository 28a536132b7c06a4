// Private keys that cannot be copied: in a token (PKCS#11, RFC 7512) or a TPM 2.0.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "base/secret.h"
#include "cms/private_key.h"

namespace cms
{

struct TokenKey {
    // "pkcs11:token=gateway;object=alice", "tpm2:0x81000001" (a persistent handle) or
    // "tpm2:/path/key.pem" (a TSS2 key file, opened by the TPM that made it).
    std::string uri;
    std::string module;               // of PKCS#11: the shared library; "" for p11-kit's
    std::optional<base::Secret> pin;  // of PKCS#11
};

// "" when it is a URI of one of these forms, or what is wrong with it.  A PIN in it is
// refused: URIs stand in configurations and logs.
[[nodiscard]] std::string fault_of_token_uri(const std::string& uri);

// Opens the token when the key is first used.  PKCS#11 goes through the engine "pkcs11"
// (package libengine-pkcs11-openssl), TPMs through the provider "tpm2" (tpm2-openssl);
// errors say what is missing.  Never asks anybody for a PIN.  The handle is thread-safe;
// operations of a TPM are done one after the other.
[[nodiscard]] PrivateKeyHandle open_token(TokenKey key);

}  // namespace cms
