// Looking rules up by address against trying every one of them.
#include <algorithm>
#include <random>

#include "policy_support.h"

namespace
{

using namespace policy;
using policy_test::from;
using policy_test::Mail;

PatternIndex index_of(const std::vector<std::vector<std::string>>& lists)
{
    PatternIndex out;
    for (const auto& list : lists) out.add(list);
    return out;
}

TEST(PatternIndex, FindsAddressesDomainsAndWhatCannotBeLookedUp)
{
    const auto index = index_of({{"alice@example.org"},
                                 {"*@example.org"},
                                 {"bob@example.org", "*@Example.NET"},
                                 {},
                                 {"al*@example.org"},
                                 {"alice@example.org", "Alice@Example.Org"},
                                 {"*@m\xc3\xbcnchen.example"},
                                 {"carol@example.org", "*"}});
    EXPECT_EQ(index.that_may_match("alice@example.org"), (RulePlaces{0, 1, 3, 4, 5, 6, 7}));
    EXPECT_EQ(index.that_may_match("ALICE@EXAMPLE.ORG"), (RulePlaces{0, 1, 3, 4, 5, 6, 7}));
    EXPECT_EQ(index.that_may_match("bob@example.org"), (RulePlaces{1, 2, 3, 4, 6, 7}));
    EXPECT_EQ(index.that_may_match("x@example.net"), (RulePlaces{2, 3, 4, 6, 7}));
    EXPECT_EQ(index.that_may_match("\"a@b\"@example.net"), (RulePlaces{2, 3, 4, 6, 7}));
    EXPECT_EQ(index.that_may_match("x@sub.example.net"), (RulePlaces{3, 4, 6, 7}));
    EXPECT_EQ(index.that_may_match(""), (RulePlaces{3, 4, 6, 7}));
    EXPECT_EQ(index.that_may_match("\xc3\xa9@example.org").size(), 8U);
}

TEST(PatternIndex, NeverLeavesOutWhatMatches)
{
    std::mt19937 random(7);  // NOLINT: the same in every run
    const auto any = [&](const auto& from_these) { return from_these[random() % std::size(from_these)]; };
    const std::string patterns[] = {"a@x.example",
                                    "A@X.example",
                                    "*@x.example",
                                    "*@X.EXAMPLE",
                                    "*@*.example",
                                    "?@x.example",
                                    "*",
                                    "<>",
                                    "a@",
                                    "@x.example",
                                    "a",
                                    "*@a@x.example",
                                    "*@\xc3\xbc.de",
                                    "*@xn--tda.de",
                                    "\xc3\xa9@x.de",
                                    "a*@x.example",
                                    "b@*",
                                    "\"a@b\"@x.example",
                                    "*@",
                                    "b@xn--tda.de"};
    const std::string addresses[] = {"a@x.example",
                                     "A@X.EXAMPLE",
                                     "b@x.example",
                                     "a@y.example",
                                     "\"a@b\"@x.example",
                                     "a@a@x.example",
                                     "\xc3\xa9@x.de",
                                     "a@\xc3\xbc.de",
                                     "b@\xc3\x9c.de",
                                     "b@xn--tda.de",
                                     "",
                                     "a",
                                     "@x.example",
                                     "<>",
                                     "\xc3\x89@x.de",
                                     "b@XN--TDA.de"};
    for (int round = 0; round < 300; ++round) {
        std::vector<std::vector<std::string>> lists(1 + random() % 12);
        for (auto& list : lists)
            for (std::size_t n = random() % 4; n > 0; --n) list.push_back(any(patterns));
        const auto index = index_of(lists);
        for (const auto& address : addresses) {
            const auto places = index.that_may_match(address);
            EXPECT_TRUE(std::is_sorted(places.begin(), places.end()));
            for (std::size_t i = 0; i < lists.size(); ++i) {
                const bool matches = lists[i].empty() ||
                                     std::any_of(lists[i].begin(), lists[i].end(), [&](const std::string& p) {
                                         return mime::address_matches(p, address);
                                     });
                EXPECT_TRUE(!matches || std::binary_search(places.begin(), places.end(), i))
                    << address << " and list " << i << ": " << ::testing::PrintToString(lists[i]);
            }
        }
    }
}

std::string told(const Decision& decision)
{
    const auto name_of = [](const Rule* rule) { return rule == nullptr ? std::string("none") : rule->name; };
    const auto& plan = decision.plan;
    std::string out = decision.direction.why + ";";
    for (const auto& r : decision.recipients)
        out += r.recipient + ":" + name_of(r.rule) + (r.undecided ? "?;" : ";");
    return out + name_of(plan.rule) + ";" + name_of(plan.sign_rule) + ";" + plan.authority.why + ";" +
           plan.no_sign_reason + (plan.verify ? ";verify" : ";") +
           (plan.require_signature ? ";required" : ";");
}

// With reasons for everything every rule is tried; without, those that were looked up.
TEST(RuleIndex, DecidesAsIfEveryRuleWereTried)
{
    std::mt19937 random(11);  // NOLINT: the same in every run
    const auto any = [&](const auto& from_these) {
        return std::string(from_these[random() % std::size(from_these)]);
    };
    const char* const senders[] = {"",
                                   "sender = a@x.example\n",
                                   "sender = *@x.example\n",
                                   "sender = b@x.example, *@y.example\n",
                                   "sender = *\n",
                                   "sender = a*@*\n"};
    const char* const recipients[] = {"", "recipient = r@x.example\n", "recipient = *@y.example\n",
                                      "recipient = *@p.example, s@x.example\n"};
    const char* const others[] = {"",
                                  "direction = outgoing\n",
                                  "direction = incoming\n",
                                  "client = 192.0.2.1\n",
                                  "login = boss\n",
                                  "size = >1K\n"};
    const char* const wants[] = {"sign = clear\n", "verify = yes\n", "sign = no\n",
                                 "sign = clear\nsign_required = yes\n",
                                 "verify = yes\nrequire_signature = yes\n"};
    const char* const clients[] = {"192.0.2.1", "192.0.2.200", "203.0.113.1"};
    const char* const logins[] = {"", "a@x.example", "boss"};
    const char* const froms[] = {"a@x.example",   "A@X.Example", "b@x.example",
                                 "c@y.example",   "d@z.example", "a@x.example, b@x.example",
                                 "not an address"};
    const std::vector<std::string> everybody{"r@x.example", "s@x.example", "t@y.example", "u@p.example",
                                             "v@q.example"};
    for (int round = 0; round < 400; ++round) {
        std::string text = "[milter]\nlocal_domains = x.example\ninternal_hosts = 192.0.2.128/25\n";
        for (std::size_t i = 0, n = 1 + random() % 8; i < n; ++i)
            text += "[rule r" + std::to_string(i) + "]\n" + any(senders) + any(recipients) + any(others) +
                    any(wants);
        const auto loaded = policy_test::load(text);
        Mail mail(from(any(froms)));
        mail.facts.client = any(clients);
        mail.facts.login = any(logins);
        mail.facts.mail_from = "a@x.example";
        mail.facts.recipients.clear();
        for (const auto& r : everybody)
            if (random() % 2 == 0) mail.facts.recipients.push_back(r);
        if (random() % 2 == 0) mail.facts.size = random() % 4000;

        const auto& config = loaded.config();
        auto plain = config;
        auto bare = config.rules;
        for (auto& rule : bare) rule.sender = rule.recipient = {};
        plain.rule_index = RuleIndex(bare);
        EXPECT_EQ(told(decide(config, mail.facts, Trace::none)), told(decide(plain, mail.facts, Trace::none)))
            << text;
        EXPECT_EQ(told(decide(config, mail.facts, Trace::none)),
                  told(decide(config, mail.facts, Trace::full)))
            << text;
    }
}

}  // namespace
