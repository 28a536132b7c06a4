#include "store/directory_store.h"

#include <sys/stat.h>

#include <algorithm>
#include <functional>
#include <unordered_set>

#include "base/ascii.h"
#include "base/file.h"
#include "cms/certificate_summary.h"
#include "mime/address.h"
#include "store/writers.h"

namespace store
{
namespace
{

constexpr std::size_t largest = 4U << 20;
constexpr std::size_t most_in_file = 1000;
constexpr std::size_t most_looked_at = 1024;  // of one address, before the best are taken

std::uint64_t hash_of(std::string_view text) { return std::hash<std::string_view>()(text); }
std::uint64_t hash_of_address(std::string_view address) { return hash_of(mime::address_key(address)); }
std::uint64_t hash_of(std::string_view issuer, std::string_view serial)
{
    return hash_of(std::string(issuer) + '/' + std::string(serial));
}

std::string_view extension_of(std::string_view name)
{
    const auto dot = name.rfind('.');
    return dot == std::string_view::npos ? std::string_view() : name.substr(dot);
}

bool is_certificate_file(std::string_view name)
{
    const std::string extension = base::to_lower(extension_of(name));
    constexpr std::string_view known[] = {".pem", ".crt", ".cer", ".der", ".p7b", ".p7c"};
    return std::find(std::begin(known), std::end(known), extension) != std::end(known);
}

// An address, or "@example.org".
bool is_pin(const std::string& name)
{
    mime::Mailbox mailbox;
    return mime::parse_address(name.starts_with('@') ? "x" + name : name, mailbox);
}

struct Look {
    // By which a change of one of the files is noticed, as if a second look at all of them
    // had been taken: their names, and what stat(2) says of each.  Nothing when one has
    // changed just now: it may change once more, without its times telling.
    std::optional<std::size_t> state;
    FileWriters writers;
    std::unordered_set<std::string> no_files;  // paths: links to nothing, and what is no regular file
};

// One stat(2) for each file: there may be hundreds of thousands, at each reload.
Look look_at(const std::string& directory, const std::vector<std::string>& names, base::Time now)
{
    using namespace std::chrono_literals;
    Look out;
    std::string text;
    bool settled = true;
    for (const std::string& name : names) {
        text += name;
        text += '/';
        const std::string path = directory + "/" + name;
        struct stat status{};
        const bool there = ::stat(path.c_str(), &status) == 0;
        if (!there || !S_ISREG(status.st_mode)) out.no_files.insert(path);
        if (!there) continue;
        out.writers.add(path, status);
        const auto stamp = base::stamp_of(status);
        const base::Time changed(
            std::chrono::floor<std::chrono::seconds>(std::chrono::nanoseconds(stamp.changed)));
        if (now - 2s < changed && changed <= now + 2s) settled = false;
        for (const auto number :
             {stamp.device, stamp.inode, stamp.size, static_cast<std::uint64_t>(stamp.modified),
              static_cast<std::uint64_t>(stamp.changed), static_cast<std::uint64_t>(status.st_mode)})
            text.append(reinterpret_cast<const char*>(&number), sizeof number);
    }
    if (settled) out.state = std::hash<std::string>()(text);
    return out;
}

// Is it the system that fails, and not the file that is bad or none?  Then it may be there
// the next time, though nothing about it changes.
bool may_pass(const base::Error& error, const Look& look)
{
    if (error.code == base::Code::no_input) return !look.no_files.contains(error.where);
    return error.code != base::Code::data && error.code != base::Code::configuration;
}

}  // namespace

std::shared_ptr<const DirectoryStore> DirectoryStore::open(Options options,
                                                           std::vector<base::Problem>& problems,
                                                           const Before& before)
{
    auto names = base::list_directory(options.path);
    if (!names) {
        problems.push_back({base::Severity::error, names.error()});
        return std::shared_ptr<const DirectoryStore>(new DirectoryStore(std::move(options)));
    }
    std::erase_if(*names, [](const std::string& name) { return !is_certificate_file(name); });
    const auto look = look_at(options.path, *names, before.now);
    const auto same = std::find_if(before.stores.begin(), before.stores.end(), [&](const auto& store) {
        return look.state && store->state_ == look.state && store->options_ == options;
    });
    std::shared_ptr<const DirectoryStore> store;
    if (same != before.stores.end()) {
        store = *same;
    } else {
        const std::shared_ptr<DirectoryStore> fresh(new DirectoryStore(std::move(options)));
        fresh->read(*names);
        fresh->writers_ = look.writers.problem();
        if (std::none_of(fresh->problems_.begin(), fresh->problems_.end(),
                         [&](const base::Problem& p) { return may_pass(p.error, look); }))
            fresh->state_ = look.state;
        store = fresh;
    }
    problems.insert(problems.end(), store->problems_.begin(), store->problems_.end());
    return store;
}

void DirectoryStore::read(const std::vector<std::string>& names)
{
    for (const std::string& name : names)
        if (auto ok = add_file(name); !ok) problems_.push_back({base::Severity::warning, ok.error()});
}

base::Result<> DirectoryStore::add_file(const std::string& name)
{
    const std::string path = options_.path + "/" + name;
    const bool pinned = options_.kind == Provenance::Kind::pinned;
    const std::string pin(name.substr(0, name.size() - extension_of(name).size()));
    if (pinned && !is_pin(pin))
        return base::fail(base::Code::configuration, path, "its name is not an address",
                          "name it after the address that it is for: alice@example.org.pem, or after a "
                          "domain whose gateway decrypts with it: @example.org.pem");
    const auto content = base::read_file(path, largest);
    if (!content) return base::fail(content.error());
    const auto certificates = cms::certificates_in(*content, path);
    if (!certificates) return base::fail(certificates.error());

    if (certificates->size() > most_in_file)
        return base::fail(base::Code::data, path,
                          std::to_string(certificates->size()) + " certificates in one file, more than " +
                              std::to_string(most_in_file) + " are refused",
                          "split it: each use of one of them reads the whole file");

    const auto file = static_cast<std::uint32_t>(files_.size());
    files_.push_back(name);
    for (const std::string& der : *certificates) {
        const auto summary = cms::summarise(der);
        if (!summary) {
            base::Error error = summary.error();
            error.where = path;
            error.remedy = "export it again, or remove it";
            return base::fail(std::move(error));
        }
        const std::uint64_t print = hash_of(summary->fingerprint);
        // In two files: the first stands.  A pin is one for each address.
        if (!pinned && by_fingerprint_.contains(print)) continue;
        const auto entry = static_cast<std::uint32_t>(entries_.size());
        entries_.push_back({file, print});
        by_fingerprint_.emplace(print, entry);
        if (!summary->subject_key_id.empty()) by_key_id_.emplace(hash_of(summary->subject_key_id), entry);
        by_issuer_serial_.emplace(hash_of(summary->issuer, summary->serial), entry);
        if (pinned)
            by_address_.emplace(hash_of_address(pin), entry);
        else
            for (const std::string& address : summary->addresses)
                by_address_.emplace(hash_of_address(address), entry);
    }
    return {};
}

std::string DirectoryStore::pinned_address(std::uint32_t entry) const
{
    const std::string& name = files_[entries_[entry].file];
    return name.substr(0, name.size() - extension_of(name).size());
}

base::Result<std::optional<cms::Certificate>> DirectoryStore::decode(std::uint32_t entry) const
{
    if (auto known = cache_.find(entry)) return known;
    const Entry& wanted = entries_[entry];
    const std::string path = options_.path + "/" + files_[wanted.file];
    const auto content = base::read_file(path, largest);
    if (!content && content.error().code == base::Code::no_input) return std::nullopt;
    // To say that there is none might send the message without encryption; and what
    // cannot be read may be about to be written.
    if (!content) return base::fail(content.error());
    const auto certificates = cms::certificates_in(*content, path);
    if (!certificates) return base::fail(certificates.error());
    for (const std::string& der : *certificates) {
        const auto summary = cms::summarise(der);
        if (!summary || hash_of(summary->fingerprint) != wanted.fingerprint) continue;
        auto certificate = cms::Certificate::from_der(der);
        if (!certificate) return std::nullopt;
        cache_.insert(entry, *certificate);
        return *certificate;
    }
    return base::fail(base::Code::data, path, "has changed since it was read", "run: smimectl reload");
}

Found DirectoryStore::found(std::uint32_t entry, cms::Certificate certificate) const
{
    return {
        std::move(certificate), nullptr, {options_.kind, options_.path + "/" + files_[entries_[entry].file]}};
}

// A hash is a hint only: `wanted` confirms.
template <class Wanted>
base::Result<std::vector<Found>> DirectoryStore::pick(const Index& index, std::uint64_t hash,
                                                      const Wanted& wanted) const
{
    std::vector<Found> out;
    std::optional<base::Error> failure;
    std::vector<std::uint32_t> entries;
    const auto [first, last] = index.equal_range(hash);
    for (auto it = first; it != last && entries.size() < most_looked_at; ++it) entries.push_back(it->second);
    std::sort(entries.begin(), entries.end());
    entries.erase(std::unique(entries.begin(), entries.end()), entries.end());
    for (const std::uint32_t entry : entries) {
        auto certificate = decode(entry);
        if (!certificate && !failure) failure = std::move(certificate.error());
        if (certificate && *certificate && wanted(entry, **certificate))
            out.push_back(found(entry, std::move(**certificate)));
    }
    if (out.empty() && failure) return base::fail(std::move(*failure));
    std::sort(out.begin(), out.end(),
              [](const Found& a, const Found& b) { return better_than(a.certificate, b.certificate); });
    if (out.size() > most_found) out.erase(out.begin() + most_found, out.end());
    return out;
}

base::Result<std::vector<Found>> DirectoryStore::find(std::string_view address, base::Time at,
                                                      Purpose purpose) const
{
    if (purpose == Purpose::sign || purpose == Purpose::decrypt) return std::vector<Found>();
    return pick(by_address_, hash_of_address(address), [&](std::uint32_t entry, const cms::Certificate& c) {
        if (options_.kind != Provenance::Kind::pinned) return c.names(address) && !unfit_for(purpose, c, at);
        const std::string pin = pinned_address(entry);
        const bool named = pin.starts_with('@') ? mime::domain_of(pin) == mime::domain_of(address)
                                                : mime::same_address(pin, address);
        return named && !unfit_for(purpose, c, at);
    });
}

base::Result<std::vector<Found>> DirectoryStore::by_subject_key_id(base::Octets id) const
{
    if (id.empty()) return std::vector<Found>();
    return pick(by_key_id_, hash_of(id), [&](std::uint32_t, const cms::Certificate& c) {
        const auto summary = cms::summarise(c.der());
        return summary && summary->subject_key_id == id;
    });
}

base::Result<std::vector<Found>> DirectoryStore::by_issuer_and_serial(base::Octets issuer,
                                                                      std::string_view serial) const
{
    return pick(by_issuer_serial_, hash_of(issuer, serial), [&](std::uint32_t, const cms::Certificate& c) {
        const auto summary = cms::summarise(c.der());
        return summary && summary->issuer == issuer && summary->serial == serial;
    });
}

base::Result<std::optional<Found>> DirectoryStore::by_fingerprint(std::string_view hex) const
{
    auto all = pick(by_fingerprint_, hash_of(hex),
                    [&](std::uint32_t, const cms::Certificate& c) { return c.fingerprint() == hex; });
    if (!all) return base::fail(all.error());
    return all->empty() ? std::optional<Found>() : std::optional(std::move(all->front()));
}

std::vector<Found> DirectoryStore::all() const
{
    std::vector<Found> out;
    for (std::uint32_t entry = 0; entry < entries_.size(); ++entry)
        if (auto certificate = decode(entry); certificate && *certificate)
            out.push_back(found(entry, std::move(**certificate)));
    return out;
}

}  // namespace store
