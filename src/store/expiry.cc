#include "store/expiry.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "base/ascii.h"
#include "mime/address.h"
#include "store/certificate_store.h"

namespace store
{
namespace
{

constexpr std::array days_before{0, 1, 7, 14, 30};

bool is_authority(const Kept& kept) { return kept.kind == "anchor" || kept.kind == "intermediate"; }

// What would be missed: "key sign alice@example.org", "anchor CN=Root".
std::vector<std::string> services(const Kept& kept)
{
    const cms::Certificate& c = kept.certificate;
    std::vector<std::string> who;
    if (is_authority(kept))
        who.push_back(c.subject());
    else if (!kept.name.empty() || c.addresses().empty())
        who.push_back("[key " + kept.name + "]");
    else
        for (const auto& address : c.addresses()) who.push_back(mime::address_key(address));
    std::vector<std::string> out;
    for (const auto& one : who) {
        if (is_authority(kept) || kept.kind != "key") {
            out.push_back(kept.kind + " " + one);
            continue;
        }
        // At its very end: what it may be used for at all.
        for (const auto& [purpose, word] :
             {std::pair(Purpose::sign, " sign "), std::pair(Purpose::encrypt, " encrypt ")})
            if (!unfit_for(purpose, c, c.not_after())) out.push_back(kept.kind + word + one);
    }
    return out;
}

// The latest end of a certificate that is valid at `now`, by service.
std::unordered_map<std::string, base::Time> served_until(const std::vector<Kept>& kept, base::Time now)
{
    std::unordered_map<std::string, base::Time> out;
    for (const Kept& k : kept) {
        if (!k.certificate.valid_at(now)) continue;
        for (auto& service : services(k)) {
            const auto [it, first] = out.emplace(std::move(service), k.certificate.not_after());
            if (!first) it->second = std::max(it->second, k.certificate.not_after());
        }
    }
    return out;
}

std::string whose(const Kept& kept)
{
    const auto& addresses = kept.certificate.addresses();
    if (!kept.name.empty()) return "[key " + kept.name + "]";
    if (is_authority(kept) || addresses.empty()) return kept.certificate.subject();
    std::string out = addresses.front();
    if (addresses.size() > 1) out += " and " + std::to_string(addresses.size() - 1) + " more";
    return out;
}

base::Problem notice(const Kept& kept, int days)
{
    const std::string where = kept.file.empty() ? "[trust]" : kept.file;
    const std::string which = whose(kept) + ": the " + (kept.kind == "key" ? "certificate" : kept.kind) +
                              " of serial " + kept.certificate.serial();
    const std::string day = base::iso8601(kept.certificate.not_after()).substr(0, 10);
    const std::string alone = ", and there is no other";
    const char* remedy =
        kept.kind == "key"
            ? "get a new certificate: smimectl cert import FILE; the old key goes on decrypting"
            : "import its successor: smimectl cert import FILE";
    if (days == 0)
        return {base::Severity::error,
                {base::Code::configuration, where, which + " has expired on " + day + alone, remedy}};
    return {days > 7 ? base::Severity::notice : base::Severity::warning,
            {base::Code::configuration, where,
             which + " expires on " + day + ", in " + (days == 1 ? "1 day" : std::to_string(days) + " days") +
                 alone,
             remedy}};
}

}  // namespace

std::vector<const Kept*> ending(const std::vector<Kept>& kept, base::Time now, std::chrono::days within)
{
    std::vector<const Kept*> out;
    for (const Kept& k : kept)
        if (k.certificate.not_after() <= now + within) out.push_back(&k);
    if (out.empty()) return out;
    const auto until = served_until(kept, now);
    std::erase_if(out, [&](const Kept* k) {
        const auto all = services(*k);
        return std::all_of(all.begin(), all.end(), [&](const std::string& service) {
            const auto it = until.find(service);
            return it != until.end() && it->second > k->certificate.not_after();
        });
    });
    std::stable_sort(out.begin(), out.end(), [](const Kept* a, const Kept* b) {
        return a->certificate.not_after() < b->certificate.not_after();
    });
    return out;
}

ExpiryNotices expiry_notices(const std::vector<Kept>& kept, base::Time since, base::Time now)
{
    ExpiryNotices out;
    const auto later = [&](base::Time moment) {
        if (!out.next || moment < *out.next) out.next = moment;
    };
    const auto soon = ending(kept, now, std::chrono::days(days_before.back()));
    for (const Kept* k : soon) {
        for (const int days : days_before) {
            const auto moment = k->certificate.not_after() - std::chrono::days(days);
            if (moment > now) {
                later(moment);
            } else {
                if (moment > since) out.due.push_back(notice(*k, days));
                break;  // the later ones are past, too
            }
        }
    }
    for (const Kept& k : kept)
        if (const auto first = k.certificate.not_after() - std::chrono::days(days_before.back()); first > now)
            later(first);
    return out;
}

}  // namespace store
