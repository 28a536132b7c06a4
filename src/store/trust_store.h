// Where trust anchors, helper certificates and CRLs come from.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cms/trust.h"

namespace store
{

struct TrustSource {
    std::vector<std::string> anchors;        // files or directories: self-signed CA certificates are
                                             // anchors, other CA certificates help to build paths,
                                             // *.crl (or CRLs in PEM) are CRLs
    std::vector<std::string> intermediates;  // files or directories: only help to build paths
    std::vector<std::string> crls;           // files or directories
    std::string origin;                      // "file:line" of the configuration, for errors
};

// A file that cannot be used is reported in `problems`, the others load.  A
// path that does not exist is an error, an empty directory a warning.
[[nodiscard]] cms::Trust load_trust(const TrustSource& source, std::vector<base::Problem>& problems);

}  // namespace store
