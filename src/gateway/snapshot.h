// Everything a message is processed with: immutable, shared, replaced as a whole.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"
#include "cms/trust.h"
#include "policy/config.h"
#include "store/directory_store.h"
#include "store/expiry.h"
#include "store/key_store.h"

namespace gateway
{

struct Snapshot {
    policy::Config config;
    store::KeyStore keys;
    // Other people's, of [certificates]: pinned ones first.  Sources that have to be
    // waited for are not among them: store::Sources asks those.  Never null.
    std::shared_ptr<const store::CertificateStore> certificates =
        std::make_shared<store::CombinedStore>(std::vector<std::shared_ptr<const store::CertificateStore>>());
    std::shared_ptr<const store::CertificateStore> pinned;  // of these; null without [certificates] pinned
    std::vector<std::shared_ptr<const store::DirectoryStore>> directories;  // of these, for the next load
    cms::Trust trust;
    base::Secret split_key;  // of [split]; empty without
    // The certificates of a rule's `archive`, by the rule's name.
    std::map<std::string, std::vector<cms::Certificate>, std::less<>> archives;

    // What rules need and the configuration names, and of which nothing loaded: all
    // keys, or all anchors; and anchors and the like that others may write.  The daemon
    // starts all the same, since the rest of its work goes on; a reload that brings this
    // about is refused, and a check fails.
    std::vector<base::Error> lacks;
    // Keys that were left out, see Credentials: about them nothing is known.
    bool keys_unchecked = false;
};

// Keys and what [trust] has: what has to be renewed in time, or mail stops being signed
// or trusted.
[[nodiscard]] std::vector<store::Kept> own_certificates(const Snapshot& snapshot);

// Passwords written as credential:NAME exist for the service only.
enum class Credentials {
    needed,        // without them a key is an error: the daemon
    if_available,  // without them their keys are left out, with a notice: a check from a shell
};

struct LoadOptions {
    Credentials credentials = Credentials::needed;
    // The file of store::KeyIndex, for the daemon, which then starts quickly; "": none.
    std::string key_index = {};
    // What was loaded last: directories of certificates that have not changed since are
    // not read again.  Borrowed for the call; null: everything is read.
    const Snapshot* before = nullptr;
};

// Loads configuration, keys and anchors.  No snapshot when the configuration has
// an error or a [key NAME] that a rule uses does not load.  Any other key or
// anchor file that cannot be used is an error among `problems`, and the rest
// works: one bad file must not silence a thousand good ones.
[[nodiscard]] std::shared_ptr<const Snapshot> load_snapshot(const std::string& file, base::Time now,
                                                            std::vector<base::Problem>& problems,
                                                            const LoadOptions& options = {});

}  // namespace gateway
