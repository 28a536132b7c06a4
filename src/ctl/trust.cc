#include "ctl/trust.h"

#include <unistd.h>

#include "base/file.h"
#include "cms/container.h"
#include "ctl/input.h"
#include "ctl/output.h"
#include "policy/config.h"
#include "store/directory_store.h"
#include "store/trust_store.h"

namespace ctl
{
namespace
{

using base::Code;

constexpr std::size_t max_certificate_file = 16U << 20;

// The only certificate of a file when it is self-signed and no CA's: trusted
// because it was named, as correspondents without a CA are.
std::optional<cms::Certificate> lone_certificate(const std::string& path)
{
    if (base::is_directory(path)) return std::nullopt;
    const auto octets = base::read_file(path, max_certificate_file);
    if (!octets) return std::nullopt;  // load_trust() will say why
    const auto container = cms::open_container(*octets, path);
    if (!container || container->certificates.size() != 1) return std::nullopt;
    const auto& certificate = container->certificates.front();
    if (certificate.is_ca() || !certificate.self_signed()) return std::nullopt;
    return certificate;
}

// The first error there is; warnings are remarks.
base::Result<> check(const std::vector<base::Problem>& problems)
{
    for (const auto& problem : problems) {
        if (problem.severity == base::Severity::error) return base::fail(problem.error);
        remark(problem.text());
    }
    return {};
}

struct Source {
    store::TrustSource files;
    std::vector<cms::Certificate> lone;
    cms::CrlMode crl = cms::CrlMode::off;
    policy::Revocation revocation;
    std::optional<policy::Judging> judging;  // of the configuration
    std::string pinned;                      // likewise: a directory
};

base::Result<Source> source_of(const TrustOptions& options, const Global& global)
{
    Source source;
    if (!options.anchors.empty()) {
        for (const auto& path : options.anchors) {
            if (auto certificate = lone_certificate(path))
                source.lone.push_back(*certificate);
            else
                source.files.anchors.push_back(path);
        }
    } else if (global.config_given || ::access(global.config.c_str(), F_OK) == 0) {
        std::vector<base::Problem> problems;
        const auto config = policy::load_config(global.config, problems);
        if (report(problems, false) > 0 || !config)
            return base::fail(Code::configuration, global.config, "cannot be used",
                              "mend it, or name trust anchors with --anchors PATH");
        source.files = config->trust;
        source.crl = config->crl;
        source.revocation = config->revocation;
        source.judging = config->judging;
        source.pinned = config->certificates.pinned;
    } else {
        remark("warning: no trust anchors: nothing can pass; name them with --anchors PATH or -c FILE");
    }
    for (const auto& path : options.intermediates) source.files.intermediates.push_back(path);
    for (const auto& path : options.crls) source.files.crls.push_back(path);
    // Whoever hands over CRLs wants them looked at.
    if (!options.crls.empty() && source.crl == cms::CrlMode::off) source.crl = cms::CrlMode::soft;
    if (options.hard) source.crl = cms::CrlMode::hard;
    if (options.hard && source.revocation.ocsp != cms::CrlMode::off)
        source.revocation.ocsp = cms::CrlMode::hard;
    return source;
}

}  // namespace

void add_trust_options(Options& options, TrustOptions& into)
{
    options.values("--anchors", into.anchors, "PATH", "trust anchors: file or directory");
    options.values("--intermediates", into.intermediates, "PATH", "certificates that only help");
    options.values("--crls", into.crls, "PATH", "revocation lists: file or directory");
    options.flag("--policy-check", into.policy_check, "process certificate policies");
    options.values("--policy", into.policies, "OID", "a certificate policy that will do (any)");
    options.flag("--require-policy", into.require_policy, "a path without a policy will not do");
    options.flag("--inhibit-mapping", into.inhibit_mapping, "policies may not be mapped");
    options.flag("--inhibit-any-policy", into.inhibit_any_policy, "anyPolicy stands for no policy");
    options.flag("--hard-fail", into.hard, "an unknown revocation status is a temperror");
    options.value("--at", into.at, "TIME", "as if it were then: 2026-11-23T12:00:00Z or @SECONDS");
    options.value("--from", into.from, "ADDRESS", "compare with this instead of the From field");
    options.flag("--accept-sender", into.accept_sender, "the signer may be the one of the Sender field");
    options.flag("--strict-display-name", into.strict_display_name,
                 "another address in From's display name is a finding");
    options.flag("--accept-octet-stream", into.accept_octet_stream,
                 "application/octet-stream named *.p7m is S/MIME, too");
    options.flag("--allow-sha1", into.allow_sha1, "take SHA-1 as strong enough");
}

gateway::Verdict Judge::judge(const gateway::Message& message) const
{
    auto r = request;
    r.trust = &trust;
    const base::FixedClock clock(r.at);
    store::RevocationFetcher fetcher(clock);
    gateway::ask_for_revocation(r, revocation, &fetcher, std::chrono::steady_clock::time_point::max());
    return gateway::verify_message(message.header(), message.body(), r);
}

base::Result<Judge> make_judge(const TrustOptions& options, const Global& global)
{
    const auto at = time_of(options.at);
    if (!at) return base::fail(at.error());
    auto source = source_of(options, global);
    if (!source) return base::fail(source.error());
    std::vector<base::Problem> problems;
    Judge judge;
    judge.trust = store::load_trust(source->files, problems);
    if (auto ok = check(problems); !ok) return base::fail(ok.error());
    if (!source->lone.empty()) {
        auto material = judge.trust.material();
        material.anchors.insert(material.anchors.end(), source->lone.begin(), source->lone.end());
        auto trust = cms::Trust::make(std::move(material));
        if (!trust) return base::fail(trust.error());
        judge.trust = *trust;
    }
    judge.request.at = *at;
    judge.request.crl = source->crl;
    judge.revocation = source->revocation;
    auto& request = judge.request;
    if (source->judging) {
        judge.judging = std::make_shared<const policy::Judging>(std::move(*source->judging));
        gateway::judge_as_configured(request, *judge.judging);
    }
    if (!source->pinned.empty()) {
        std::vector<base::Problem> stray;
        judge.pinned = store::DirectoryStore::open({source->pinned, store::Provenance::Kind::pinned}, stray);
        report(stray, true);
        gateway::trust_pinned(request, judge.pinned.get());
    }
    if (!options.policies.empty()) request.policies = options.policies;
    request.require_policy |= options.require_policy;
    request.inhibit_mapping = options.inhibit_mapping;
    request.inhibit_any_policy = options.inhibit_any_policy;
    request.policy_check |= options.policy_check || options.require_policy || !options.policies.empty() ||
                            options.inhibit_mapping || options.inhibit_any_policy;
    request.accept_sender |= options.accept_sender;
    request.strict_display_name |= options.strict_display_name;
    request.accept_octet_stream |= options.accept_octet_stream;
    judge.request.allow_sha1 = options.allow_sha1;
    judge.request.from = options.from;
    return judge;
}

}  // namespace ctl
