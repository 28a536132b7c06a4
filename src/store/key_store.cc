#include "store/key_store.h"

#include <algorithm>
#include <deque>
#include <unordered_set>

#include "base/ascii.h"
#include "cms/certificate_summary.h"
#include "mime/address.h"
#include "store/key_loader.h"

namespace store
{
namespace
{

bool better(const Identity* a, const Identity* b) { return better_than(a->certificate, b->certificate); }

std::string issuer_and_serial(base::Octets issuer, std::string_view serial)
{
    return std::string(issuer) + '/' + std::string(serial);
}

KeyStore::Candidates judge(const std::vector<const Identity*>& found, base::Time now)
{
    KeyStore::Candidates out;
    for (const Identity* identity : found) {
        if (identity->retired)
            out.rejected.push_back("serial " + identity->certificate.serial() + ": kept for decryption only");
        else if (const auto why = unfit_for_signing(identity->certificate, now))
            out.rejected.push_back("serial " + identity->certificate.serial() + ": " + *why);
        else
            out.usable.push_back(identity);
    }
    std::sort(out.usable.begin(), out.usable.end(), better);
    return out;
}

}  // namespace

KeyStore KeyStore::load(const std::vector<KeySource>& sources, const std::vector<cms::Certificate>& helpers,
                        base::Time now, std::vector<base::Problem>& problems, KeyIndex* index)
{
    const auto cache = std::make_shared<KeyCache>();
    std::unordered_set<std::string> named;
    for (const KeySource& source : sources)
        if (!source.name.empty() && !source.path.empty()) named.insert(canonical(source.path));
    KeyStore store;
    std::deque<KeyLoader> loaders;
    KeyLoader::Retired retired;
    for (const KeySource& source : sources) {
        if (source.name.empty()) store.activation_delay_ = std::chrono::hours(source.activation_delay);
        KeyLoader& loader = loaders.emplace_back(source, problems, index, cache);
        loader.read(source.name.empty() ? named : std::unordered_set<std::string>());
        loader.note_retired(retired);
    }
    for (KeyLoader& loader : loaders) loader.pair(helpers, retired, now, store.identities_);
    store.index();
    return store;
}

void KeyStore::index()
{
    for (std::size_t i = 0; i < identities_.size(); ++i) {
        const Identity& identity = identities_[i];
        by_name_[identity.name].push_back(i);
        if (!identity.decrypts_for.empty()) shared_.push_back(i);
        if (const auto summary = cms::summarise(identity.certificate.der())) {
            if (!summary->subject_key_id.empty()) by_key_id_[summary->subject_key_id].push_back(i);
            by_issuer_serial_[issuer_and_serial(summary->issuer, summary->serial)].push_back(i);
            by_fingerprint_[summary->fingerprint].push_back(i);
        }
        for (const std::string& address : identity.certificate.addresses()) {
            auto& list = by_address_[mime::address_key(address)];
            if (list.empty() || list.back() != i) list.push_back(i);
        }
    }
}

KeyStore::Candidates KeyStore::for_signing(std::string_view address, base::Time now) const
{
    std::vector<const Identity*> found;
    if (const auto it = by_address_.find(mime::address_key(address)); it != by_address_.end())
        for (std::size_t i : it->second)
            if (identities_[i].certificate.names(address)) found.push_back(&identities_[i]);
    Candidates out = judge(found, now);
    std::stable_partition(out.usable.begin(), out.usable.end(), [&](const Identity* identity) {
        return identity->certificate.not_before() + activation_delay_ <= now;
    });
    return out;
}

KeyStore::Candidates KeyStore::named(std::string_view name, base::Time now) const
{
    std::vector<const Identity*> found;
    if (const auto it = by_name_.find(std::string(name)); it != by_name_.end())
        for (std::size_t i : it->second) found.push_back(&identities_[i]);
    return judge(found, now);
}

std::vector<const Identity*> KeyStore::entitled(const std::vector<std::string>& recipients) const
{
    if (recipients.empty()) return {};
    std::vector<std::size_t> candidates = shared_;
    if (const auto it = by_address_.find(mime::address_key(recipients.front())); it != by_address_.end())
        candidates.insert(candidates.end(), it->second.begin(), it->second.end());
    std::sort(candidates.begin(), candidates.end());
    candidates.erase(std::unique(candidates.begin(), candidates.end()), candidates.end());
    std::vector<const Identity*> out;
    for (const std::size_t i : candidates) {
        const Identity& identity = identities_[i];
        const auto reads = [&](const std::string& recipient) {
            return identity.certificate.names(recipient) ||
                   std::any_of(identity.decrypts_for.begin(), identity.decrypts_for.end(),
                               [&](const std::string& p) { return mime::address_matches(p, recipient); });
        };
        if (std::all_of(recipients.begin(), recipients.end(), reads)) out.push_back(&identity);
    }
    return out;
}

bool KeyStore::has_name(std::string_view name) const { return by_name_.contains(std::string(name)); }

std::vector<Found> KeyStore::pick(const Index& index, const std::string& key, bool retired_too) const
{
    std::vector<Found> out;
    const auto it = index.find(key);
    if (it == index.end()) return out;
    for (std::size_t i : it->second)
        if (retired_too || !identities_[i].retired)
            out.push_back({identities_[i].certificate,
                           identities_[i].key,
                           {Provenance::Kind::own_key, identities_[i].file}});
    std::sort(out.begin(), out.end(),
              [](const Found& a, const Found& b) { return better_than(a.certificate, b.certificate); });
    return out;
}

base::Result<std::vector<Found>> KeyStore::find(std::string_view address, base::Time at,
                                                Purpose purpose) const
{
    std::vector<Found> out = pick(by_address_, mime::address_key(address), purpose == Purpose::decrypt);
    std::erase_if(out, [&](const Found& f) {
        return !f.certificate.names(address) || unfit_for(purpose, f.certificate, at);
    });
    if (out.size() > most_found) out.erase(out.begin() + most_found, out.end());
    return out;
}

base::Result<std::vector<Found>> KeyStore::by_subject_key_id(base::Octets id) const
{
    return pick(by_key_id_, std::string(id));
}

base::Result<std::vector<Found>> KeyStore::by_issuer_and_serial(base::Octets issuer,
                                                                std::string_view serial) const
{
    return pick(by_issuer_serial_, issuer_and_serial(issuer, serial));
}

base::Result<std::optional<Found>> KeyStore::by_fingerprint(std::string_view hex) const
{
    auto found = pick(by_fingerprint_, std::string(hex));
    return found.empty() ? std::optional<Found>() : std::optional(std::move(found.front()));
}

std::optional<std::string> unfit_for_signing(const cms::Certificate& certificate, base::Time now)
{
    return unfit_for(Purpose::sign, certificate, now);
}

}  // namespace store
