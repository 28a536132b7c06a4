// Certificates in signed DNS: SMIMEA records (RFC 8162).
//
//   smimea:   the only uri there is; [source NAME] may have trust_anchor and resolver
//
// Only answers that DNSSEC validates count, and the validation is made here, from the
// trust anchor on: no resolver's word is taken for it, so its AD bit is not looked at.
// An answer that is not signed is as good as none; one that does not validate is an error.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cms/association.h"
#include "store/source.h"

namespace store
{

inline constexpr int smimea_type = 53;

// Where the records of an address are: HASH._smimecert.DOMAIN, with the local part as it
// is written, quotes resolved.  nullopt when it has no domain, or one too long for that.
[[nodiscard]] std::optional<std::string> smimea_name(std::string_view address);

// What records say: certificates of usage 3, which are vouched for, and of usage 1, which
// are not; all else is kept as an association, to judge certificates found elsewhere by.
void take_smimea(const std::vector<std::string>& records, SourceAnswer& out);

// For SourceKind.
[[nodiscard]] base::Result<> check_smimea(const SourceSettings& settings);
[[nodiscard]] base::Result<std::unique_ptr<CertificateSource>> open_smimea(const SourceSettings& settings);

}  // namespace store
