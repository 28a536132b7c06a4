#include "gateway/recipient_certificates.h"

#include <algorithm>
#include <unordered_set>

#include "base/ascii.h"
#include "cms/encrypt.h"
#include "mime/address.h"
#include "policy/match.h"

namespace gateway
{
namespace
{

using store::Found;
using store::Purpose;
using Kind = store::Provenance::Kind;

constexpr std::size_t most_named = 10;

class Chooser
{
public:
    Chooser(const Case& c, const World& world) : c_(c)
    {
        VerifyRequest request;
        request.at = world.clock->now();
        judge_as_configured(request, c.snapshot.config.judging);
        ask_for_revocation(request, c.snapshot.config.revocation, world.revocation, world.deadline);
        source_ = request.revocation;
        options_.at = request.at;
        options_.policy_check = request.policy_check;
        options_.policies = request.policies;
        options_.require_policy = request.require_policy;
        options_.crl = c.snapshot.config.crl;
        options_.source = source_.get();
        options_.fetch_crls = request.fetch_crls;
        options_.ocsp = request.ocsp;
    }

    void choose(const std::string& recipient, const policy::Rule& rule, RecipientCertificates& out)
    {
        why_.clear();
        temporary_ = false;
        const std::string domain = "@" + mime::domain_of(recipient);
        auto candidates = personal(recipient);
        auto shared = vouched_for(domain);
        candidates.insert(rule.prefer_domain ? candidates.begin() : candidates.end(), shared.begin(),
                          shared.end());
        bool any = false;
        for (const auto& found : candidates) {
            if (any && !rule.all_certificates) break;
            if (!usable(found)) continue;
            any = true;
            if (std::find(out.certificates.begin(), out.certificates.end(), found.certificate) ==
                out.certificates.end())
                out.certificates.push_back(found.certificate);
        }
        if (any) return;
        if (why_.empty()) explain(recipient);
        out.missing.push_back({recipient, why_.empty() ? "no certificate" : why_, temporary_});
    }

private:
    // Best first, each once.
    std::vector<Found> personal(const std::string& recipient)
    {
        auto out = vouched_for(recipient);
        std::vector<Found> others;
        for (const store::CertificateStore* store :
             {static_cast<const store::CertificateStore*>(&c_.snapshot.keys),
              c_.snapshot.certificates.get()}) {
            auto found = store->find(recipient, options_.at, Purpose::encrypt);
            if (!found) {
                note(found.error().what, true);
                continue;
            }
            for (auto& f : *found)
                if (f.origin.kind != Kind::pinned) others.push_back(std::move(f));
        }
        std::stable_sort(others.begin(), others.end(), [](const Found& a, const Found& b) {
            return store::better_than(a.certificate, b.certificate);
        });
        out.insert(out.end(), others.begin(), others.end());
        return out;
    }

    std::vector<Found> vouched_for(const std::string& address)
    {
        if (c_.snapshot.pinned == nullptr) return {};
        auto found = c_.snapshot.pinned->find(address, options_.at, Purpose::encrypt);
        if (found) return std::move(*found);
        note(found.error().what, true);
        return {};
    }

    bool usable(const Found& found)
    {
        const auto& certificate = found.certificate;
        if (const auto unfit = cms::unfit_for_encryption(certificate)) {
            note(*unfit, false);
            return false;
        }
        const auto path = c_.snapshot.trust.validate(certificate, {}, options_);
        using enum cms::Finding;
        const bool vouched = found.origin.kind != Kind::file;
        for (const auto finding : path.findings.list()) {
            // Whoever put it there answers for everything but its revocation.
            if (vouched && finding != revoked) continue;
            note("its certificate " + certificate.serial() + ": " + std::string(cms::reason(finding)),
                 finding == revocation_unknown);
            return false;
        }
        return true;
    }

    // Nothing was offered: is there something that is out of question?
    void explain(const std::string& recipient)
    {
        for (const store::CertificateStore* store :
             {static_cast<const store::CertificateStore*>(&c_.snapshot.keys),
              c_.snapshot.certificates.get()}) {
            const auto found = store->find(recipient, options_.at, Purpose::verify);
            if (!found) continue;
            for (const auto& f : *found)
                if (const auto unfit = store::unfit_for(Purpose::encrypt, f.certificate, options_.at))
                    return note("its certificate " + f.certificate.serial() + ": " + *unfit, false);
        }
    }

    void note(const std::string& why, bool temporary)
    {
        if (why_.empty()) why_ = why;
        temporary_ = temporary_ || temporary;
    }

    const Case& c_;
    cms::PathOptions options_;
    std::shared_ptr<cms::RevocationSource> source_;
    std::string why_;
    bool temporary_ = false;
};

}  // namespace

RecipientCertificates recipient_certificates(const Case& c, const World& world)
{
    RecipientCertificates out;
    Chooser chooser(c, world);
    for (const auto& recipient : c.decision.recipients) {
        if (recipient.rule == nullptr || !recipient.rule->encrypts()) continue;
        if (world.progress) world.progress();
        chooser.choose(recipient.recipient, *recipient.rule, out);
    }
    return out;
}

std::string RecipientCertificates::names_missing() const
{
    std::string out;
    for (std::size_t i = 0; i < missing.size() && i < most_named; ++i)
        out += (i == 0 ? "" : ", ") + policy::shown(missing[i].recipient) + " (" + missing[i].why + ")";
    if (missing.size() > most_named) out += " and " + std::to_string(missing.size() - most_named) + " more";
    return out;
}

bool RecipientCertificates::any_temporary() const
{
    return std::any_of(missing.begin(), missing.end(), [](const Missing& m) { return m.temporary; });
}

std::vector<std::size_t> blind_recipients(const Case& c)
{
    std::unordered_set<std::string> listed;
    for (const auto& field : c.fields) {
        if (!base::iequals(field.name, "To") && !base::iequals(field.name, "Cc")) continue;
        for (const auto& mailbox : mime::parse_mailboxes(field.value).mailboxes)
            listed.insert(mime::address_key(mailbox.address()));
    }
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < c.envelope.recipients.size(); ++i) {
        mime::Mailbox mailbox;
        const bool parsed = mime::parse_address(c.envelope.recipients[i], mailbox);
        if (!listed.contains(mime::address_key(parsed ? mailbox.address() : c.envelope.recipients[i])))
            out.push_back(i);
    }
    return out;
}

}  // namespace gateway
