// The conditions of rules against one message.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "policy/decide.h"

namespace policy
{

// Borrows everything; for the time of one decision, one thread.
class Matcher
{
public:
    Matcher(const Config& config, const Facts& facts, const DirectionResult& direction);

    // The first condition that failed; conditions are tried in this order.
    enum class Failed { none, condition, author, direction };
    struct Answer {
        Match match = Match::no;
        Failed failed = Failed::none;
        std::string why;
        bool names_author = false;  // the rule has a sender condition, and it holds
    };

    // All conditions of config.rules[index] but `recipient`; evaluated on first use.
    [[nodiscard]] const Answer& message(std::size_t index);

    [[nodiscard]] RulePlaces all() const;
    // All that apply to this author, or fail in another condition than `sender`; others may
    // be among them.
    [[nodiscard]] const RulePlaces& that_may_match_author() const { return that_may_match_author_; }
    // All that apply to this recipient; others may be among them.
    [[nodiscard]] RulePlaces that_may_match(std::string_view recipient) const;

    // The `recipient` condition.
    [[nodiscard]] static bool recipient_matches(const Rule& rule, std::string_view recipient);
    // In words, either way; "" when the rule has no such condition.
    [[nodiscard]] static std::string recipient_why(const Rule& rule, std::string_view recipient,
                                                   bool matches);

private:
    [[nodiscard]] Answer evaluate(const Rule& rule) const;
    const Config& config_;
    const Facts& facts_;
    const DirectionResult& direction_;
    RulePlaces that_may_match_author_;
    std::unordered_map<std::size_t, Answer> answers_;
};

// At most 128 octets of what a stranger wrote.
[[nodiscard]] std::string shown(std::string_view text);

}  // namespace policy
