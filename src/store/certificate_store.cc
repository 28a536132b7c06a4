#include "store/certificate_store.h"

#include <algorithm>
#include <functional>
#include <unordered_set>

#include "cms/certificate_profile.h"
#include "cms/encrypt.h"

namespace store
{
namespace
{

using Answer = base::Result<std::vector<Found>>;

std::string day(base::Time t) { return base::iso8601(t).substr(0, 10); }

Answer ask(const std::vector<std::shared_ptr<const CertificateStore>>& stores,
           const std::function<Answer(const CertificateStore&)>& question)
{
    std::vector<Found> out;
    std::unordered_set<std::string> given;
    for (const auto& store : stores) {
        auto answer = question(*store);
        if (!answer) {
            if (out.empty()) return answer;
            break;
        }
        for (Found& f : *answer)
            if (out.size() < CertificateStore::most_found && given.insert(f.certificate.der()).second)
                out.push_back(std::move(f));
    }
    return out;
}

std::optional<std::string> unfit_for_mail(const cms::Certificate& c, base::Time at)
{
    if (at > c.not_after()) return "expired " + day(c.not_after());
    if (at < c.not_before()) return "not valid before " + day(c.not_before());
    if (!c.purpose_allows_email()) return "its extended key usage does not allow e-mail";
    if (c.is_ca()) return "it is the certificate of a certification authority";
    if (c.unknown_critical_extension()) return "it has a critical extension that is not understood";
    return std::nullopt;
}

}  // namespace

const char* word(Provenance::Kind k)
{
    switch (k) {
        case Provenance::Kind::own_key: return "key";
        case Provenance::Kind::file: return "file";
        case Provenance::Kind::pinned: return "pinned";
        case Provenance::Kind::learned: return "learned";
        case Provenance::Kind::ldap: return "ldap";
        case Provenance::Kind::dns: return "dns";
        case Provenance::Kind::database: return "database";
    }
    return "";
}

std::string Provenance::text() const { return word(kind) + (file.empty() ? "" : " " + file); }

Answer CombinedStore::find(std::string_view address, base::Time at, Purpose purpose) const
{
    return ask(stores_, [&](const CertificateStore& s) { return s.find(address, at, purpose); });
}

Answer CombinedStore::by_subject_key_id(base::Octets id) const
{
    return ask(stores_, [&](const CertificateStore& s) { return s.by_subject_key_id(id); });
}

Answer CombinedStore::by_issuer_and_serial(base::Octets issuer, std::string_view serial) const
{
    return ask(stores_, [&](const CertificateStore& s) { return s.by_issuer_and_serial(issuer, serial); });
}

base::Result<std::optional<Found>> CombinedStore::by_fingerprint(std::string_view hex) const
{
    for (const auto& store : stores_) {
        auto answer = store->by_fingerprint(hex);
        if (!answer || *answer) return answer;
    }
    return std::optional<Found>();
}

std::optional<std::string> unfit_for(Purpose purpose, const cms::Certificate& certificate, base::Time at)
{
    switch (purpose) {
        case Purpose::sign:
            if (!certificate.usage_allows_signing()) {
                const auto why = unfit_for_mail(certificate, at);
                return why ? why : "its key usage does not allow signatures";
            }
            return unfit_for_mail(certificate, at);
        case Purpose::encrypt: {
            auto why = unfit_for_mail(certificate, at);
            return why ? why : cms::unfit_for_encryption(certificate);
        }
        case Purpose::decrypt:
        case Purpose::verify: break;
    }
    return std::nullopt;
}

bool better_than(const cms::Certificate& a, const cms::Certificate& b)
{
    if (a.not_before() != b.not_before()) return a.not_before() > b.not_before();
    if (a.not_after() != b.not_after()) return a.not_after() > b.not_after();
    return a.fingerprint() < b.fingerprint();
}

}  // namespace store
