// Enough of a certificate to find it by, read without decoding its public key:
// that is what makes decoding dear, and a store of 100,000 needs none of it.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/octets.h"
#include "base/result.h"

namespace cms
{

struct CertificateSummary {
    std::string fingerprint;             // as Certificate::fingerprint()
    std::vector<std::string> addresses;  // as Certificate::addresses()
    std::string subject_key_id;          // octets; "" when there is none
    std::string issuer, subject;         // the Names in DER
    std::string serial;                  // as Certificate::serial()
    base::Time not_before, not_after;    // as Certificate has them
};

// An error when it is no certificate.  What is unusual is decoded after all, so
// that summary and certificate never differ.
[[nodiscard]] base::Result<CertificateSummary> summarise(base::Octets der);

// The certificates of a file (PEM, DER, PKCS#7) as DER, in its order.  A file
// with a private key is refused: it does not belong among certificates.
[[nodiscard]] base::Result<std::vector<std::string>> certificates_in(base::Octets content,
                                                                     const std::string& where);

}  // namespace cms
