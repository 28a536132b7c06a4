// Private to cms/: OpenSSL's names, numbers and times as ours.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/octets.h"
#include "cms/openssl.h"

namespace cms
{

// RFC 2253 text in UTF-8; control characters and broken strings are escaped.
[[nodiscard]] std::string text_of(const X509_NAME* name);
// Lower-case hex of whole octets, "-" in front of a negative number.
[[nodiscard]] std::string text_of(const ASN1_INTEGER* number);
// "sha256", or the dotted numbers when OpenSSL has no name.
[[nodiscard]] std::string text_of(const ASN1_OBJECT* object);
// nullopt when it is not a valid time.
[[nodiscard]] std::optional<base::Time> time_of(const ASN1_TIME* time);

// An address as a name of e-mail type may carry it (rfc822Name: `ascii_only`);
// an odd one is not guessed at.
[[nodiscard]] bool is_usable_address(base::Octets address, bool ascii_only);

[[nodiscard]] std::string sha256(base::Octets octets);  // 32 octets; none when OpenSSL fails
[[nodiscard]] std::string sha256_hex(base::Octets octets);

// Of the numbers of the public key, not of an encoding: encoders are slow in
// OpenSSL 3.0, and one key has several encodings.
[[nodiscard]] std::string key_fingerprint(const EVP_PKEY* key);

}  // namespace cms
