// Encrypting a message as a whole (RFC 8551 section 3.3, semantics E.2).
#pragma once

#include <span>
#include <string>
#include <tl/expected.hpp>

#include "cms/encrypt.h"
#include "gateway/message.h"
#include "gateway/rewrite.h"

namespace gateway
{

struct EncryptSpec {
    std::span<const cms::Certificate> recipients;
    cms::Cipher cipher = cms::Cipher::aes256_cbc;
    cms::KeyTransport key_transport = cms::KeyTransport::pkcs1;
    std::string protected_fields =
        {};  // of encrypt_message(): header fields to go inside, each with its CRLF
};

// What is encrypted is the message's Content-* fields and its body in the form
// of mime::to_seven_bit(), so that a gateway that decrypts can send it on; what
// has no such form is encrypted as it is, for inside an envelope everything
// travels.  The error is a phrase; nothing is sent in clear because of it.
[[nodiscard]] tl::expected<Rewrite, std::string> encrypt_message(const Message& message,
                                                                 const EncryptSpec& spec);

// What `inner`, a rewrite of the message such as its signature, would send,
// encrypted instead.
[[nodiscard]] tl::expected<Rewrite, std::string> encrypt_rewritten(const Message& message,
                                                                   const Rewrite& inner,
                                                                   const EncryptSpec& spec);

}  // namespace gateway
