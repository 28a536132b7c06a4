// Revocation data that must be asked for: CRLs named by distribution points
// (RFC 5280 section 4.2.1.13) and OCSP (RFC 6960).  No network here: whoever
// validates a path hands in a RevocationSource.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/octets.h"
#include "base/result.h"
#include "cms/certificate.h"

namespace cms
{

enum class RevocationKind { crl, ocsp };

// A CRL or an OCSP response, parsed once, shared, immutable, not verified:
// whether it speaks for a certificate is found out with each path.
class RevocationData
{
public:
    // Refuses octets after the object, an OCSP response that is no answer (tryLater,
    // unauthorized, ...), and a CRL of nothing but the smallest of elements, which would take
    // thirty times its size and more.  A CRL may be DER or PEM, but not BER.
    static base::Result<RevocationData> parse(RevocationKind kind, base::Octets octets);

    [[nodiscard]] RevocationKind kind() const;
    // nextUpdate, of an OCSP response the earliest; nullopt: none is given.
    [[nodiscard]] std::optional<base::Time> next_update() const;

    // Octets, about: an ordinary CRL takes five to thirteen times its size.
    [[nodiscard]] std::size_t memory() const;

    struct Native;
    [[nodiscard]] const Native& native() const { return *native_; }  // for cms/ only

private:
    explicit RevocationData(std::shared_ptr<const Native> native) : native_(std::move(native)) {}
    std::shared_ptr<const Native> native_;
};

struct RevocationQuestion {
    RevocationKind kind = RevocationKind::crl;
    std::string url;
    std::string request;  // OCSP: the DER of the OCSPRequest; without a nonce, so that answers can be shared
};

// Answers within a bound of its own, whatever the other side does.  Called from
// the thread that validates; implementations serve many at a time.
class RevocationSource
{
public:
    virtual ~RevocationSource() = default;
    [[nodiscard]] virtual base::Result<RevocationData> ask(const RevocationQuestion& question) = 0;
};

// The http URLs a certificate names, in its order, four at most.  Others (ldap,
// https, which would need a validation to validate) are left out.
[[nodiscard]] std::vector<std::string> crl_urls(const Certificate& certificate);
[[nodiscard]] std::vector<std::string> ocsp_urls(const Certificate& certificate);

// DER of a request for one certificate, CertID with SHA-1 as RFC 5019 wants it
// (a name, not a protection).  Empty when it cannot be made.
[[nodiscard]] std::string ocsp_request(const Certificate& certificate, const Certificate& issuer);

struct OcspStatus {
    enum class Word { good, revoked, unknown } word = Word::unknown;
    std::string why;  // of unknown
};

// What `response` says of `certificate` at `at`.  It has to be signed by the
// issuer or by a responder the issuer itself has certified for OCSP (RFC 6960
// section 4.2.2.2), with keys and digests as strong as a path's, and be current.
[[nodiscard]] OcspStatus ocsp_status(const RevocationData& response, const Certificate& certificate,
                                     const Certificate& issuer, base::Time at);

}  // namespace cms
