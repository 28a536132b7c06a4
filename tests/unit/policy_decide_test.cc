#include "policy_support.h"

namespace
{

using namespace policy;
using policy_test::from;
using policy_test::good;
using policy_test::Mail;

TEST(DirectionOf, IsDecidedByTheClientBeforeTheRules)
{
    const auto config = good(R"([milter]
local_domains  = example.org, example.net
internal_hosts = 10.0.0.0/8
[rule shop]
client = 192.0.2.10
sign   = clear
[rule exempt]
direction = outgoing
client = 192.0.2.11
sign   = no
[rule in]
client = 192.0.2.12
verify = yes
[rule port]
listener = submission
sign   = clear
)");
    const struct {
        const char *client, *login, *listener;
        std::vector<std::string> recipients;
        Direction direction;
        const char* why;
    } table[] = {
        {"203.0.113.9",
         "",
         "",
         {"x@else.example"},
         Direction::incoming,
         "client 203.0.113.9 is not internal and not authenticated"},
        {"127.0.0.1",
         "",
         "",
         {"x@else.example"},
         Direction::incoming,
         "client 127.0.0.1 is not internal and not authenticated"},
        {"",
         "",
         "",
         {},
         Direction::incoming,
         "client of unknown address is not internal and not authenticated"},
        {"203.0.113.9",
         "alice",
         "",
         {"x@else.example"},
         Direction::outgoing,
         "the client has logged in as alice"},
        {"10.9.9.9", "", "", {"x@else.example"}, Direction::outgoing, "client 10.9.9.9 is in internal_hosts"},
        {"192.0.2.10",
         "",
         "",
         {"x@else.example"},
         Direction::outgoing,
         "client 192.0.2.10 is named by [rule shop]"},
        // A rule that does not sign, or names a listener only, gives no right.
        {"192.0.2.11",
         "",
         "",
         {"x@else.example"},
         Direction::incoming,
         "client 192.0.2.11 is not internal and not authenticated"},
        {"192.0.2.12",
         "",
         "",
         {"x@else.example"},
         Direction::incoming,
         "client 192.0.2.12 is not internal and not authenticated"},
        {"203.0.113.9",
         "",
         "submission",
         {"x@else.example"},
         Direction::incoming,
         "client 203.0.113.9 is not internal and not authenticated"},
        {"203.0.113.9",
         "alice",
         "",
         {"a@example.org", "b@EXAMPLE.NET"},
         Direction::internal,
         "the client has logged in as alice, and every recipient is in local_domains"},
        {"203.0.113.9",
         "alice",
         "",
         {"a@example.org", "b@else.example"},
         Direction::outgoing,
         "the client has logged in as alice"},
        {"203.0.113.9",
         "",
         "",
         {"a@example.org"},
         Direction::incoming,
         "client 203.0.113.9 is not internal and not authenticated"},
        {"203.0.113.9", "alice", "", {}, Direction::outgoing, "the client has logged in as alice"},
    };
    for (const auto& row : table) {
        Facts facts;
        facts.client = row.client;
        facts.login = row.login;
        facts.listener = row.listener;
        facts.recipients = row.recipients;
        const auto got = direction_of(config, facts);
        EXPECT_EQ(name(got.direction), std::string(name(row.direction))) << row.client;
        EXPECT_EQ(got.why, row.why);
    }
}

// What one rule of these conditions says to a message, for its only recipient.
RuleTrace ask(const std::string& conditions, const Facts& facts)
{
    static Config config;  // the trace points into it
    config =
        good("[milter]\nlocal_domains = example.org\ninternal_hosts = 10.0.0.0/8\n[rule a]\n" + conditions);
    return decide(config, facts).recipients.at(0).tried.at(0);
}

TEST(Conditions, SayWhatMatchedAndWhatDidNot)
{
    Mail mail(
        "From: Alice <alice@example.org>\r\nX-Class: a,\r\n  b\r\nX-Class: second\r\n"
        "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= von [sign] mir\r\n");
    mail.facts.login = "alice";
    mail.facts.mail_from = "bounce@example.org";
    mail.facts.listener = "submission";
    mail.facts.size = 2048;
    const struct {
        const char* conditions;
        Match match;
        const char* why;
    } table[] = {
        {"", Match::yes, "no conditions"},
        {"sender = alice@example.org", Match::yes, "sender alice@example.org matches alice@example.org"},
        {"sender = ceo@example.org", Match::no, "sender alice@example.org does not match ceo@example.org"},
        {"sender = a@x.example, b@x.example", Match::no,
         "sender alice@example.org does not match a@x.example or b@x.example"},
        {"sender = a@x.example, b@x.example, c@x.example, d@x.example, e@x.example", Match::no,
         "sender alice@example.org does not match a@x.example, b@x.example, c@x.example and 2 more"},
        {"sender = b@x.example, A?ICE@*", Match::yes, "sender alice@example.org matches A?ICE@*"},
        {"mail_from = *@example.org", Match::yes, "mail_from bounce@example.org matches *@example.org"},
        {"mail_from = <>", Match::no, "mail_from bounce@example.org does not match <>"},
        {"recipient = *@partner.example", Match::yes,
         "recipient bob@partner.example matches *@partner.example"},
        {"recipient = *@x.example", Match::no, "recipient bob@partner.example does not match *@x.example"},
        {"client = 192.0.2.10", Match::no, "client 203.0.113.9 is not in 192.0.2.10"},
        {"client = 192.0.2.10, 203.0.113.0/24", Match::yes, "client 203.0.113.9 is in 203.0.113.0/24"},
        {"login = a*", Match::yes, "login alice matches a*"},
        {"login = bob", Match::no, "login alice does not match bob"},
        {"listener = SUBMISSION", Match::yes, "listener submission matches SUBMISSION"},
        {"listener = smtps", Match::no, "listener submission does not match smtps"},
        {"header = x-class: a*b", Match::yes, "header x-class matches a*b"},
        {"header = X-Class: sec*", Match::yes, "header X-Class matches sec*"},
        {"header = X-Other: *", Match::no, "no header field matches X-Other: *"},
        {"subject = grüße*", Match::yes, "subject matches grüße*"},
        {"subject = *[sign]*", Match::yes, "subject matches *[sign]*"},
        {"subject = other*", Match::no, "subject does not match other*"},
        {"size = >1K", Match::yes, "size 2048 is >1K"},
        {"size = <1K, >1M", Match::no, "size 2048 is not <1K or >1M"},
        {"size = >2048", Match::no, "size 2048 is not >2K"},
        {"direction = incoming", Match::no, "the message is outgoing: the client has logged in as alice"},
        {"direction = internal", Match::no, "not every recipient is in local_domains"},
        {"direction = any\nsender = *@example.org\nrecipient = b*\nsize = <1G", Match::yes,
         "size 2048 is <1G, sender alice@example.org matches *@example.org, recipient bob@partner.example "
         "matches b*"},
        {"sender = *@example.org\nrecipient = x*", Match::no,
         "recipient bob@partner.example does not match x*"},
    };
    for (const auto& row : table) {
        const bool directed = std::string_view(row.conditions).find("direction") != std::string_view::npos;
        const auto got =
            ask(std::string(directed ? "" : "direction = outgoing\n") + "sign = no\n" + row.conditions + "\n",
                mail.facts);
        EXPECT_EQ(static_cast<int>(got.match), static_cast<int>(row.match)) << row.conditions;
        EXPECT_EQ(got.why, row.why);
    }
}

TEST(Conditions, NullSenderIsMetByItsNameOrByAnything)
{
    Mail mail(from("alice@example.org"));
    for (const auto& [pattern, match] :
         std::vector<std::pair<std::string, Match>>{{"<>", Match::yes},
                                                    {"*", Match::yes},
                                                    {"*@example.org", Match::no},
                                                    {"a@example.org, <>", Match::yes}})
        EXPECT_EQ(ask("verify = yes\nmail_from = " + pattern + "\n", mail.facts).match, match) << pattern;
    EXPECT_EQ(ask("verify = yes\nmail_from = a@example.org\n", mail.facts).why,
              "mail_from <> does not match a@example.org");
}

TEST(Conditions, WhatIsNotKnownIsNoMatch)
{
    Mail mail(from("alice@example.org"));
    mail.facts.client = "";
    EXPECT_EQ(ask("verify = yes\nclient = 192.0.2.10\n", mail.facts).why,
              "the client's address is not known");
    EXPECT_EQ(ask("direction = outgoing\nsign = clear\nlogin = *\n", mail.facts).why,
              "the client has not logged in");
    EXPECT_EQ(ask("verify = yes\nlistener = *\n", mail.facts).why,
              "the MTA gave no name of the listener (macro daemon_name)");
    EXPECT_EQ(ask("verify = yes\nsubject = *\n", mail.facts).why, "no Subject field");
}

TEST(Conditions, AnUncertainAuthorMatchesNoSender)
{
    Mail mail(from("alice@example.org") + from("bob@example.org"));
    EXPECT_EQ(ask("verify = yes\nsender = *\n", mail.facts).match, Match::no);
    EXPECT_EQ(ask("verify = yes\nsender = *\n", mail.facts).why,
              std::string("the sender is not certain: ") + mime::describe(mail.facts.author.status));
    EXPECT_EQ(ask("verify = yes\n", mail.facts).match, Match::yes);
}

TEST(Conditions, ADirectionThatIsMissingSaysWhatElseHolds)
{
    Mail mail(from("alice@example.org"));
    EXPECT_EQ(ask("sign = clear\nsender = *@example.org\n", mail.facts).why,
              "sender alice@example.org matches *@example.org, but client 203.0.113.9 is not internal and "
              "not authenticated");
}

TEST(Conditions, OutgoingIncludesInternalAndAnyIsBoth)
{
    const struct {
        const char* rule;
        bool incoming, outgoing, internal;
    } table[] = {{"incoming", true, false, false},
                 {"outgoing", false, true, true},
                 {"internal", false, false, true},
                 {"any", true, true, true}};
    for (const auto& row : table) {
        Mail mail(from("alice@example.org"));
        const auto matches = [&] {
            return ask(std::string("sign = no\ndirection = ") + row.rule + "\n", mail.facts).match ==
                   Match::yes;
        };
        EXPECT_EQ(matches(), row.incoming) << row.rule;
        mail.facts.login = "alice";
        EXPECT_EQ(matches(), row.outgoing) << row.rule;
        mail.facts.recipients = {"carol@example.org"};
        EXPECT_EQ(matches(), row.internal) << row.rule;
    }
}

TEST(Decide, TheFirstMatchingRuleWins)
{
    const auto config = good(
        "[rule ceo]\nsender = ceo@example.org\nsign = opaque\n[rule staff]\nsender = *@example.org\nsign = "
        "clear\n"
        "[rule all]\nsign = no\ndirection = outgoing\n");
    Mail mail(from("alice@example.org"));
    mail.facts.login = "alice@example.org";
    mail.facts.mail_from = "alice@example.org";
    const auto d = decide(config, mail.facts);
    ASSERT_EQ(d.recipients.size(), 1U);
    EXPECT_EQ(d.recipients[0].rule->name, "staff");
    EXPECT_EQ(d.recipients[0].tried.size(), 2U);
    EXPECT_EQ(d.plan.sign, SignForm::clear);
    EXPECT_TRUE(d.plan.authority.granted);
    EXPECT_FALSE(d.nothing_to_do());
}

TEST(Decide, AFailedAuthorityDoesNotFallThroughToTheNextRule)
{
    const auto config = good(
        "[rule own]\nsender = *@example.org\nsign = clear\nsign_required = yes\n"
        "[rule named]\nclient = 203.0.113.9\nsign = clear\n");
    Mail mail(from("bob@example.org"));
    mail.facts.login = mail.facts.mail_from = "alice@example.org";
    const auto d = decide(config, mail.facts);
    EXPECT_EQ(d.plan.sign_rule->name, "own");
    EXPECT_TRUE(d.plan.sign_required);
    EXPECT_FALSE(d.plan.authority.granted);
    EXPECT_EQ(d.plan.authority.why.find("alice@example.org may not sign as bob@example.org"), 0U);
}

TEST(Decide, AnUnknownSizeLeavesEarlierRulesOpen)
{
    const auto config = good(
        "[rule big]\nverify = no\nsize = >1M\nrecipient = *@partner.example\n[rule rest]\nverify = yes\n");
    Mail mail(from("alice@example.org"));
    mail.facts.recipients = {"bob@partner.example", "carol@example.net"};
    auto d = decide(config, mail.facts);
    EXPECT_TRUE(d.recipients[0].undecided);
    EXPECT_EQ(d.recipients[0].rule->name, "rest");
    EXPECT_EQ(d.recipients[0].tried[0].match, Match::maybe);
    EXPECT_EQ(d.recipients[0].tried[0].why,
              "the size is not known yet, recipient bob@partner.example matches *@partner.example");
    EXPECT_FALSE(d.recipients[1].undecided);
    EXPECT_FALSE(d.nothing_to_do());

    mail.facts.size = 2U << 20;
    d = decide(config, mail.facts);
    EXPECT_FALSE(d.recipients[0].undecided);
    EXPECT_EQ(d.recipients[0].rule->name, "big");
    mail.facts.size = 100;
    EXPECT_EQ(decide(config, mail.facts).recipients[0].rule->name, "rest");
}

TEST(Decide, NothingIsToDoOnlyWhenNoRuleMayStillMatch)
{
    const auto config = good("[rule big]\nverify = yes\nsize = >1M\n");
    Mail mail(from("alice@example.org"));
    EXPECT_FALSE(decide(config, mail.facts).nothing_to_do());
    mail.facts.size = 1;
    EXPECT_TRUE(decide(config, mail.facts).nothing_to_do());
    mail.facts.size = std::nullopt;
    mail.facts.login = "alice";
    EXPECT_TRUE(decide(config, mail.facts).nothing_to_do());
    EXPECT_TRUE(decide(Config{}, mail.facts).nothing_to_do());
}

TEST(Decide, ASignatureThatAlmostCameAboutIsExplained)
{
    const auto config = good("[rule staff]\nsender = *@example.org\nsign = clear\n[rule in]\nverify = yes\n");
    const struct {
        const char *header, *login, *reason;
    } table[] = {
        {"From: alice@example.org\r\n", "", "client 203.0.113.9 is not internal and not authenticated"},
        {"From: eve@else.example\r\n", "", ""},
        {"From: eve@else.example\r\n", "alice@example.org", ""},
        {"From: alice@example.org\r\nFrom: a@example.org\r\n", "alice@example.org", "several From fields"},
        {"From: alice@example.org\r\nFrom: a@example.org\r\n", "", ""},
    };
    for (const auto& row : table) {
        Mail mail(row.header);
        mail.facts.login = row.login;
        mail.facts.mail_from = "alice@example.org";
        const auto d = decide(config, mail.facts);
        EXPECT_EQ(d.plan.no_sign_reason, row.reason) << row.header;
        EXPECT_EQ(d.plan.sign, SignForm::no);
    }
    // Where nothing else applies, also without a sender condition.
    Mail mail(from("eve@else.example"));
    EXPECT_EQ(decide(good("[rule all]\nsign = clear\n"), mail.facts).plan.no_sign_reason,
              "client 203.0.113.9 is not internal and not authenticated");
}

TEST(Decide, ThousandsOfRecipientsAskEachRuleOnce)
{
    std::string text;
    for (int i = 0; i < 50; ++i)
        text += "[rule r" + std::to_string(i) + "]\nverify = yes\nheader = X-Big: *a*b*c*d*e*f*g*h" +
                std::to_string(i) + "\n";
    text += "[rule last]\nverify = yes\nrecipient = *@partner.example\n";
    const auto config = good(text);
    Mail mail("X-Big: " + std::string(20000, 'a') + "\r\n" + from("alice@example.org"));
    mail.facts.recipients.clear();
    for (int i = 0; i < 5000; ++i)
        mail.facts.recipients.push_back("user" + std::to_string(i) + "@partner.example");
    // For each recipient again, the header alone would cost 250,000 long matches.
    const auto d = decide(config, mail.facts, Trace::none);
    ASSERT_EQ(d.recipients.size(), 5000U);
    EXPECT_EQ(d.recipients[4999].rule->name, "last");
    EXPECT_TRUE(d.recipients[4999].tried.empty());
    EXPECT_TRUE(d.plan.verify);
    EXPECT_EQ(decide(config, mail.facts).recipients[4999].tried.size(), 51U);
}

TEST(Decide, WithoutHeaderFieldsNothingBreaks)
{
    Facts facts;
    facts.recipients = {""};
    const auto config = good("[rule a]\nverify = yes\nheader = X: *\n[rule b]\nsubject = *\nverify = yes\n");
    EXPECT_TRUE(decide(config, facts).nothing_to_do());
}

TEST(Decide, AFromThatCannotBeToldDoesNotLeadPastARuleThatDemands)
{
    for (const char* header :
         {"From: a@example.org <a@example.org>\r\n", "From: a@example.org\r\nFrom: b@x.example\r\n",
          "From: b@x.example, A <a@example.org>\r\n", "From: g: a@example.org;\r\n",
          "From: =?utf-8?b?YUBleGFtcGxlLm9yZw==?=\r\n", "From: A <a@example.org\r\n"}) {
        Mail mail(header);
        EXPECT_EQ(ask("verify = yes\nrequire_signature = yes\nsender = *@example.org\n", mail.facts).match,
                  Match::yes)
            << header;
        EXPECT_EQ(ask("verify = yes\nrequire_signature = yes\nsender = *@other.example\n", mail.facts).match,
                  Match::no);
        EXPECT_EQ(ask("verify = yes\nsender = *@example.org\n", mail.facts).match, Match::no) << header;
        mail.facts.login = "a@example.org";
        EXPECT_EQ(ask("encrypt = mandatory\nsender = a@example.org\n", mail.facts).match, Match::yes)
            << header;
        EXPECT_EQ(ask("sign = clear\nsign_required = yes\nsender = a@example.org\n", mail.facts).match,
                  Match::yes);
        EXPECT_EQ(ask("encrypt = opportunistic\nsender = a@example.org\n", mail.facts).match, Match::no);
    }
    Mail none("Subject: x\r\n");
    none.facts.mail_from = "a@example.org";
    EXPECT_EQ(ask("verify = yes\nrequire_signature = yes\nsender = *@example.org\n", none.facts).match,
              Match::yes);
}

}  // namespace
