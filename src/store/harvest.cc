#include "store/harvest.h"

#include <algorithm>

#include "cms/certificate_summary.h"

namespace store
{
namespace
{

constexpr LearnedState states[] = {LearnedState::used, LearnedState::pending, LearnedState::rejected};

std::string issuer_of(const cms::Certificate& certificate)
{
    const auto summary = cms::summarise(certificate.der());
    return summary ? summary->issuer : std::string();
}

// Is there somebody else's word for this address, by another authority?
bool changes_the_issuer(const Lesson& lesson, const Memory& memory)
{
    const std::string issuer = issuer_of(lesson.certificate);
    bool known = !lesson.known_issuers.empty();
    for (const auto& name : lesson.known_issuers)
        if (name == issuer) return false;
    for (const auto& one : memory.certificates) {
        if (one.state != LearnedState::used) continue;
        if (one.issuer == issuer) return false;
        known = true;
    }
    return known;
}

// Whom a new one may push out: what has ended, then what nobody has approved, the
// oldest first.  What was rejected stays, or it would come back.
bool dispensable_before(const Learned& a, const Learned& b, base::Time now)
{
    const auto rank = [&](const Learned& l) {
        return l.not_after < now ? 0 : l.state == LearnedState::pending ? 1 : 2;
    };
    if (rank(a) != rank(b)) return rank(a) < rank(b);
    if (a.not_before != b.not_before) return a.not_before < b.not_before;
    return a.fingerprint < b.fingerprint;
}

bool make_room(const Memory& memory, base::Time now, Judgement& out)
{
    std::vector<Learned> dispensable;
    for (const auto& one : memory.certificates)
        if (one.not_after < now || (one.state != LearnedState::rejected && !one.approved))
            dispensable.push_back(one);
    std::sort(dispensable.begin(), dispensable.end(),
              [&](const Learned& a, const Learned& b) { return dispensable_before(a, b, now); });
    auto held = memory.certificates.size();
    for (const auto& one : dispensable) {
        if (held < limits::learned_per_address) break;
        out.forget.push_back(one.fingerprint);
        --held;
    }
    return held < limits::learned_per_address;
}

Judgement ignored(std::string why)
{
    Judgement out;
    out.reason = std::move(why);
    return out;
}

}  // namespace

const char* word(LearnedState s)
{
    switch (s) {
        case LearnedState::used: return "used";
        case LearnedState::pending: return "pending";
        case LearnedState::rejected: return "rejected";
    }
    return "";
}

std::optional<LearnedState> learned_state(std::string_view text)
{
    for (const auto s : states)
        if (text == word(s)) return s;
    return std::nullopt;
}

Judgement judge(const Lesson& lesson, const Memory& memory, Harvest mode, base::Time now)
{
    if (mode == Harvest::off) return ignored("harvest = off");
    const auto& certificate = lesson.certificate;
    if (certificate.der().size() > limits::learned_octets) return ignored("its certificate is too large");
    if (!certificate.names(lesson.address)) return ignored("its certificate is for another address");
    if (!certificate.valid_at(now)) return ignored("its certificate is not valid now");
    if (lesson.signing_time && *lesson.signing_time > now + limits::clock_difference)
        return ignored("it says that it was signed in the future");

    const auto fingerprint = certificate.fingerprint();
    const auto known = std::find_if(memory.certificates.begin(), memory.certificates.end(),
                                    [&](const Learned& l) { return l.fingerprint == fingerprint; });
    // What was sent before tells nothing new, or is sent again by somebody else.
    const bool newer =
        !memory.signing_time || (lesson.signing_time && *lesson.signing_time > *memory.signing_time);
    if (known != memory.certificates.end() && known->state == LearnedState::rejected)
        return ignored("its certificate was rejected");

    Judgement out;
    const bool dated = newer && lesson.signing_time.has_value();
    if (known != memory.certificates.end()) {
        out.what = Judgement::What::seen_again;
        out.take_time = out.take_capabilities = out.take_preference =
            dated && known->state == LearnedState::used;
        return out;
    }
    if (!newer) return ignored("it was signed before others that are known");
    if (memory.in_all >= limits::learned_in_all) out.purge = true;
    if (!make_room(memory, now, out))
        return ignored("there are " + std::to_string(limits::learned_per_address) +
                       " certificates for its author already");
    out.what = Judgement::What::add;
    if (changes_the_issuer(lesson, memory)) {
        out.reason = "another issuer than before: " + certificate.issuer();
        out.unusual = true;
        return out;  // nothing else of it is believed before somebody has looked at it
    }
    if (lesson.served_elsewhere && lesson.known_issuers.empty() &&
        std::none_of(memory.certificates.begin(), memory.certificates.end(),
                     [](const Learned& l) { return l.state == LearnedState::used; })) {
        out.reason = "a source is there for its author";
        return out;  // what is learned goes before what is asked for
    }
    if (mode == Harvest::pending) {
        out.reason = "waits for approval";
        return out;
    }
    out.state = LearnedState::used;
    out.take_time = out.take_capabilities = out.take_preference = dated;
    return out;
}

}  // namespace store
