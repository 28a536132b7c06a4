#include "store/certificate_lint.h"

#include <algorithm>

#include "mime/address.h"

namespace store
{

void lint_baseline(const cms::Certificate& c, const cms::CertificateProfile& p, std::vector<CheckLine>& lines)
{
    const auto warn = [&](const char* rule, std::string found, const char* meaning) {
        lines.push_back({Grade::warn, rule, std::move(found), meaning});
    };
    const auto contains = [](const std::vector<std::string>& list, std::string_view word) {
        return std::find(list.begin(), list.end(), word) != list.end();
    };
    constexpr std::string_view subscriber = "2.23.140.1.5.";
    const bool baseline = std::any_of(p.policies.begin(), p.policies.end(),
                                      [&](const std::string& oid) { return oid.starts_with(subscriber); });
    // 2.23.140.1.5.V.G: generation 1 is legacy, 2 multipurpose, 3 strict.
    const bool legacy = std::any_of(p.policies.begin(), p.policies.end(), [&](const std::string& oid) {
        return oid.starts_with(subscriber) && oid.ends_with(".1");
    });

    using cms::KeyKind;
    if ((c.key_kind() == KeyKind::rsa || c.key_kind() == KeyKind::rsa_pss) && c.key_bits() % 8 != 0)
        warn("BR 6.1.5", cms::describe_key(c), "the size has to be a multiple of 8 bits");
    const auto days =
        std::chrono::duration_cast<std::chrono::hours>(c.not_after() - c.not_before()).count() / 24;
    const int most = legacy || !baseline ? 1185 : 825;
    if (c.not_after() > c.not_before() && days > most)
        warn("BR 6.3.2", std::to_string(days) + " days of validity",
             most == 825 ? "at most 825 days" : "at most 1185 days (legacy), 825 (strict, multipurpose)");
    if (p.serial_negative_or_zero || p.serial_bits < 64)
        warn("BR 7.1", "serial number of " + std::to_string(p.serial_bits) + " bits",
             "at least 64 bits from a random generator");
    if (!p.key_usage)
        warn("BR 7.1.2.3", "no keyUsage", "it has to be there");
    else if (!p.key_usage_critical)
        warn("BR 7.1.2.3", "keyUsage not critical", "it should be");
    if (!p.extended_key_usage) warn("BR 7.1.2.3", "no extendedKeyUsage", "emailProtection has to be there");
    for (const char* purpose : {"anyExtendedKeyUsage", "serverAuth", "codeSigning", "timeStamping"})
        if (contains(p.purposes, purpose))
            warn("BR 7.1.2.3", std::string("extendedKeyUsage ") + purpose, "not in a certificate for mail");
    if (!baseline)
        warn("BR 7.1.6", "no S/MIME policy (2.23.140.1.5.x)", "its issuer does not claim to follow them");
    if (!p.authority_key_identifier) warn("BR 7.1.2.3", "no authorityKeyIdentifier", "it has to be there");
    if (!p.crl_distribution_points)
        warn("BR 7.1.2.3", "no cRLDistributionPoints", "receivers cannot look for revocation");
    if (!p.authority_information_access)
        warn("BR 7.1.2.3", "no authorityInfoAccess", "receivers cannot fetch a missing intermediate");
    for (const std::string& address : p.subject_addresses) {
        const auto& san = c.san_addresses();
        const bool repeated = std::any_of(san.begin(), san.end(), [&](const std::string& other) {
            return mime::same_address(other, address);
        });
        if (!repeated && !san.empty())
            warn("BR 7.1.4.2.1", "the subject's " + address + " is not in subjectAltName",
                 "only subjectAltName counts");
    }
}

}  // namespace store
