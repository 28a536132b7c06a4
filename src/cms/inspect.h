// What a ContentInfo holds, told without judging it: for people who look for
// the reason of a verdict.  Nothing here is verified or trusted.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/octets.h"
#include "cms/certificate.h"
#include "cms/verify.h"

namespace cms
{

struct SignerPicture {
    std::string issuer, serial;  // of the SignerIdentifier, or
    std::string key_identifier;  // its subjectKeyIdentifier, lower-case hex
    std::string digest;          // "sha256"
    std::string signature;       // "rsaEncryption", "ecdsa-with-SHA256", ...
    bool signed_attributes = false;
    std::optional<base::Time> signing_time;
};

// Who can open an envelope, and how its key gets to him.
struct RecipientPicture {
    std::string issuer, serial;  // of the identifier, or
    std::string key_identifier;  // its subjectKeyIdentifier, lower-case hex
    std::string transport;       // "rsaEncryption", "rsaesOaep", "dhSinglePass-stdDH-sha256kdf-scheme", ...
};

struct Picture {
    ContentKind kind = ContentKind::malformed;
    // false when it is broken, or of another kind than these:
    bool parsed = false;

    // EnvelopedData and AuthEnvelopedData
    std::string cipher;                        // "aes-256-cbc"
    std::vector<RecipientPicture> recipients;  // at most most_recipients are told
    std::size_t more_recipients = 0;
    static constexpr std::size_t most_recipients = 1000;

    // SignedData
    std::string content_type;            // of what is signed: "pkcs7-data"
    std::optional<std::string> content;  // encapsulated octets; absent when detached
    std::vector<SignerPicture> signers;
    std::vector<Certificate> certificates;
    std::size_t unreadable_certificates = 0;
    std::size_t crls = 0;
    std::size_t trailing = 0;  // octets after the ContentInfo
};

[[nodiscard]] Picture inspect(base::Octets der);
[[nodiscard]] const char* name(ContentKind kind);  // "signed-data"

}  // namespace cms
