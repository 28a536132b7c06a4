// Judging CMS SignedData (RFC 5652 section 5.6; semantics B.2 steps 4 to 15).
//
// CMS_verify() == 1 is not a verdict: digest strength, key size, attributes,
// usages, trailing octets and substituted certificates are judged here.
// Identity against From is the caller's (gateway/verify.h).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/octets.h"
#include "cms/certificate.h"
#include "cms/digest.h"
#include "cms/encrypt.h"
#include "cms/finding.h"
#include "cms/trust.h"

namespace cms
{

// What a ContentInfo says it is (RFC 5652 section 3), read without parsing the rest.
enum class ContentKind {
    signed_data,
    enveloped_data,
    auth_enveloped_data,
    compressed_data,
    other,
    malformed,
};
[[nodiscard]] ContentKind content_kind(base::Octets der);

struct VerifyLimits {
    std::size_t detached_octets = 1U << 20;  // of the CMS without encapsulated content
    std::size_t signers = 8;
    std::size_t certificates = 32;  // and as many revocation lists
    std::size_t attributes = 64;    // of one signer
};

struct VerifyOptions {
    const Trust* trust = nullptr;  // null: nobody is trusted
    PathOptions path;
    bool allow_sha1 = false;  // content digest
    bool teaches = false;     // whether SignerVerdict::offer is wanted
    VerifyLimits limits;
    // Certificates that need not be decoded again where the message carries them; they
    // are believed no more than others.  Borrowed for the call.
    const std::vector<Certificate>* known = nullptr;
    // It is believed: where a signer uses this digest the content itself is not looked at.
    std::optional<ContentDigest> content_digest;
    // Without: cryptography and form only, not whether the signer is to be trusted.
    bool judge_path = true;
};

// What a signer says, under the signature, about mail to him (RFC 8551 sections 2.5.2
// and 2.5.3).  Only a verdict without findings makes it worth anything.
struct Offer {
    std::optional<Certificate> certificate;  // to encrypt to, on a valid path; one that allows it
    std::vector<Certificate> issuers;        // of its path, without the anchor
    bool preferred = false;                  // SMIMEEncryptionKeyPreference names it
    std::optional<std::vector<Cipher>> capabilities;
};

struct SignerVerdict {
    Findings findings;                       // of this signer: cryptography, strength, path, usages
    std::optional<Certificate> certificate;  // the one whose key verified (or was named)
    std::string serial, issuer;              // from the SignerInfo when there is no certificate
    std::string digest;                      // "sha256"
    std::string signature;                   // "rsa-pkcs1", "rsa-pss", "ecdsa", "ed25519"
    std::optional<base::Time> signing_time;
    std::vector<std::string> comments;
    std::vector<std::string> revocation;  // what was asked and said, a line each
    Offer offer;                          // with VerifyOptions::teaches
};

struct SignedDataVerdict {
    Findings findings;  // of the structure as a whole, not those of signers
    std::vector<SignerVerdict> signers;
    bool certificates_only = false;  // degenerate: zero signers, no content (RFC 8551 section 3.8)
    std::string content;             // opaque only: the encapsulated content, exactly
};

// `der` is the decoded signature; `content` the octets it should cover.
[[nodiscard]] SignedDataVerdict verify_detached(base::Octets der, base::Pieces content,
                                                const VerifyOptions& options);
[[nodiscard]] SignedDataVerdict verify_opaque(base::Octets der, const VerifyOptions& options);

}  // namespace cms
