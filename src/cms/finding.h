// The vocabulary of verdicts.
//
// A verdict is a set of findings, each with a stable word (smimectl verify
// --json), a stable reason phrase (log, Authentication-Results) and a band; the
// worst band present decides the RFC 7281 code.  One table in finding.cc holds
// all three.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace cms
{

enum class Finding : std::uint8_t {
    // content and signature
    content_mismatch,
    bad_signature,
    attribute_error,
    certificate_substituted,
    forgery_pattern,
    revoked,
    // structure
    conflicting_content,
    structure,
    ambiguous_boundary,
    no_signer,
    signer_certificate_missing,
    from_ambiguous,
    limit,
    // not decidable
    malformed,
    trailing_data,
    type_mismatch,
    unsupported_algorithm,
    partial,
    // environment
    revocation_unknown,
    // policy
    missing_attributes,
    weak_digest,
    weak_key,
    key_size,
    untrusted,
    path_invalid,
    policy_unsatisfied,
    expired,
    not_yet_valid,
    signing_time,
    key_usage,
    extended_key_usage,
    identity_mismatch,
    sender_only,
    no_identity,
    display_name,
    protected_from,
    count_,
};

// RFC 7281 section 3.1 codes, in the order in which a worse one wins.
enum class Code : std::uint8_t { none, pass, policy, temperror, neutral, permerror, fail };

[[nodiscard]] std::string_view word(Finding f);    // "content-mismatch"
[[nodiscard]] std::string_view reason(Finding f);  // "body hash mismatch"
[[nodiscard]] Code band(Finding f);
[[nodiscard]] std::string_view name(Code c);  // "permerror"

class Findings
{
public:
    void add(Finding f) { bits_ |= std::uint64_t{1} << static_cast<unsigned>(f); }
    void add(Findings other) { bits_ |= other.bits_; }
    void remove(Finding f) { bits_ &= ~(std::uint64_t{1} << static_cast<unsigned>(f)); }
    [[nodiscard]] bool has(Finding f) const { return (bits_ >> static_cast<unsigned>(f) & 1) != 0; }
    [[nodiscard]] bool empty() const { return bits_ == 0; }
    [[nodiscard]] std::vector<Finding> list() const;  // in the order of the enumeration

    // pass when empty, else the code of the worst band present.
    [[nodiscard]] Code code() const;
    // The first finding of the worst band; nullopt when empty.
    [[nodiscard]] std::optional<Finding> worst() const;
    // No finding that says the octets or the signature are wrong (band fail,
    // permerror or neutral): "intact", whatever is thought of the signer, a revoked
    // certificate among it.  Not so with key_size: then nobody has computed whether
    // they are right.
    [[nodiscard]] bool intact() const;

private:
    std::uint64_t bits_ = 0;
};

}  // namespace cms
