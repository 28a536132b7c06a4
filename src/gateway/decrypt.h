// Decrypting a message as a whole (semantics E.6).  Never a part of one: what
// stands around it could carry the plaintext away.
#pragma once

#include <string>
#include <vector>

#include "gateway/message.h"
#include "gateway/rewrite.h"
#include "store/key_store.h"

namespace gateway
{

struct DecryptSpec {
    std::vector<const store::Identity*> identities;  // tried only where they are named
    bool allow_3des = false;
    // Content that is no MIME entity comes out as text or octets; a person can
    // judge whether that is garbage, the daemon cannot.
    bool any_content = false;
};

struct Decryption {
    enum class Kind { not_encrypted, decrypted, failed };
    Kind kind = Kind::not_encrypted;
    std::string reason;  // of a failure, one lower-case phrase; for the log, never for the sender

    Rewrite rewrite;                            // owns what it needs
    std::string cipher;                         // of the outermost envelope: "aes256-cbc"
    bool authenticated = false;                 // every envelope that was opened is authenticated
    int envelopes = 0;                          // opened
    const store::Identity* identity = nullptr;  // whose key opened the outermost one
    // Header and body of the content, as rewrite restores it.
    std::shared_ptr<const std::string> entity;
};

// Is the message, as a whole, an envelope that a recipient could open?  Its shape is
// looked at, not only what its header claims.
[[nodiscard]] bool is_encrypted(const Message& message);

// Opens the envelope that the message is, also within signatures around it when
// these are intact (they are lost then), and envelopes directly inside it, five
// at most.  Success needs more than OpenSSL's: what comes out must be a MIME
// entity, for with a wrong key CBC gives garbage without an error.
[[nodiscard]] Decryption decrypt_message(const Message& message, const DecryptSpec& spec);

}  // namespace gateway
