// Private to cms/: the shape of a SignedData, read before OpenSSL parses it, so
// that a stranger cannot make us build thousands of objects.
#pragma once

#include <optional>

#include "base/octets.h"
#include "cms/verify.h"

namespace cms
{

struct Outline {
    std::size_t size = 0;  // of the ContentInfo; octets after it do not belong to it
    // Counted up to limit + 1; attributes are those of the signer that has most,
    // signed and unsigned.
    std::size_t digest_algorithms = 0, certificates = 0, revocation_lists = 0, signers = 0, attributes = 0;
    std::size_t around = 0;  // octets that are not encapsulated content
    bool content_present = false;
    base::Octets algorithms;  // the elements of digestAlgorithms

    // The parts of the SignedData as they stand there; empty when one is not there.
    base::Octets version, algorithm_set, content_type, content, certificate_set, lists, signer_infos;
};

// nullopt: not a SignedData (RFC 5652 section 5.1) in BER or DER.
[[nodiscard]] std::optional<Outline> outline_signed_data(base::Octets der, const VerifyLimits& limits);

}  // namespace cms
