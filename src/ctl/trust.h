// The options of verify and strip: what is trusted, and how it is judged.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cms/trust.h"
#include "ctl/options.h"
#include "gateway/message.h"
#include "gateway/verify.h"

namespace ctl
{

struct TrustOptions {
    std::vector<std::string> anchors;
    std::vector<std::string> intermediates;
    std::vector<std::string> crls;
    bool policy_check = false;
    std::vector<std::string> policies;
    bool require_policy = false;
    bool inhibit_mapping = false;
    bool inhibit_any_policy = false;
    bool accept_sender = false;
    bool strict_display_name = false;
    bool accept_octet_stream = false;
    bool hard = false;
    std::optional<std::string> at;
    std::optional<std::string> from;
    bool allow_sha1 = false;
};

void add_trust_options(Options& options, TrustOptions& into);

// A request with the trust it points to.
struct Judge {
    cms::Trust trust;
    policy::Revocation revocation;
    std::shared_ptr<const policy::Judging> judging;         // what `request` borrows from
    std::shared_ptr<const store::CertificateStore> pinned;  // likewise
    gateway::VerifyRequest request;                         // without `trust`
    [[nodiscard]] gateway::Verdict judge(const gateway::Message& message) const;
};

// Trust is what --anchors name: in a file or directory, self-signed CA
// certificates are anchors and other CA certificates help; a file with a single
// self-signed certificate of whatever kind is an anchor too.  Without --anchors
// it is the configuration's, if there is one.
[[nodiscard]] base::Result<Judge> make_judge(const TrustOptions& options, const Global& global);

}  // namespace ctl
