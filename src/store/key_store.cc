#include "store/key_store.h"

#include <algorithm>
#include <unordered_set>

#include "base/ascii.h"
#include "store/key_loader.h"

namespace store
{
namespace
{

std::string day(base::Time t) { return base::iso8601(t).substr(0, 10); }

bool better(const Identity* a, const Identity* b)
{
    const cms::Certificate &x = a->certificate, &y = b->certificate;
    if (x.not_before() != y.not_before()) return x.not_before() > y.not_before();
    if (x.not_after() != y.not_after()) return x.not_after() > y.not_after();
    return x.fingerprint() < y.fingerprint();  // any order will do, as long as it is always the same
}

KeyStore::Candidates judge(const std::vector<const Identity*>& found, base::Time now)
{
    KeyStore::Candidates out;
    for (const Identity* identity : found) {
        if (const auto why = unfit_for_signing(identity->certificate, now))
            out.rejected.push_back("serial " + identity->certificate.serial() + ": " + *why);
        else
            out.usable.push_back(identity);
    }
    std::sort(out.usable.begin(), out.usable.end(), better);
    return out;
}

}  // namespace

KeyStore KeyStore::load(const std::vector<KeySource>& sources, const std::vector<cms::Certificate>& helpers,
                        base::Time now, std::vector<base::Problem>& problems)
{
    std::unordered_set<std::string> named;
    for (const KeySource& source : sources)
        if (!source.name.empty()) named.insert(canonical(source.path));
    KeyStore store;
    for (const KeySource& source : sources) {
        KeyLoader loader(source, problems);
        loader.read(source.name.empty() ? named : std::unordered_set<std::string>());
        loader.pair(helpers, now, store.identities_);
    }
    store.index();
    return store;
}

void KeyStore::index()
{
    for (std::size_t i = 0; i < identities_.size(); ++i) {
        const Identity& identity = identities_[i];
        by_name_[identity.name].push_back(i);
        for (const std::string& address : identity.certificate.addresses()) {
            auto& list = by_address_[base::to_lower(address)];
            if (list.empty() || list.back() != i) list.push_back(i);
        }
    }
}

KeyStore::Candidates KeyStore::for_signing(std::string_view address, base::Time now) const
{
    std::vector<const Identity*> found;
    if (const auto it = by_address_.find(base::to_lower(address)); it != by_address_.end())
        for (std::size_t i : it->second)
            if (identities_[i].certificate.names(address)) found.push_back(&identities_[i]);
    return judge(found, now);
}

KeyStore::Candidates KeyStore::named(std::string_view name, base::Time now) const
{
    std::vector<const Identity*> found;
    if (const auto it = by_name_.find(std::string(name)); it != by_name_.end())
        for (std::size_t i : it->second) found.push_back(&identities_[i]);
    return judge(found, now);
}

bool KeyStore::has_name(std::string_view name) const { return by_name_.contains(std::string(name)); }

std::optional<std::string> unfit_for_signing(const cms::Certificate& certificate, base::Time now)
{
    if (now > certificate.not_after()) return "expired " + day(certificate.not_after());
    if (now < certificate.not_before()) return "not valid before " + day(certificate.not_before());
    if (!certificate.usage_allows_signing()) return "its key usage does not allow signatures";
    if (!certificate.purpose_allows_email()) return "its extended key usage does not allow e-mail";
    if (certificate.is_ca()) return "it is the certificate of a certification authority";
    if (certificate.unknown_critical_extension()) return "it has a critical extension that is not understood";
    return std::nullopt;
}

}  // namespace store
