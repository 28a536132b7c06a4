// The daemon's figures in Prometheus' text format: smime-milter(8), METRICS.
//
// Nothing is kept for this: figures are read where they are, when somebody asks.  The
// library (prometheus-cpp's core, in metrics.cc only) gives them their form; what serves
// them is metrics_service.h.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "milter/runtime.h"

namespace daemon_main
{

// Label values are what somebody has named: rules, addresses.  Past these limits they are
// left out and counted, those of certificates that end last first.
inline constexpr std::size_t most_rules = 1000;
inline constexpr std::size_t most_certificates = 1000;

// The last certificate that serves an address, or an authority.
struct CertificateEnd {
    std::string address;  // of an anchor or an intermediate certificate the subject
    std::string kind;     // "key", "anchor", "intermediate"
    base::Time not_after;
};
// Soonest first.  UTF-8, whatever the certificates hold.
[[nodiscard]] std::vector<CertificateEnd> certificate_ends(const gateway::Snapshot& snapshot);

// The same, worked out once for each snapshot; does not keep the snapshot.  Thread-safe.
class CertificateEnds
{
public:
    using List = std::shared_ptr<const std::vector<CertificateEnd>>;
    [[nodiscard]] List of(const std::shared_ptr<const gateway::Snapshot>& snapshot);

private:
    std::mutex mutex_;
    std::weak_ptr<const gateway::Snapshot> for_;
    List list_;
};

// What the runtime does not know.
struct Circumstances {
    base::Time started, now;
    bool reload_succeeded = true;  // the last one; the start counts
    base::Time last_success;
    std::string openssl, libmilter;  // versions
};

// "" where this build has no prometheus-cpp.
[[nodiscard]] std::string metrics_text(const milter::Runtime& runtime, CertificateEnds& certificates,
                                       const Circumstances& circumstances);

}  // namespace daemon_main
