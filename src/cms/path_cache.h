// Private to cms/: paths that were found valid, for the next message of the same
// signer.
//
// An answer holds for the same certificates and options, and from one point of
// time to another between which nothing that it could rest on begins or ends to be
// valid; at most some minutes.  Only what nothing speaks against is remembered:
// strangers cannot fill it with what they send.  Belongs to one Trust, whose
// anchors, helpers and CRLs never change.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/lru_cache.h"
#include "cms/openssl.h"
#include "cms/trust.h"

namespace cms
{

class PathCache
{
public:
    // What belongs to the Trust: its validity begins and ends, too.  Not thread-safe,
    // and to be ended by know_all_changes().
    void changes_with(const Certificate& c);
    void changes_with(const X509_CRL* crl);
    void know_all_changes();

    // The rest is thread-safe.
    [[nodiscard]] static std::string question(const Certificate& leaf,
                                              const std::vector<Certificate>& untrusted,
                                              const PathOptions& options);
    [[nodiscard]] std::optional<PathResult> find(const std::string& question, base::Time at);
    void insert(const std::string& question, const Certificate& leaf,
                const std::vector<Certificate>& untrusted, const PathOptions& options,
                const PathResult& answer);

private:
    struct Answer {
        base::Time from, until;
        PathResult result;
    };
    static constexpr std::size_t most = 2000;
    base::LruCache<Answer> known_{most};
    std::vector<base::Time> changes_;  // sorted
};

}  // namespace cms
