// Which rules may apply, found without looking at all of them: a site with
// thousands of rules has most of them for one address or one domain each.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace policy
{

struct Rule;

// Places of rules in Config::rules, ascending.
using RulePlaces = std::vector<std::size_t>;

// Lists of address patterns, by what they can meet.
class PatternIndex
{
public:
    // The lists come in the order of their places, none left out.
    void add(const std::vector<std::string>& patterns);
    // All places whose list is empty or has a pattern that mime::address_matches() takes
    // `address` for; others may be among them.
    [[nodiscard]] RulePlaces that_may_match(std::string_view address) const;

private:
    RulePlaces others_;  // whose patterns say nothing that could be looked up
    // "alice@example.org" and "@example.org", lower case.
    std::unordered_map<std::string, RulePlaces> by_key_;
    std::size_t size_ = 0;
};

// Goes with the rules that it was made of: made anew whenever Config::rules changes, for
// a rule that it does not know never applies.
struct RuleIndex {
    RuleIndex() = default;
    explicit RuleIndex(const std::vector<Rule>& rules);

    PatternIndex senders, recipients;
    RulePlaces naming_clients;  // those that make a client's mail outgoing
    RulePlaces asking;          // with keywords by which authors ask for encryption
    RulePlaces signing;
};

[[nodiscard]] RulePlaces intersection(const RulePlaces& a, const RulePlaces& b);

}  // namespace policy
