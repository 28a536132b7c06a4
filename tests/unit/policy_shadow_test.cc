#include "policy_support.h"

namespace
{

using namespace policy;
using policy_test::good;

// Is the second of two rules reported?
bool shadowed(const std::string& first, const std::string& second)
{
    const auto config = good("[milter]\nlocal_domains = example.org\n[rule a]\nsign = no\n" + first +
                             "\n[rule b]\nsign = no\n" + second + "\n");
    const auto found = shadowed_rules(config);
    if (found.empty()) return false;
    EXPECT_EQ(found[0].rule->name + found[0].by->name, "ba");
    return true;
}

TEST(ShadowedRules, AreReportedWhenAnEarlierOneSurelyCoversThem)
{
    const std::string any = "direction = any\n";
    const struct {
        const char *first, *second;
        bool covered;
    } table[] = {
        {"", "", true},
        {"", "sender = a@example.org", true},
        {"sender = a@example.org", "", false},
        {"sender = *@example.org", "sender = a@example.org", true},
        {"sender = *@EXAMPLE.org", "sender = A@example.ORG, b@example.org", true},
        {"sender = *@example.org", "sender = a@example.org, b@example.net", false},
        {"sender = *@example.org, *@example.net", "sender = a@example.org, b@example.net", true},
        {"sender = *@example.org", "sender = a*@example.org", true},
        {"sender = a*@example.org", "sender = *@example.org", false},
        {"sender = ?@example.org", "sender = a@example.org", true},
        {"sender = ?@example.org", "sender = *@example.org", false},
        {"sender = ??@example.org", "sender = a?@example.org", true},
        {"sender = *ü@example.org", "sender = aÜ@example.org", false},
        {"sender = *@example.org", "sender = *@example.org\nrecipient = x@example.net", true},
        {"sender = *@example.org\nrecipient = *@example.net", "sender = *@example.org", false},
        {"mail_from = *", "mail_from = <>", true},
        {"mail_from = <>", "mail_from = *", false},
        {"client = 10.0.0.0/8", "client = 10.1.0.0/16, 10.2.3.4", true},
        {"client = 10.1.0.0/16", "client = 10.0.0.0/8", false},
        {"client = 10.0.0.0/8", "client = 10.1.0.0/16, 192.0.2.1", false},
        {"login = a*", "login = alice", true},
        {"listener = x", "listener = y", false},
        {"header = X-A: *", "header = x-a: b", true},
        {"header = X-A: *", "header = X-B: b", false},
        {"subject = *[sign]*", "subject = [sign] now", true},
        {"size = >1M", "size = >2M", true},
        {"size = >1M", "size = >1M", true},
        {"size = >2M", "size = >1M", false},
        {"size = <2M", "size = <1M", true},
        {"size = >1M", "size = <2M", false},
    };
    for (const auto& row : table)
        EXPECT_EQ(shadowed(any + row.first, any + row.second), row.covered)
            << row.first << " | " << row.second;
}

TEST(ShadowedRules, DirectionsCoverWhatTheyInclude)
{
    const struct {
        const char *first, *second;
        bool covered;
    } table[] = {
        {"any", "incoming", true},       {"any", "internal", true},      {"outgoing", "internal", true},
        {"internal", "outgoing", false}, {"outgoing", "any", false},     {"incoming", "outgoing", false},
        {"incoming", "any", false},      {"incoming", "incoming", true},
    };
    for (const auto& row : table)
        EXPECT_EQ(shadowed(std::string("direction = ") + row.first, std::string("direction = ") + row.second),
                  row.covered)
            << row.first << " | " << row.second;
}

TEST(ShadowedRules, AFallbackThatVerifiesIsNotTakenAwayUnnoticed)
{
    const auto unverified = [](const std::string& rules) {
        const auto config = good("[milter]\nlocal_domains = example.org\n" + rules);
        std::string out;
        for (const auto& s : unverified_fallbacks(config)) out += s.rule->name + " by " + s.by->name + ";";
        return out;
    };
    const std::string fallback = "[rule default]\ndirection = incoming\nverify = yes\nfallback = yes\n";
    const std::string relay = "[rule relay]\ndirection = any\neightbit_signed = opaque\n";
    EXPECT_EQ(unverified(relay + fallback), "default by relay;");
    EXPECT_EQ(unverified(fallback + relay), "default by relay;")
        << "a fallback comes last wherever it stands";
    EXPECT_EQ(unverified(relay + "verify = yes\n" + fallback), "");
    EXPECT_EQ(unverified(relay + "recipient = *@lists.example.org\n" + fallback), "");
    EXPECT_EQ(unverified("[rule in]\ndirection = incoming\nverify = yes\n" + relay + fallback), "");
    EXPECT_EQ(unverified(relay + "[rule default]\ndirection = incoming\nverify = no\nfallback = yes\n"), "");
}

TEST(ShadowedRules, AFallbackIsMeantToBeShadowedButShadowsOthers)
{
    EXPECT_FALSE(shadowed("direction = incoming", "direction = incoming\nfallback = yes"));
    EXPECT_TRUE(shadowed("direction = incoming\nfallback = yes", "direction = incoming"));
}

TEST(ShadowedRules, NameTheFirstThatCovers)
{
    const auto config = good(
        "[rule a]\nverify = yes\nsender = x@example.org\n[rule b]\nverify = yes\n[rule c]\nverify = yes\n"
        "[rule d]\nverify = yes\nsender = y@example.org\n");
    const auto found = shadowed_rules(config);
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].rule->name + found[0].by->name, "cb");
    EXPECT_EQ(found[1].rule->name + found[1].by->name, "db");
}

}  // namespace
