// Certificates that several gateways have learned, in a PostgreSQL database:
// contrib/postgresql/schema.sql.
//
//   postgresql://HOST[:PORT][,HOST...]/DATABASE
//   postgresql:///DATABASE?host=/DIRECTORY      by a local socket
//
// What one gateway has learned is there for the others with the next message: answers
// are not kept, unless the configuration says so.
#pragma once

#include <memory>

#include "base/result.h"
#include "store/harvest.h"
#include "store/source.h"

namespace store
{

// For SourceKind.
[[nodiscard]] base::Result<> check_postgresql(const SourceSettings& settings);
[[nodiscard]] base::Result<std::unique_ptr<CertificateSource>> open_postgresql(
    const SourceSettings& settings);

// Connected; it connects again after a failure.  Neither this nor any of its calls takes
// longer than the settings' timeout, or goes on when they are `cancelled`.
[[nodiscard]] base::Result<std::unique_ptr<LearnedStore>> open_postgresql_learned(
    const SourceSettings& settings, OnDamage on_damage, std::vector<base::Problem>& problems);

}  // namespace store
