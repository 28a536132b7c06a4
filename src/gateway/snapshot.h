// Everything a message is processed with: immutable, shared, replaced as a whole.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cms/trust.h"
#include "policy/config.h"
#include "store/key_store.h"

namespace gateway
{

struct Snapshot {
    policy::Config config;
    store::KeyStore keys;
    // Other people's, of [certificates]: pinned ones first.  Never null.
    std::shared_ptr<const store::CertificateStore> certificates =
        std::make_shared<store::CombinedStore>(std::vector<std::shared_ptr<const store::CertificateStore>>());
    cms::Trust trust;
};

// Loads configuration, keys and anchors.  No snapshot when the configuration has
// an error or a [key NAME] that a rule uses does not load.  Any other key or
// anchor file that cannot be used is an error among `problems`, and the rest
// works: one bad file must not silence a thousand good ones.
[[nodiscard]] std::shared_ptr<const Snapshot> load_snapshot(const std::string& file, base::Time now,
                                                            std::vector<base::Problem>& problems);

}  // namespace gateway
