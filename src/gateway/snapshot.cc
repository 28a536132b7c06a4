#include "gateway/snapshot.h"

#include <algorithm>

#include "policy/decide.h"
#include "store/directory_store.h"

namespace gateway
{
namespace
{

bool any_rule_signs(const policy::Config& config)
{
    return std::any_of(config.rules.begin(), config.rules.end(),
                       [](const policy::Rule& rule) { return rule.signs(); });
}

bool any_rule_verifies(const policy::Config& config)
{
    return std::any_of(config.rules.begin(), config.rules.end(),
                       [](const policy::Rule& rule) { return rule.verify; });
}

bool none_can_sign(const store::KeyStore& keys, base::Time now)
{
    return std::all_of(keys.all().begin(), keys.all().end(), [&](const store::Identity& identity) {
        return store::unfit_for_signing(identity.certificate, now).has_value();
    });
}

void warn(std::vector<base::Problem>& problems, std::string where, std::string what, std::string remedy)
{
    problems.push_back({base::Severity::warning,
                        {base::Code::configuration, std::move(where), std::move(what), std::move(remedy)}});
}

// A rule that names a key which did not load would never sign: that is a
// mistake in the configuration, not in one file among many.
bool named_keys_are_there(const Snapshot& snapshot, std::vector<base::Problem>& problems)
{
    bool all = true;
    for (const auto& rule : snapshot.config.rules) {
        if (!rule.signs() || rule.certificate == "by_sender" || snapshot.keys.has_name(rule.certificate))
            continue;
        problems.push_back({base::Severity::error,
                            {base::Code::configuration, rule.at(),
                             "[rule " + rule.name + "] wants the key of [key " + rule.certificate +
                                 "], which could not be loaded",
                             "see the message about its file"}});
        all = false;
    }
    return all;
}

}  // namespace

std::shared_ptr<const Snapshot> load_snapshot(const std::string& file, base::Time now,
                                              std::vector<base::Problem>& problems)
{
    auto config = policy::load_config(file, problems);
    if (!config) return nullptr;
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->config = std::move(*config);
    const auto& loaded = snapshot->config;
    for (const auto& shadow : policy::shadowed_rules(loaded))
        warn(problems, shadow.rule->at(),
             "[rule " + shadow.rule->name + "] can never apply: [rule " + shadow.by->name + "] at " +
                 shadow.by->at() + " covers it",
             "put it before that rule, or remove it");

    snapshot->trust = store::load_trust(loaded.trust, problems);
    const auto& material = snapshot->trust.material();
    std::vector<cms::Certificate> helpers = material.intermediates;
    helpers.insert(helpers.end(), material.anchors.begin(), material.anchors.end());
    snapshot->keys = store::KeyStore::load(loaded.keys, helpers, now, problems);

    std::vector<std::shared_ptr<const store::CertificateStore>> others;
    using Kind = store::Provenance::Kind;
    if (const auto& path = loaded.certificates.pinned; !path.empty())
        others.push_back(store::DirectoryStore::open({path, Kind::pinned}, problems));
    if (const auto& path = loaded.certificates.path; !path.empty())
        others.push_back(store::DirectoryStore::open({path}, problems));
    snapshot->certificates = std::make_shared<store::CombinedStore>(std::move(others));

    if (!named_keys_are_there(*snapshot, problems)) return nullptr;
    if (any_rule_signs(loaded) && snapshot->keys.all().empty())
        warn(problems, loaded.file, "rules ask for signatures, but no key could be loaded",
             "put PFX or PEM files into the directory named by path in [keys]");
    else if (any_rule_signs(loaded) && none_can_sign(snapshot->keys, now))
        warn(problems, loaded.file,
             "rules ask for signatures, but no key can sign now: all are expired or unfit",
             "import a new one: smimectl cert import FILE; smimectl cert list shows what is there");
    if (any_rule_verifies(loaded) && snapshot->trust.empty())
        warn(problems, loaded.file,
             "rules ask for verification, but there is no trust anchor: nothing can pass",
             "put CA certificates into the directory named by anchors in [trust]");
    return snapshot;
}

}  // namespace gateway
