#include "gateway/snapshot.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <set>

#include "base/ascii.h"
#include "base/file.h"
#include "cms/container.h"
#include "cms/library.h"
#include "cms/seal.h"
#include "policy/decide.h"
#include "store/writers.h"

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

bool only_fallback_verifies(const policy::Config& config)
{
    return std::all_of(config.rules.begin(), config.rules.end(),
                       [](const policy::Rule& rule) { return !rule.verify || rule.fallback; });
}

bool none_can_sign(const store::KeyStore& keys, base::Time now)
{
    return std::all_of(keys.all().begin(), keys.all().end(), [&](const store::Identity& identity) {
        return identity.retired || store::unfit_for_signing(identity.certificate, now).has_value();
    });
}

void warn(std::vector<base::Problem>& problems, std::string where, std::string what, std::string remedy)
{
    problems.push_back({base::Severity::warning,
                        {base::Code::configuration, std::move(where), std::move(what), std::move(remedy)}});
}

// A rule that names a key which did not load would never sign: that is a
// mistake in the configuration, not in one file among many.
bool named_keys_are_there(const Snapshot& snapshot, const std::set<std::string>& unchecked,
                          std::vector<base::Problem>& problems)
{
    bool all = true;
    for (const auto& rule : snapshot.config.rules) {
        if (!rule.signs() || rule.certificate == "by_sender" || snapshot.keys.has_name(rule.certificate) ||
            unchecked.contains(rule.certificate))
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

// The sources that can be looked into from here; the names of the others.
std::vector<store::KeySource> readable_sources(const std::vector<store::KeySource>& all,
                                               std::set<std::string>& unchecked,
                                               std::vector<base::Problem>& problems)
{
    std::vector<store::KeySource> readable;
    for (const auto& source : all) {
        if (!source.password.text.starts_with("credential:") || store::has_credentials()) {
            readable.push_back(source);
            continue;
        }
        unchecked.insert(source.name);
        problems.push_back(
            {base::Severity::notice,
             {base::Code::no_input, source.origin,
              source.path + " was not checked: " + source.password.text + " exists for the service only",
              "while it runs: CREDENTIALS_DIRECTORY=/run/credentials/smime-milter.service smimectl "
              "configtest"}});
    }
    return readable;
}

// A certificate that ends soon, with no other to take its place.  Of keys that have
// ended the loader has spoken.
void warn_of_expiry(const Snapshot& snapshot, base::Time now, std::vector<base::Problem>& problems)
{
    const auto kept = own_certificates(snapshot);
    for (const auto* k : store::ending(kept, now, std::chrono::days(30))) {
        const auto& c = k->certificate;
        if (k->kind == "key" && store::unfit_for_signing(c, now)) continue;
        warn(problems, k->file.empty() ? snapshot.config.trust.origin : k->file,
             c.subject() + ", serial " + c.serial() +
                 (c.not_after() < now ? ": has expired on " : ": expires ") +
                 base::iso8601(c.not_after()).substr(0, 10),
             "get a new certificate and put it beside this one; the newest is used");
    }
}

// The secret of [split]: 64 hexadecimal digits.
bool load_split_key(Snapshot& snapshot, std::vector<base::Problem>& problems)
{
    const std::string& path = snapshot.config.split.key;
    if (path.empty()) return true;
    constexpr std::size_t largest = 4096;
    const std::string remedy =
        "make one: (umask 077; openssl rand -hex 32 > " + path + "); chown smime-milter " + path;
    auto content = base::read_file(path, largest, base::Secrecy::secret);
    if (!content) {
        auto error = content.error();
        if (error.remedy.empty() || error.code == base::Code::no_input) error.remedy = remedy;
        problems.push_back({base::Severity::error, std::move(error)});
        return false;
    }
    const auto octets = base::unhex(base::trim(*content));
    if (!octets || octets->size() != cms::seal_key_octets) {
        problems.push_back({base::Severity::error,
                            {base::Code::configuration, path,
                             "not a key for [split]: wanted 64 hexadecimal digits", remedy}});
        return false;
    }
    snapshot.split_key = base::Secret(*octets);
    return true;
}

// Whoever wants an archive must not lose it to a file that cannot be read.
bool load_archives(Snapshot& snapshot, base::Time now, std::vector<base::Problem>& problems)
{
    constexpr std::size_t largest = 1U << 20;
    bool all = true;
    const auto refuse = [&](const base::Error& error) {
        problems.push_back({base::Severity::error, error});
        all = false;
    };
    for (const auto& rule : snapshot.config.rules)
        for (const auto& path : rule.archive) {
            const auto content = base::read_file(path, largest);
            if (!content) {
                refuse(content.error());
                continue;
            }
            const auto container = cms::open_container(*content, path);
            if (!container) {
                refuse(container.error());
                continue;
            }
            const auto found = std::find_if(container->certificates.begin(), container->certificates.end(),
                                            [](const cms::Certificate& c) { return !c.is_ca(); });
            if (found == container->certificates.end()) {
                refuse({base::Code::configuration, path, "no certificate for an archive in it",
                        "name one that is not a certification authority's"});
            } else if (const auto unfit = cms::unfit_for_encryption(*found)) {
                refuse({base::Code::configuration, path, "nothing can be encrypted for it: " + *unfit,
                        "name another certificate"});
            } else {
                snapshot.archives[rule.name].push_back(*found);
                if (!found->valid_at(now))
                    warn(problems, path,
                         "the certificate of the archive is not valid now; it is used all the same",
                         "put a new one there");
            }
        }
    return all;
}

// Whoever can add a file to these directories can have himself trusted, or encrypted to.
// What everybody can is like something that is lacking: a check fails, and no reload
// makes it so, while a daemon that starts goes on with what it has, and says it.
void report_all_writers(Snapshot& snapshot, std::vector<base::Problem>& told)
{
    using store::Writers;
    const policy::Config& config = snapshot.config;
    std::vector<base::Problem> problems;
    for (const auto* paths : {&config.trust.anchors, &config.trust.intermediates})
        for (const auto& path : *paths) store::report_writers(path, Writers::of_files, problems);
    for (const auto* path : {&config.certificates.path, &config.certificates.pinned})
        store::report_writers(*path, Writers::of_directory, problems);
    for (const auto& directory : snapshot.directories)
        if (const auto& problem = directory->writers()) problems.push_back(*problem);
    for (const auto& source : config.keys)
        if (source.name.empty()) store::report_writers(source.path, Writers::of_directory, problems);
    for (auto& problem : problems) {
        if (problem.severity == base::Severity::error)
            snapshot.lacks.push_back(std::move(problem.error));
        else
            told.push_back(std::move(problem));
    }
}

// A directory of [certificates]; where it is missing, what names it and how it is made.
bool is_there(const policy::Config& config, std::string_view key, const std::string& path,
              std::vector<base::Problem>& problems)
{
    if (path.empty()) return false;
    if (base::stamp_of(path) || errno != ENOENT) return true;
    std::string where = config.file;
    for (const auto& setting : config.settings)
        if (setting.section == "certificates" && setting.key == key) where = setting.where;
    problems.push_back(
        {base::Severity::error,
         {base::Code::no_input, where, std::string(key) + " = " + path + ": there is no such directory",
          "make it: install -d -m 755 " + path}});
    return false;
}

// What rules ask for and there is nothing to do it with.
void find_lacks(Snapshot& snapshot, base::Time now, std::vector<base::Problem>& problems)
{
    const auto& config = snapshot.config;
    if (any_rule_signs(config) && snapshot.keys.all().empty() && !snapshot.keys_unchecked) {
        if (config.keys.empty())
            warn(problems, config.file, "rules ask for signatures, but there are no keys",
                 "add a section [keys] with path = /etc/smime-milter/keys, and put PFX or PEM files there");
        else
            snapshot.lacks.push_back({base::Code::configuration, config.keys.front().origin,
                                      "rules ask for signatures, but no key could be loaded",
                                      "put PFX or PEM files into " + config.keys.front().path +
                                          " (mode 0640, group smime-milter), or remove the rules that sign"});
    } else if (any_rule_signs(config) && !snapshot.keys_unchecked && none_can_sign(snapshot.keys, now)) {
        warn(problems, config.file,
             "rules ask for signatures, but no key can sign now: all are expired or unfit",
             "import a new one: smimectl cert import FILE; smimectl cert list shows what is there");
    }
    const auto encrypting = std::find_if(config.rules.begin(), config.rules.end(),
                                         [](const policy::Rule& rule) { return rule.encrypts(); });
    if (encrypting != config.rules.end() && !config.certificates.any() && snapshot.keys.all().empty())
        warn(problems, encrypting->at(),
             "[rule " + encrypting->name + "] encrypts, but there are no certificates to encrypt for",
             "add a section [certificates] with path = /etc/smime-milter/certificates");
    const auto decrypting = std::find_if(config.rules.begin(), config.rules.end(),
                                         [](const policy::Rule& rule) { return rule.decrypt; });
    if (decrypting != config.rules.end() && config.keys.empty())
        warn(problems, decrypting->at(), "[rule " + decrypting->name + "] decrypts, but there are no keys",
             "add a section [keys] with path = /etc/smime-milter/keys");
    if (any_rule_verifies(config) && snapshot.trust.empty() && config.certificates.pinned.empty()) {
        if (config.trust.anchors.empty())
            problems.push_back(
                // As shipped: who only signs has nothing to mend.
                {only_fallback_verifies(config) ? base::Severity::notice : base::Severity::warning,
                 {base::Code::configuration, config.file,
                  "rules ask for verification, but there is no trust anchor: nothing can pass",
                  "add a section [trust] with anchors = /etc/smime-milter/trust, and put CA certificates "
                  "there"}});
        else
            snapshot.lacks.push_back(
                {base::Code::configuration, config.trust.origin,
                 "rules ask for verification, but no trust anchor could be loaded: nothing can pass",
                 "put CA certificates into " + config.trust.anchors.front() +
                     ", or remove anchors from [trust]"});
    }
}

}  // namespace

std::vector<store::Kept> own_certificates(const Snapshot& snapshot)
{
    std::vector<store::Kept> out;
    for (const auto& identity : snapshot.keys.all())
        if (!identity.retired) out.push_back({"key", identity.section, identity.file, identity.certificate});
    const auto& material = snapshot.trust.material();
    for (const auto& c : material.anchors) out.push_back({"anchor", "", "", c});
    for (const auto& c : material.intermediates) out.push_back({"intermediate", "", "", c});
    return out;
}

std::shared_ptr<const Snapshot> load_snapshot(const std::string& file, base::Time now,
                                              std::vector<base::Problem>& problems,
                                              const LoadOptions& options)
{
    auto config = policy::load_config(file, problems);
    if (!config) return nullptr;
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->config = std::move(*config);
    const auto& loaded = snapshot->config;
    cms::forget_want_of_memory();
    if (loaded.rules.empty())
        warn(problems, file, "there is no rule: all mail passes as it is",
             "add one, such as [rule inbound] with direction = incoming and verify = yes");
    for (const auto& shadow : policy::shadowed_rules(loaded))
        warn(problems, shadow.rule->at(),
             "[rule " + shadow.rule->name + "] can never apply: [rule " + shadow.by->name + "] at " +
                 shadow.by->at() + " covers it",
             "put it before that rule, or remove it");

    for (const auto& shadow : policy::unverified_fallbacks(loaded))
        warn(problems, shadow.by->at(),
             "[rule " + shadow.by->name + "] does not verify, and takes all that [rule " + shadow.rule->name +
                 "] at " + shadow.rule->at() + " would: nothing is verified",
             "add verify = yes to it, or a condition");

    snapshot->trust = store::load_trust(loaded.trust, problems);
    const auto& material = snapshot->trust.material();
    std::vector<cms::Certificate> helpers = material.intermediates;
    helpers.insert(helpers.end(), material.anchors.begin(), material.anchors.end());
    std::set<std::string> unchecked;
    auto index = store::KeyIndex::read(options.key_index);
    snapshot->keys = store::KeyStore::load(
        options.credentials == Credentials::needed ? loaded.keys
                                                   : readable_sources(loaded.keys, unchecked, problems),
        helpers, now, problems, options.key_index.empty() ? nullptr : &index);
    // What could not be opened may be there the next time.
    cms::insist_on_memory();
    if (!options.key_index.empty())
        if (const auto written = index.write(); !written)
            problems.push_back({base::Severity::notice, written.error()});
    snapshot->keys_unchecked = !unchecked.empty();

    std::vector<std::shared_ptr<const store::CertificateStore>> others;
    using Kind = store::Provenance::Kind;
    const auto open = [&](const store::DirectoryStore::Options& wanted) {
        store::DirectoryStore::Before before{{}, now};
        if (options.before != nullptr) before.stores = options.before->directories;
        auto store = store::DirectoryStore::open(wanted, problems, before);
        snapshot->directories.push_back(store);
        others.push_back(store);
        return store;
    };
    if (const auto& path = loaded.certificates.pinned; is_there(loaded, "pinned", path, problems))
        snapshot->pinned = open({path, Kind::pinned});
    if (const auto& path = loaded.certificates.path; is_there(loaded, "path", path, problems)) open({path});
    for (const auto& source : loaded.certificates.sources)
        if (const auto* kind = store::source_kind(source.uri); kind->open_store != nullptr)
            others.push_back(kind->open_store(source, problems));
    snapshot->certificates = std::make_shared<store::CombinedStore>(std::move(others));

    report_all_writers(*snapshot, problems);

    if (!named_keys_are_there(*snapshot, unchecked, problems)) return nullptr;
    const bool split = load_split_key(*snapshot, problems);
    if (!load_archives(*snapshot, now, problems) || !split) return nullptr;
    warn_of_expiry(*snapshot, now, problems);
    find_lacks(*snapshot, now, problems);
    cms::insist_on_memory();
    return snapshot;
}

}  // namespace gateway
