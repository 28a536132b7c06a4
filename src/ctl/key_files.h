// A private key and its certificate, named on the command line.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "ctl/options.h"
#include "store/key_store.h"

namespace ctl
{

struct KeyFiles {
    std::string key;
    std::optional<std::string> cert;
    std::optional<std::string> password_file;
};
void add_key_options(Options& options, KeyFiles& into);  // --key, --cert, --password-file

// The one that speaks for `author` now, else one that is valid now, else any.
[[nodiscard]] base::Result<store::Identity> signing_identity(const KeyFiles& files, const std::string& author,
                                                             base::Time now);

// Every pair of a key and its certificate, at least one.
[[nodiscard]] base::Result<std::vector<store::Identity>> all_identities(const KeyFiles& files);

}  // namespace ctl
