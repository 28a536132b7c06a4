// Everything a message is processed with: immutable, shared, replaced as a whole.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cms/trust.h"
#include "policy/config.h"
#include "store/key_store.h"

namespace gateway {

struct Snapshot {
    policy::Config config;
    store::KeyStore keys;
    cms::Trust trust;
    std::vector<std::string> warnings;
};

// Loads configuration, keys and anchors.  With an error among `problems` there
// is no snapshot, except that a key file that cannot be used is an error only
// with `strict`; the daemon starts without it (the others work) and says so.
[[nodiscard]] std::shared_ptr<const Snapshot> load_snapshot(const std::string& file, base::Time now,
                                                            std::vector<base::Problem>& problems);

}  // namespace gateway
