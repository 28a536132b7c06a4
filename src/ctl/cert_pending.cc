// cert pending, approve, reject, backup: what the daemon has learned from mail.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>

#include "base/ascii.h"
#include "ctl/cert.h"
#include "ctl/command.h"
#include "ctl/output.h"
#include "mime/address.h"
#include "store/sqlite_store.h"

namespace ctl
{
namespace
{

using base::Code;
using store::LearnedState;
using Entry = std::pair<store::Learned, cms::Certificate>;

constexpr std::size_t page = 1000;

base::Result<store::SourceSettings> learned_source(const Global& global)
{
    std::vector<base::Problem> problems;
    const auto config = policy::load_config(global.config, problems);
    report(problems, config.has_value());
    if (!config)
        return base::fail(Code::configuration, global.config, "cannot be used",
                          "mend it; see smimectl configtest");
    const auto* source = config->certificates.learns_into();
    if (source == nullptr)
        return base::fail(Code::configuration, global.config,
                          "nothing is learned: [certificates] has no database",
                          "add source = sqlite:/var/lib/smime-milter/certificates.db, and harvest = pending");
    return *source;
}

base::Result<std::unique_ptr<store::LearnedStore>> open_learned(const store::SourceSettings& source)
{
    // Whoever makes the database owns it, and that has to be the daemon.
    const std::string path(store::after_scheme(source.uri));
    struct stat st{};
    if (source.uri.starts_with("sqlite:") && ::stat(path.c_str(), &st) != 0)
        return base::fail(Code::no_input, path, "nothing has been learned yet: there is no database");
    std::vector<base::Problem> problems;
    auto opened = store::source_kind(source.uri)->open_learned(source, store::OnDamage::refuse, problems);
    report(problems, opened.has_value());
    return opened;
}

base::Result<std::vector<Entry>> all_in(store::LearnedStore& learned, LearnedState state)
{
    std::vector<Entry> out;
    for (std::size_t at = 0;;) {
        const auto before = at;
        auto some = learned.list(state, at, page);
        if (!some) return base::fail(some.error());
        const bool last = at == before;
        for (auto& entry : *some) out.push_back(std::move(entry));
        if (last) return out;
    }
}

base::Result<int> run_pending(bool json, const Global& global)
{
    const auto source = learned_source(global);
    if (!source) return base::fail(source.error());
    const auto learned = open_learned(*source);
    if (!learned) return base::fail(learned.error());
    const auto pending = all_in(**learned, LearnedState::pending);
    if (!pending) return base::fail(pending.error());
    std::string text;
    Json list = Json::array();
    for (const auto& [entry, certificate] : *pending) {
        text += fmt::format("{} {} until {}, {}\n      {}\n      issued by {}, seen {} to {}\n",
                            entry.fingerprint.substr(0, 16), display(entry.address),
                            base::iso8601(entry.not_after).substr(0, 10), cms::describe_key(certificate),
                            display(entry.reason), display(certificate.issuer()),
                            base::iso8601(entry.first_seen).substr(0, 10),
                            base::iso8601(entry.last_seen).substr(0, 10));
        list.push_back({{"address", entry.address},
                        {"fingerprint", entry.fingerprint},
                        {"subject", certificate.subject()},
                        {"issuer", certificate.issuer()},
                        {"serial", certificate.serial()},
                        {"not_after", base::iso8601(entry.not_after)},
                        {"first_seen", base::iso8601(entry.first_seen)},
                        {"last_seen", base::iso8601(entry.last_seen)},
                        {"reason", entry.reason}});
    }
    const auto written = json ? write_json(list) : write_out(text);
    if (!written) return base::fail(written.error());
    return pending->empty() ? exit_no : exit_yes;
}

bool means(const std::string& what, const Entry& entry)
{
    if (what.find('@') != std::string::npos) return entry.first.address == mime::address_key(what);
    return what.size() >= 8 && entry.first.fingerprint.starts_with(base::to_lower(what));
}

// `from`: the states of those that may be meant.
base::Result<int> run_decide(const std::string& what, LearnedState to,
                             std::initializer_list<LearnedState> from, const Global& global)
{
    const auto source = learned_source(global);
    if (!source) return base::fail(source.error());
    const auto learned = open_learned(*source);
    if (!learned) return base::fail(learned.error());
    std::vector<Entry> meant;
    for (const auto state : from) {
        auto all = all_in(**learned, state);
        if (!all) return base::fail(all.error());
        std::copy_if(all->begin(), all->end(), std::back_inserter(meant),
                     [&](const Entry& entry) { return means(what, entry); });
    }
    if (meant.empty())
        return base::fail(Code::no_input, "", "nothing that has been learned is meant by \"" + what + "\"",
                          "name an address or the first eight or more digits of a fingerprint; see smimectl "
                          "cert pending");
    // Two that somebody would have to choose between are not one decision.
    if (meant.size() > 1)
        return base::fail(Code::usage, "",
                          "\"" + what + "\" means " + std::to_string(meant.size()) + " certificates",
                          "name the one with its fingerprint, " + meant[0].first.fingerprint.substr(0, 16) +
                              " or " + meant[1].first.fingerprint.substr(0, 16));
    const auto& [entry, certificate] = meant.front();
    const auto done = (*learned)->decide(entry.address, entry.fingerprint, to);
    if (!done) return base::fail(done.error());
    if (!*done)
        return base::fail(Code::temporary, "", "it is not there any more", "see smimectl cert pending");
    const auto written = write_out(
        fmt::format("{}: {} for {}\n", word(to), display(describe(certificate)), display(entry.address)));
    if (!written) return base::fail(written.error());
    return exit_yes;
}

base::Result<int> run_backup(const std::string& file, const Global& global)
{
    const auto source = learned_source(global);
    if (!source) return base::fail(source.error());
    if (!source->uri.starts_with("sqlite:"))
        return base::fail(Code::usage, source->uri, "is not a database on this machine",
                          "back it up with the tools of its server");
    struct stat st{};
    if (::lstat(file.c_str(), &st) == 0)
        return base::fail(Code::cannot_create, file, "exists already", "remove it, or name another file");
    umask(0077);
    const store::SqliteStore database{std::string(store::after_scheme(source->uri))};
    if (auto done = database.backup(file); !done) return base::fail(done.error());
    remark(file + ": a copy of " + database.path());
    return exit_yes;
}

}  // namespace

Run cert_pending(Options& options, const Global& global)
{
    auto json = std::make_shared<bool>(false);
    options.flag("--json", *json, "print a JSON array");
    return [json, &global] { return run_pending(*json, global); };
}

Run cert_approve(Options& options, const Global& global)
{
    auto what = std::make_shared<std::string>();
    options.argument("WHAT", *what, "address, or the beginning of a fingerprint");
    return [what, &global] {
        return run_decide(*what, LearnedState::used, {LearnedState::pending, LearnedState::rejected}, global);
    };
}

Run cert_reject(Options& options, const Global& global)
{
    auto what = std::make_shared<std::string>();
    options.argument("WHAT", *what, "address, or the beginning of a fingerprint");
    return [what, &global] {
        return run_decide(*what, LearnedState::rejected, {LearnedState::pending, LearnedState::used}, global);
    };
}

Run cert_backup(Options& options, const Global& global)
{
    auto file = std::make_shared<std::string>();
    options.argument("FILE", *file, "where to, a file that does not exist yet");
    return [file, &global] { return run_backup(*file, global); };
}

}  // namespace ctl
