// Signing a message: clear (multipart/signed) or opaque (RFC 8551 section 3.5).
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "cms/sign.h"
#include "gateway/message.h"
#include "gateway/rewrite.h"
#include "policy/config.h"
#include "store/key_store.h"

namespace gateway
{

struct SignSpec {
    const store::Identity* identity = nullptr;  // required
    cms::Digest digest = cms::Digest::automatic;
    cms::Padding padding = cms::Padding::pkcs1;
    bool opaque = false;
    std::string protected_fields;    // header fields to be signed, too (RFC 9788), each with its CRLF
    bool calendar_requests = false;  // sign them too: calendar programs may then not see them
};

struct SignOutput {
    Rewrite rewrite;
    std::string digest;  // "sha256"
    int encoded = 0;     // parts that were encoded for the journey
};

// Why there is no signature.
struct SignRefusal {
    enum class Kind {
        exempt,           // a kind of message that is not signed by default (semantics A.5)
        untransformable,  // cannot be brought into a form that survives the journey (class F)
        failed,           // key, certificate or library failed: worth another try
    };
    Kind kind = Kind::failed;
    std::string reason;  // one lower-case phrase
};

// The signed entity is the message's Content-* fields and its body: opaque octet
// for octet, clear in the form of mime::to_seven_bit(), which is octet for octet
// too where nothing has to be encoded.  Without a Content-Type it says text/plain
// with the charset found.  The signature is verified over the octets that are
// about to be sent before they are returned.  The result borrows from `message`.
[[nodiscard]] tl::expected<SignOutput, SignRefusal> sign_message(const Message& message, const SignSpec& spec,
                                                                 const base::Clock& clock,
                                                                 base::Random& random);

// Why a message of this kind is left unsigned by default, judged by its header
// alone (semantics A.5); nullopt when nothing speaks against it, or the rule's
// sign_also and break_dkim overrule it.
struct SignExemption {
    std::string reason;      // "already signed", "mailing list", ...
    bool is_signed = false;  // it claims an S/MIME signature of its own
};
[[nodiscard]] std::optional<SignExemption> exempt_from_signing(const Envelope& envelope,
                                                               const std::vector<mime::Field>& fields,
                                                               const policy::Rule& rule);

// Why a message is not encrypted where that is only opportunistic.
[[nodiscard]] std::optional<std::string> exempt_from_encryption(const Envelope& envelope,
                                                                const std::vector<mime::Field>& fields,
                                                                const policy::Rule& rule);

}  // namespace gateway
