#include "gateway/recipient_certificates.h"

#include <algorithm>
#include <chrono>
#include <map>
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
constexpr std::size_t most_considered = 200;
constexpr int patience = 3;  // of a message with each source, in its timeouts

class Chooser
{
    using Answer = base::Result<std::shared_ptr<const store::Answer>>;

public:
    Chooser(const Case& c, const World& world, RecipientCertificates& out) : c_(c), world_(world), out_(out)
    {
        VerifyRequest request;
        request.at = world.clock->now();
        judge_as_configured(request, c.snapshot.config.judging);
        ask_for_revocation(request, c.snapshot.config.revocation, world.revocation, world.deadline,
                           world.meanwhile());
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

    void choose(const std::string& recipient, const policy::Rule& rule)
    {
        recipient_ = &recipient;
        all_ = rule.all_certificates;
        any_ = false;
        answers_.clear();
        why_.clear();
        said_.reset();
        temporary_ = false;
        const std::string domain = "@" + mime::domain_of(recipient);
        if (rule.prefer_domain) take(vouched_for(domain));
        take(here(recipient));
        ask(recipient);
        said_.reset();  // what a person's program can do is nothing that the domain's gateway can
        if (!rule.prefer_domain) take(vouched_for(domain));
        if (any_) return;
        if (why_.empty()) explain(recipient);
        out_.missing.push_back({recipient, why_.empty() ? "no certificate" : why_, temporary_});
    }

private:
    // The first that may be used, or all of them.
    void take(const std::vector<Found>& candidates)
    {
        for (const auto& found : candidates) {
            std::string what = "serial " + found.certificate.serial() + ", " + found.origin.text();
            if (any_ && !all_) {
                consider(what, "an earlier one is used");
                continue;
            }
            voucher_.clear();
            if (const auto why = unusable(found)) {
                consider(what, *why);
                continue;
            }
            if (!voucher_.empty()) what += ", vouched for by source " + voucher_;
            consider(what, "");
            any_ = true;
            if (std::find(out_.certificates.begin(), out_.certificates.end(), found.certificate) ==
                out_.certificates.end()) {
                out_.certificates.push_back(found.certificate);
                out_.capabilities.push_back(found.capabilities ? found.capabilities : said_);
            }
        }
    }

    // Without waiting; best first.
    std::vector<Found> here(const std::string& recipient)
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
        // What was learned about somebody holds for all certificates of theirs.
        for (const auto& f : others)
            if (!said_) said_ = f.capabilities;
        std::stable_sort(others.begin(), others.end(), better);
        out.insert(out.end(), others.begin(), others.end());
        return out;
    }

    // In the order of the configuration, until one has something to use.
    void ask(const std::string& recipient)
    {
        for (const auto& source : c_.snapshot.config.certificates.sources) {
            if (!store::source_kind(source.uri)->waits) continue;
            const std::string what = "source " + source.name;
            if (any_ || world_.sources == nullptr) {
                consider(what, any_ ? "not asked, there is a certificate already" : "not asked");
                continue;
            }
            if (const auto unfit = store::unfit_to_ask(source, recipient)) {
                consider(what, "not asked: " + *unfit);
                continue;
            }
            const auto& answer = answer_of(source);
            if (!answer) {
                note(what + ": " + answer.error().what, true);
                consider(what, answer.error().what);
                continue;
            }
            for (const auto& remark : (*answer)->remarks) consider(what, remark);
            if ((*answer)->found.empty()) consider(what, "no certificate");
            std::vector<Found> fit;
            for (const auto& found : (*answer)->found) {
                // Whatever a source or a cache says.
                if (!found.certificate.names(recipient)) continue;
                if (const auto unfit = store::unfit_for(Purpose::encrypt, found.certificate, options_.at)) {
                    consider("serial " + found.certificate.serial() + ", " + found.origin.text(), *unfit);
                    note("its certificate " + found.certificate.serial() + ": " + *unfit, false);
                } else {
                    fit.push_back(found);
                }
            }
            std::stable_sort(fit.begin(), fit.end(), better);
            take(fit);
        }
    }

    // Asked once for each recipient.
    const Answer& answer_of(const store::SourceSettings& source)
    {
        const auto known = answers_.find(&source);
        if (known != answers_.end()) return known->second;
        // All recipients together do not wait for ever.
        const auto [until, first] = waits_until_.try_emplace(
            &source, std::min(world_.deadline, std::chrono::steady_clock::now() +
                                                   patience * std::chrono::seconds(source.timeout)));
        auto answer = world_.sources->ask(source, *recipient_, until->second, world_.meanwhile().waiting);
        if (world_.resume) world_.resume();
        return answers_.emplace(&source, std::move(answer)).first->second;
    }

    static bool better(const Found& a, const Found& b)
    {
        if (a.preferred != b.preferred) return a.preferred;
        return store::better_than(a.certificate, b.certificate);
    }

    std::vector<Found> vouched_for(const std::string& address)
    {
        if (c_.snapshot.pinned == nullptr) return {};
        auto found = c_.snapshot.pinned->find(address, options_.at, Purpose::encrypt);
        if (found) return std::move(*found);
        note(found.error().what, true);
        return {};
    }

    std::optional<std::string> unusable(const Found& found)
    {
        const auto& certificate = found.certificate;
        if (auto unfit = cms::unfit_for_encryption(certificate)) {
            note(*unfit, false);
            return unfit;
        }
        const auto path = c_.snapshot.trust.validate(certificate, found.issuers, options_);
        using enum cms::Finding;
        bool vouched = found.origin.needs_no_path();
        for (const auto finding : path.findings.list()) {
            // Whoever vouches for it answers for everything but its revocation.
            if (finding != revoked && !vouched) vouched = signed_dns_vouches(found);
            if (finding != revoked && vouched) continue;
            std::string why(cms::reason(finding));
            note("its certificate " + certificate.serial() + ": " + why, finding == revocation_unknown);
            return why;
        }
        return std::nullopt;
    }

    // Records of the address's domain may confirm what was found elsewhere.
    bool signed_dns_vouches(const Found& found)
    {
        if (world_.sources == nullptr) return false;
        for (const auto& source : c_.snapshot.config.certificates.sources) {
            if (!store::source_kind(source.uri)->vouches || store::unfit_to_ask(source, *recipient_))
                continue;
            const auto& answer = answer_of(source);
            if (!answer) {
                note("source " + source.name + ": " + answer.error().what, true);
                continue;
            }
            if (cms::vouched_for(found.certificate, (*answer)->associations, found.issuers, c_.snapshot.trust,
                                 options_)) {
                voucher_ = source.name;
                return true;
            }
        }
        return false;
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

    void consider(std::string what, std::string why_not)
    {
        if (out_.considered.size() < most_considered)
            out_.considered.push_back({*recipient_, std::move(what), std::move(why_not), any_});
    }

    const Case& c_;
    const World& world_;
    RecipientCertificates& out_;
    const std::string* recipient_ = nullptr;
    bool all_ = false, any_ = false;
    cms::SaidCapabilities said_;
    std::map<const store::SourceSettings*, std::chrono::steady_clock::time_point> waits_until_;
    std::map<const store::SourceSettings*, Answer> answers_;  // for the recipient
    std::string voucher_;                                     // the source that vouches for a certificate
    cms::PathOptions options_;
    std::shared_ptr<cms::RevocationSource> source_;
    std::string why_;
    bool temporary_ = false;
};

// "carol@example.com: serial 01ab, file /etc/...", and how many more there are.
std::string text_of(const std::vector<RecipientCertificates::Considered>& all, bool used)
{
    std::string out;
    std::size_t n = 0;
    for (const auto& one : all) {
        if (one.why_not.empty() != used || (!used && one.after_one) || ++n > most_named) continue;
        out += (out.empty() ? "" : "; ") + policy::shown(one.recipient) + ": " + one.what;
        if (!used) out += ": " + one.why_not;
    }
    if (n > most_named) out += "; and " + std::to_string(n - most_named) + " more";
    return out;
}

}  // namespace

RecipientCertificates recipient_certificates(const Case& c, const World& world)
{
    RecipientCertificates out;
    Chooser chooser(c, world, out);
    for (const auto& recipient : c.decision.recipients) {
        if (recipient.rule == nullptr || !recipient.rule->encrypts()) continue;
        if (world.progress) world.progress();
        chooser.choose(recipient.recipient, *recipient.rule);
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

std::string RecipientCertificates::used() const { return text_of(considered, true); }
std::string RecipientCertificates::not_used() const { return text_of(considered, false); }

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
