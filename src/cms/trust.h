// Trust anchors, helper certificates, CRLs and path validation (RFC 5280 section 6).
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cms/certificate.h"
#include "cms/finding.h"
#include "cms/revocation.h"

namespace cms
{

enum class CrlMode {
    off,   // revocation is not looked at
    soft,  // a missing CRL is a comment
    hard,  // a missing CRL is Finding::revocation_unknown
};

struct PathOptions {
    base::Time at{};
    bool policy_check = false;              // process policies; explicit policy as the certificates ask
    std::vector<std::string> policies;      // user-initial-policy-set as dotted OIDs; empty: anyPolicy
    bool require_policy = false;            // initial-explicit-policy
    bool inhibit_mapping = false;           // initial-policy-mapping-inhibit
    bool inhibit_any_policy = false;        // initial-any-policy-inhibit
    std::chrono::seconds expired_grace{0};  // a certificate that expired no longer ago is a comment
    bool allow_sha1 = false;                // SHA-1 signatures in the path
    CrlMode crl = CrlMode::off;
    // Revocation data from outside, asked for only when the path is valid but
    // for revocation: nobody makes us call a host by sending a certificate that
    // no CA of ours has issued.
    RevocationSource* source = nullptr;  // borrowed for the call
    bool fetch_crls = false;             // with `crl`: also from distribution points
    CrlMode ocsp = CrlMode::off;         // asked first; where it knows, no CRL is missed
    // Everything is worked out anew and by OpenSSL alone, with no help of caches and of
    // our own reader: what tests compare the quick way with.
    bool afresh = false;
};

struct PathResult {
    Findings findings;                    // empty: a valid path to an anchor
    std::vector<std::string> comments;    // "revocation status not available", ...
    std::vector<Certificate> path;        // leaf first, as far as it could be built
    std::vector<std::string> revocation;  // what was asked and said, a line each
};

class CertificateCache;

// Immutable once built; safe to use from several threads.  What it has worked out it
// remembers within bounds, so that it is quicker the second time; the answer is the same.
class Trust
{
public:
    struct Material {
        std::vector<Certificate> anchors;        // trusted as they are
        std::vector<Certificate> intermediates;  // only help to build paths
        std::vector<std::string> crls;           // DER
    };

    Trust();  // trusts nothing
    static base::Result<Trust> make(Material material);

    [[nodiscard]] bool empty() const;  // no anchor
    [[nodiscard]] const Material& material() const;

    // Path of `leaf` to an anchor with the help of `untrusted`.  Purpose any:
    // the leaf's usages are judged by the caller's rules, CA certificates here.
    // Depth at most 8; keys of the path below RSA 2048 or a weak digest are
    // Finding::weak_key / weak_digest.  All findings, not only the first.
    [[nodiscard]] PathResult validate(const Certificate& leaf, const std::vector<Certificate>& untrusted,
                                      const PathOptions& options) const;

    // Issuers of `leaf` up to, not including, a self-signed one, from the
    // material and `more`; what to put beside a signature.  No validation.
    [[nodiscard]] std::vector<Certificate> chain_of(const Certificate& leaf,
                                                    const std::vector<Certificate>& more) const;

    // Candidates when a message does not carry its signer's certificate.
    [[nodiscard]] std::vector<Certificate> all_certificates() const;

    // For cms/ only: of certificates that messages carry.
    [[nodiscard]] CertificateCache& certificate_cache() const;

private:
    struct Data;
    struct Fetched;
    [[nodiscard]] PathResult validate_with(const Certificate& leaf, const std::vector<Certificate>& untrusted,
                                           const PathOptions& options, const Fetched& fetched) const;
    // The same without anything fetched, remembered when there is nothing to find fault with.
    [[nodiscard]] PathResult validate_alone(const Certificate& leaf,
                                            const std::vector<Certificate>& untrusted,
                                            const PathOptions& options) const;
    [[nodiscard]] Fetched ask(const std::vector<Certificate>& path, const PathOptions& options) const;
    explicit Trust(std::shared_ptr<const Data> data) : data_(std::move(data)) {}
    std::shared_ptr<const Data> data_;
};

}  // namespace cms
