#include "cms/finding.h"

#include <array>

namespace cms
{
namespace
{

struct Row {
    Finding finding;
    Code band;
    std::string_view word;
    std::string_view reason;
};

constexpr std::array<Row, static_cast<std::size_t>(Finding::count_)> table{{
    {Finding::content_mismatch, Code::fail, "content-mismatch", "body hash mismatch"},
    {Finding::bad_signature, Code::fail, "bad-signature", "signature does not verify"},
    {Finding::attribute_error, Code::fail, "attribute-error", "signed attribute missing or repeated"},
    {Finding::certificate_substituted, Code::fail, "certificate-substituted",
     "signing certificate attribute names another certificate"},
    {Finding::forgery_pattern, Code::fail, "forgery-pattern", "content is a disguised attribute set"},
    {Finding::revoked, Code::fail, "revoked", "certificate is revoked"},
    {Finding::conflicting_content, Code::permerror, "conflicting-content",
     "detached signature carries content of its own"},
    {Finding::structure, Code::permerror, "structure", "message structure is not that of a signed message"},
    {Finding::ambiguous_boundary, Code::permerror, "ambiguous-boundary", "ambiguous boundary"},
    {Finding::no_signer, Code::permerror, "no-signer", "signature without a signer"},
    {Finding::signer_certificate_missing, Code::permerror, "signer-certificate-missing",
     "signer certificate not available"},
    {Finding::from_ambiguous, Code::permerror, "from-ambiguous", "From is missing or ambiguous"},
    {Finding::limit, Code::permerror, "limit", "limit exceeded"},
    {Finding::malformed, Code::neutral, "malformed", "signature cannot be parsed"},
    {Finding::trailing_data, Code::neutral, "trailing-data", "octets after the signature"},
    {Finding::type_mismatch, Code::neutral, "type-mismatch", "declared type differs from the content"},
    {Finding::unsupported_algorithm, Code::neutral, "unsupported-algorithm", "algorithm not supported"},
    {Finding::partial, Code::neutral, "partial", "signature covers only part of the message"},
    {Finding::revocation_unknown, Code::temperror, "revocation-unknown", "revocation status not available"},
    {Finding::missing_attributes, Code::policy, "missing-attributes", "no signed attributes"},
    {Finding::weak_digest, Code::policy, "weak-digest", "weak digest"},
    {Finding::weak_key, Code::policy, "weak-key", "weak key"},
    {Finding::key_size, Code::policy, "key-size", "key too large"},
    {Finding::untrusted, Code::policy, "untrusted", "signer is not trusted"},
    {Finding::path_invalid, Code::policy, "path-invalid", "certification path is not valid"},
    {Finding::policy_unsatisfied, Code::policy, "policy-unsatisfied", "certificate policy not satisfied"},
    {Finding::expired, Code::policy, "expired", "certificate expired"},
    {Finding::not_yet_valid, Code::policy, "not-yet-valid", "certificate not yet valid"},
    {Finding::signing_time, Code::policy, "signing-time", "signing time lies in the future"},
    {Finding::key_usage, Code::policy, "key-usage", "key usage does not allow signatures"},
    {Finding::extended_key_usage, Code::policy, "extended-key-usage",
     "extended key usage does not allow e-mail"},
    {Finding::identity_mismatch, Code::policy, "identity-mismatch", "signer does not match From"},
    {Finding::sender_only, Code::policy, "sender-only", "signer matches Sender only"},
    {Finding::no_identity, Code::policy, "no-identity", "certificate names no address"},
    {Finding::display_name, Code::policy, "display-name", "display name shows another address"},
    {Finding::protected_from, Code::policy, "protected-from", "signed header names another From"},
}};

constexpr bool in_order()
{
    for (std::size_t i = 0; i < table.size(); ++i)
        if (static_cast<std::size_t>(table[i].finding) != i) return false;
    return true;
}
static_assert(in_order(), "the table follows the enumeration");

const Row& row(Finding f) { return table[static_cast<std::size_t>(f)]; }

}  // namespace

std::string_view word(Finding f) { return row(f).word; }
std::string_view reason(Finding f) { return row(f).reason; }
Code band(Finding f) { return row(f).band; }

std::string_view name(Code c)
{
    switch (c) {
        case Code::none: return "none";
        case Code::pass: return "pass";
        case Code::policy: return "policy";
        case Code::temperror: return "temperror";
        case Code::neutral: return "neutral";
        case Code::permerror: return "permerror";
        case Code::fail: return "fail";
    }
    return "permerror";
}

std::vector<Finding> Findings::list() const
{
    std::vector<Finding> out;
    for (const Row& r : table)
        if (has(r.finding)) out.push_back(r.finding);
    return out;
}

std::optional<Finding> Findings::worst() const
{
    std::optional<Finding> found;
    for (const Row& r : table)
        if (has(r.finding) && (!found || r.band > row(*found).band)) found = r.finding;
    return found;
}

Code Findings::code() const
{
    const auto f = worst();
    return f ? row(*f).band : Code::pass;
}

bool Findings::intact() const
{
    if (has(Finding::key_size)) return false;
    // Of band fail, but about the certificate; it hides nothing that is worse.
    Findings of_octets = *this;
    of_octets.remove(Finding::revoked);
    const Code c = of_octets.code();
    return c == Code::pass || c == Code::policy || c == Code::temperror;
}

}  // namespace cms
