// Opening CMS EnvelopedData and AuthEnvelopedData (RFC 5652 section 6, RFC 5083,
// RFC 5084; semantics E.6).
//
// Everything that can be refused from the outside is refused before a key is
// used.  Success says nothing about integrity unless the cipher authenticates:
// a wrong key or a changed octet under CBC can give plausible success with
// garbage, so the caller judges what comes out, and must treat every failure
// alike towards whoever sent the message.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/octets.h"
#include "base/result.h"
#include "cms/certificate.h"
#include "cms/private_key.h"

namespace cms
{

// Who a recipient info is for: issuer and serial number as Certificate::issuer()
// and serial() give them, or the subject key identifier in lower-case hex.
struct RecipientId {
    std::string issuer, serial;
    std::string key_identifier;
};

struct EnvelopedLimits {
    // Recipient infos, the encrypted keys of each key agreement counted one by one.
    std::size_t recipients = 100;
    bool allow_3des = false;
};

// Immutable; safe to use from one thread at a time (OpenSSL keeps state in it
// while decrypting).
class Enveloped
{
public:
    // DER or BER of a ContentInfo, which is copied; octets behind it are an error.
    // An error says what is wrong or not supported: another content type or
    // cipher than AES-CBC (EnvelopedData) and AES-GCM (AuthEnvelopedData) with a
    // nonce of 12 octets and a tag of 12 to 16 as announced, authenticated
    // attributes, too many recipients, no content.
    static base::Result<Enveloped> read(base::Octets der, const EnvelopedLimits& limits = {});

    [[nodiscard]] bool authenticated() const { return authenticated_; }
    [[nodiscard]] const std::string& cipher() const { return cipher_; }  // "aes256-cbc"
    // Of key transport and key agreement; passwords and shared keys are not ours.
    [[nodiscard]] const std::vector<RecipientId>& recipients() const { return recipients_; }
    [[nodiscard]] bool names(const Certificate& certificate) const;

    // The encrypted content, exactly; at most as many octets as the message had.
    // The certificate must be named; a private key is never tried on recipient
    // infos that do not name its certificate.
    [[nodiscard]] base::Result<std::string> decrypt(const Certificate& certificate,
                                                    const PrivateKey& key) const;

private:
    struct Native;
    Enveloped() = default;
    std::shared_ptr<Native> native_;
    bool authenticated_ = false;
    std::string cipher_;
    std::vector<RecipientId> recipients_;
};

}  // namespace cms
