// What a message teaches about its author (semantics F).  Whoever could make us
// believe in a certificate of theirs would read what is meant for somebody else: only a
// message that passes as a whole, from outside, on a path to an anchor, counts.
#include "cms/certificate_summary.h"
#include "gateway/case.h"
#include "mime/address.h"
#include "store/sources.h"

namespace gateway
{

bool may_teach(const Case& c)
{
    const auto& author = c.facts.author;
    return c.snapshot.config.certificates.harvest != store::Harvest::off &&
           c.decision.direction.direction == policy::Direction::incoming &&
           author.status == mime::AuthorStatus::ok && !c.snapshot.config.is_local(author.address());
}

std::optional<store::Lesson> lesson_of(const Case& c, const Verdict& verdict, base::Time now)
{
    const auto* layer = verdict.layer();
    if (!may_teach(c) || verdict.scope != Scope::message || verdict.result() != cms::Code::pass ||
        layer == nullptr || layer->signer < 0)
        return std::nullopt;
    const auto& signer = layer->signers[static_cast<std::size_t>(layer->signer)];
    const auto& offer = signer.offer;
    const std::string address = c.facts.author.address();
    // A signer whom the configuration lets speak for the author is not the author.
    if (!signer.certificate || !signer.certificate->names(address) || !offer.certificate ||
        !offer.certificate->names(address) ||
        store::unfit_for(store::Purpose::encrypt, *offer.certificate, now))
        return std::nullopt;
    // What somebody has put there for it, or for its domain, stays.
    if (c.snapshot.pinned != nullptr)
        for (const auto& name : {address, "@" + mime::domain_of(address)}) {
            const auto pinned = c.snapshot.pinned->find(name, now, store::Purpose::verify);
            if (!pinned || !pinned->empty()) return std::nullopt;
        }
    const auto own = c.snapshot.keys.find(address, now, store::Purpose::encrypt);
    if (!own || !own->empty()) return std::nullopt;
    store::Lesson lesson{address,         *offer.certificate,  offer.issuers,
                         offer.preferred, signer.signing_time, offer.capabilities};
    const auto others = c.snapshot.certificates->find(address, now, store::Purpose::verify);
    if (!others) return std::nullopt;  // nobody knows then who stands for it
    for (const auto& found : *others)
        if (found.origin.kind == store::Provenance::Kind::file)
            if (const auto summary = cms::summarise(found.certificate.der()))
                lesson.known_issuers.push_back(summary->issuer);
    for (const auto& source : c.snapshot.config.certificates.sources)
        lesson.served_elsewhere =
            lesson.served_elsewhere || (store::source_kind(source.uri)->waits && !source.recipients.empty() &&
                                        !store::unfit_to_ask(source, address));
    return lesson;
}

}  // namespace gateway
