// Certificates that end with nothing to take their place.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cms/certificate.h"

namespace store
{

// A certificate and what it is kept as.
struct Kept {
    std::string kind;  // "key", "file", "pinned", "anchor", "intermediate"
    std::string name;  // of its [key NAME] section, "" when it is found by address
    std::string file;  // "" where it is not kept by file
    cms::Certificate certificate;
};

// Those that have ended at `now` or will within that time, soonest first, unless
// another of the same kind outlives them and does for the same names what they do.
[[nodiscard]] std::vector<const Kept*> ending(const std::vector<Kept>& kept, base::Time now,
                                              std::chrono::days within);

// What the log is told 30, 14, 7 and 1 days before the end and at the end itself,
// each once: what came due after `since` and until `now`.
struct ExpiryNotices {
    std::vector<base::Problem> due;
    std::optional<base::Time> next;  // when there is more to tell
};
[[nodiscard]] ExpiryNotices expiry_notices(const std::vector<Kept>& kept, base::Time since, base::Time now);

}  // namespace store
