// X.509 certificates (RFC 5280, RFC 8550), parsed once, shared, immutable.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/octets.h"
#include "base/result.h"

struct x509_st;

namespace cms
{

enum class KeyKind { rsa, rsa_pss, ec, ed25519, ed448, x25519, dsa, other };

// Cheap to copy; safe to use from several threads.
class Certificate
{
public:
    static base::Result<Certificate> from_der(base::Octets der);
    // From octets and facts() of an earlier certificate of the same octets: decoded only
    // when more is wanted than these facts, which is dear.  An error when `facts` are
    // none of ours.  Both have to come from where nobody else could have changed them.
    static base::Result<Certificate> remembered(base::Octets der, base::Octets facts);
    // For cms/ only: shares an object that OpenSSL has parsed already.
    static base::Result<Certificate> from_native(x509_st* x509);

    // rfc822Name and SmtpUTF8Mailbox of subjectAltName.
    [[nodiscard]] const std::vector<std::string>& san_addresses() const;
    // The above; when there is none, emailAddress attributes of the subject.
    [[nodiscard]] const std::vector<std::string>& addresses() const;
    [[nodiscard]] bool names(std::string_view address) const;  // mime::same_address

    [[nodiscard]] std::string subject() const;  // RFC 2253 text, UTF-8, control characters escaped
    [[nodiscard]] std::string issuer() const;
    [[nodiscard]] std::string serial() const;  // lower-case hex, whole octets ("01ab")
    [[nodiscard]] base::Time not_before() const;
    [[nodiscard]] base::Time not_after() const;
    [[nodiscard]] bool valid_at(base::Time t) const { return not_before() <= t && t <= not_after(); }

    [[nodiscard]] bool is_ca() const;        // basicConstraints CA:TRUE (or a v1 self-signed one)
    [[nodiscard]] bool self_signed() const;  // issuer == subject and its own key verifies it
    [[nodiscard]] KeyKind key_kind() const;
    [[nodiscard]] int key_bits() const;
    // Of an RSA key: odd, more than 1, and no longer than 64 bits.  Larger ones make one
    // verification take as long as thousands.
    [[nodiscard]] bool rsa_exponent_fits() const;
    // "P-256", "brainpoolP256r1"; "explicit" when the parameters are spelled
    // out (never acceptable, RFC 5480 section 2.1.1); "" when not EC.
    [[nodiscard]] std::string curve() const;
    [[nodiscard]] bool usage_allows_signing() const;  // KU absent, digitalSignature or nonRepudiation
    [[nodiscard]] bool usage_allows_encryption()
        const;                                        // KU absent, keyEncipherment (RSA) or keyAgreement (EC)
    [[nodiscard]] bool purpose_allows_email() const;  // EKU absent, emailProtection or any
    [[nodiscard]] bool unknown_critical_extension() const;

    [[nodiscard]] const std::string& der() const;
    [[nodiscard]] std::string facts() const;        // addresses, times, key, usages; see remembered()
    [[nodiscard]] std::string fingerprint() const;  // SHA-256 of the DER, lower-case hex
    // Hash of the public key; PrivateKey::key_fingerprint() of its key is the same.
    // Empty when the key is of no kind that we know.
    [[nodiscard]] std::string key_fingerprint() const;

    [[nodiscard]] x509_st* native() const;  // for cms/ only; borrowed, never modified

    friend bool operator==(const Certificate& a, const Certificate& b) { return a.der() == b.der(); }

private:
    struct Data;
    explicit Certificate(std::shared_ptr<const Data> data) : data_(std::move(data)) {}
    std::shared_ptr<const Data> data_;
};

// "RSA 3072", "EC P-256"
[[nodiscard]] std::string describe_key(const Certificate& certificate);

}  // namespace cms
