#include "policy/match.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "base/ascii.h"
#include "mime/address.h"
#include "mime/encoded_word.h"

namespace policy
{
namespace
{

// "*@a, *@b and 7 more"
std::string some_of(const std::vector<std::string>& patterns)
{
    constexpr std::size_t most = 3;
    std::string out;
    for (std::size_t i = 0; i < patterns.size() && i < most; ++i)
        out += (i == 0 ? "" : i + 1 == patterns.size() ? " or " : ", ") + patterns[i];
    if (patterns.size() > most) out += " and " + std::to_string(patterns.size() - most) + " more";
    return out;
}

std::string mismatch(std::string_view what, std::string_view value, const std::vector<std::string>& patterns)
{
    return std::string(what) + " " + (value.empty() ? std::string("<>") : shown(value)) + " does not match " +
           some_of(patterns);
}

template <class Fits>
const std::string* first_fit(const std::vector<std::string>& patterns, Fits fits)
{
    const auto found = std::find_if(patterns.begin(), patterns.end(), fits);
    return found == patterns.end() ? nullptr : &*found;
}

// The null sender is met by "<>" and by "*" only.
bool envelope_matches(const std::string& pattern, std::string_view address)
{
    if (pattern == "<>" || address.empty())
        return address.empty() && (pattern == "<>" || pattern.find_first_not_of('*') == std::string::npos);
    return mime::address_matches(pattern, address);
}

bool direction_fits(Direction wanted, Direction actual)
{
    switch (wanted) {
        case Direction::any: return true;
        case Direction::outgoing: return actual != Direction::incoming;
        default: return wanted == actual;
    }
}

std::string octets(std::uint64_t n)
{
    constexpr std::pair<std::uint64_t, char> units[] = {{1U << 30, 'G'}, {1U << 20, 'M'}, {1U << 10, 'K'}};
    for (const auto& [unit, letter] : units)
        if (n != 0 && n % unit == 0) return std::to_string(n / unit) + letter;
    return std::to_string(n);
}

// Must mail of its sender be signed or encrypted?  Then a From that cannot be told for
// certain must not lead past the rule.
bool demands(const Rule& rule)
{
    return rule.require_signature || rule.encrypt == Encrypt::mandatory ||
           (rule.signs() && rule.sign_required);
}

// Whatever a reader, however lenient, may take for the author: everything in From that
// looks like an address, and the envelope sender where there is no From.
template <class Fits>
std::optional<std::string> claimed_author(const Facts& facts, Fits fits)
{
    constexpr std::string_view stops = " \t\r\n<>()[]\",;:'";
    if (facts.author.status == mime::AuthorStatus::missing)
        return fits(facts.mail_from) ? std::optional(facts.mail_from) : std::nullopt;
    if (facts.header == nullptr) return std::nullopt;
    for (const auto& field : *facts.header) {
        if (!base::iequals(field.name, "From")) continue;
        for (const auto& mailbox : mime::parse_mailboxes(field.value).mailboxes)
            if (fits(mailbox.address())) return mailbox.address();
        const std::string text = mime::decode_encoded_words(field.value);
        for (std::string_view rest = text; !rest.empty();) {
            const auto word = rest.substr(0, rest.find_first_of(stops));
            rest.remove_prefix(std::min(word.size() + 1, rest.size()));
            if (word.find('@') != std::string_view::npos && fits(word)) return std::string(word);
        }
    }
    return std::nullopt;
}

// Goes through the conditions of a rule until one fails.
class Walk
{
public:
    Walk(const Rule& rule, const Facts& facts, const DirectionResult& direction)
        : rule_(rule), facts_(facts), direction_(direction)
    {
    }

    Matcher::Answer run()
    {
        const bool holds = mail_from() && login() && client() && listener() && header() && subject() &&
                           size() && sender() && direction();
        if (holds) answer_.match = maybe_ ? Match::maybe : Match::yes;
        if (holds) answer_.why = std::move(matched_);
        return std::move(answer_);
    }

private:
    bool yes(const std::string& text)
    {
        matched_ += (matched_.empty() ? "" : ", ") + text;
        return true;
    }
    bool no(std::string why, Matcher::Failed failed = Matcher::Failed::condition)
    {
        answer_.failed = failed;
        answer_.why = std::move(why);
        return false;
    }

    // Addresses and names: one of the patterns must fit.
    template <class Fits>
    bool one_of(std::string_view what, std::string_view value, const std::vector<std::string>& patterns,
                Fits fits)
    {
        if (patterns.empty()) return true;
        if (const auto* fit = first_fit(patterns, fits))
            return yes(std::string(what) + " " + (value.empty() ? std::string("<>") : shown(value)) +
                       " matches " + *fit);
        return no(mismatch(what, value, patterns));
    }

    bool mail_from()
    {
        return one_of("mail_from", facts_.mail_from, rule_.mail_from,
                      [&](const std::string& p) { return envelope_matches(p, facts_.mail_from); });
    }

    bool login()
    {
        if (!rule_.login.empty() && facts_.login.empty()) return no("the client has not logged in");
        return one_of("login", facts_.login, rule_.login,
                      [&](const std::string& p) { return base::wildcard_match(p, facts_.login); });
    }

    bool listener()
    {
        if (!rule_.listener.empty() && facts_.listener.empty())
            return no("the MTA gave no name of the listener (macro daemon_name)");
        return one_of("listener", facts_.listener, rule_.listener,
                      [&](const std::string& p) { return base::wildcard_match(p, facts_.listener); });
    }

    bool client()
    {
        if (rule_.client.empty()) return true;
        if (facts_.client.empty()) return no("the client's address is not known");
        std::vector<std::string> texts;
        for (const auto& network : rule_.client) {
            if (network.contains(facts_.client))
                return yes("client " + shown(facts_.client) + " is in " + network.text);
            texts.push_back(network.text);
        }
        return no("client " + shown(facts_.client) + " is not in " + some_of(texts));
    }

    bool header()
    {
        if (rule_.header.empty()) return true;
        std::vector<std::string> names;
        for (const auto& wanted : rule_.header) {
            if (any_field(wanted.name, [&](base::Octets value) {
                    return base::wildcard_match(wanted.pattern, mime::unfold(value));
                }))
                return yes("header " + wanted.name + " matches " + wanted.pattern);
            names.push_back(wanted.name + ": " + wanted.pattern);
        }
        return no("no header field matches " + some_of(names));
    }

    bool subject()
    {
        if (rule_.subject.empty()) return true;
        std::vector<std::string> subjects;
        any_field("Subject", [&](base::Octets value) {
            subjects.push_back(mime::decode_encoded_words(value));
            return false;
        });
        for (const auto& pattern : rule_.subject)
            for (const auto& text : subjects)
                if (base::wildcard_match(pattern, text)) return yes("subject matches " + pattern);
        return no(subjects.empty() ? "no Subject field" : "subject does not match " + some_of(rule_.subject));
    }

    bool size()
    {
        if (rule_.size.empty()) return true;
        if (!facts_.size) {
            maybe_ = true;
            return yes("the size is not known yet");
        }
        std::vector<std::string> texts;
        for (const auto& condition : rule_.size) {
            texts.push_back((condition.larger ? ">" : "<") + octets(condition.octets));
            if (condition.larger ? *facts_.size > condition.octets : *facts_.size < condition.octets)
                return yes("size " + std::to_string(*facts_.size) + " is " + texts.back());
        }
        return no("size " + std::to_string(*facts_.size) + " is not " + some_of(texts));
    }

    bool sender()
    {
        if (rule_.sender.empty()) return true;
        const auto& author = facts_.author;
        const auto claimed = author.status == mime::AuthorStatus::ok || !demands(rule_)
                                 ? std::nullopt
                                 : claimed_author(facts_, [&](std::string_view address) {
                                       return first_fit(rule_.sender, [&](const std::string& p) {
                                                  return envelope_matches(p, address);
                                              }) != nullptr;
                                   });
        if (claimed)
            return answer_.names_author = yes("the sender is not certain, and may be " + shown(*claimed));
        if (author.status != mime::AuthorStatus::ok)
            return no(std::string("the sender is not certain: ") + mime::describe(author.status),
                      Matcher::Failed::author);
        const auto address = author.address();
        answer_.names_author = one_of("sender", address, rule_.sender, [&](const std::string& p) {
            return mime::address_matches(p, address);
        });
        return answer_.names_author;
    }

    // Last, so that "but" tells what is missing where the rest holds.
    bool direction()
    {
        const auto actual = direction_.direction;
        if (direction_fits(rule_.direction, actual)) return true;
        const auto failed = Matcher::Failed::direction;
        const std::string but = matched_.empty() ? "" : matched_ + ", but ";
        if (actual == Direction::incoming) return no(but + direction_.why, failed);
        if (rule_.direction == Direction::internal)
            return no(but + "not every recipient is in local_domains", failed);
        return no(but + "the message is " + name(actual) + ": " + direction_.why, failed);
    }

    template <class Use>
    bool any_field(std::string_view wanted, Use use)
    {
        if (facts_.header == nullptr) return false;
        return std::any_of(facts_.header->begin(), facts_.header->end(), [&](const mime::Field& field) {
            return base::iequals(field.name, wanted) && use(field.value);
        });
    }

    const Rule& rule_;
    const Facts& facts_;
    const DirectionResult& direction_;
    Matcher::Answer answer_;
    std::string matched_;
    bool maybe_ = false;
};

}  // namespace

std::string shown(std::string_view text)
{
    constexpr std::size_t most = 128;
    return text.size() <= most ? std::string(text) : std::string(text.substr(0, most)) + "...";
}

Matcher::Matcher(const Config& config, const Facts& facts, const DirectionResult& direction)
    : config_(config),
      facts_(facts),
      direction_(direction),
      that_may_match_author_(facts.author.status == mime::AuthorStatus::ok
                                 ? config.rule_index.senders.that_may_match(facts.author.address())
                                 : all())
{
}

RulePlaces Matcher::all() const
{
    RulePlaces places(config_.rules.size());
    std::iota(places.begin(), places.end(), std::size_t{0});
    return places;
}

RulePlaces Matcher::that_may_match(std::string_view recipient) const
{
    return intersection(that_may_match_author_, config_.rule_index.recipients.that_may_match(recipient));
}

const Matcher::Answer& Matcher::message(std::size_t index)
{
    const auto known = answers_.find(index);
    if (known != answers_.end()) return known->second;
    return answers_.emplace(index, evaluate(config_.rules[index])).first->second;
}

Matcher::Answer Matcher::evaluate(const Rule& rule) const { return Walk(rule, facts_, direction_).run(); }

bool Matcher::recipient_matches(const Rule& rule, std::string_view recipient)
{
    return rule.recipient.empty() ||
           std::any_of(rule.recipient.begin(), rule.recipient.end(),
                       [&](const std::string& p) { return mime::address_matches(p, recipient); });
}

std::string Matcher::recipient_why(const Rule& rule, std::string_view recipient, bool matches)
{
    if (rule.recipient.empty()) return {};
    if (!matches) return mismatch("recipient", recipient, rule.recipient);
    const auto* fit =
        first_fit(rule.recipient, [&](const std::string& p) { return mime::address_matches(p, recipient); });
    return "recipient " + shown(recipient) + " matches " + (fit == nullptr ? "" : *fit);
}

}  // namespace policy
