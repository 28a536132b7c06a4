#include "policy_support.h"

namespace
{

using namespace policy;
using policy_test::from;
using policy_test::good;
using policy_test::Mail;

constexpr const char* configuration = R"([milter]
internal_hosts = 10.0.0.0/8
[rule staff]
sign = clear
[rule shop]
client = 192.0.2.10
sign = clear
[rule relay]
sign = clear
sign_relayed = yes
)";

TEST(Authority, OneOfThreeTestsMustHold)
{
    auto config = good(configuration);
    auto& map = config.sender_login;
    map.add({"alice", {"alice@example.org", "sales@example.org"}});
    using Mode = LoginMap::Mode;
    const struct {
        const char *rule, *client, *login, *mail_from, *header;
        Mode mode;
        bool granted;
        const char* why;
    } table[] = {
        // nobody
        {"staff", "203.0.113.9", "", "alice@example.org", "From: alice@example.org\r\n", Mode::equal, false,
         "client 203.0.113.9 is not internal and not authenticated"},
        {"staff", "127.0.0.1", "", "alice@example.org", "From: alice@example.org\r\n", Mode::equal, false,
         "client 127.0.0.1 is not internal and not authenticated"},
        {"staff", "", "", "alice@example.org", "From: alice@example.org\r\n", Mode::equal, false,
         "client of unknown address is not internal and not authenticated"},
        {"staff", "192.0.2.10", "", "alice@example.org", "From: alice@example.org\r\n", Mode::equal, false,
         "client 192.0.2.10 is not internal and not authenticated"},
        // the login, without a map: MAIL FROM proves nothing, either way
        {"staff", "203.0.113.9", "alice@example.org", "x@example.com", "From: Alice@Example.org\r\n",
         Mode::equal, true, "login alice@example.org may sign as Alice@Example.org"},
        {"staff", "203.0.113.9", "alice@example.org", "bob@example.org", "From: bob@example.org\r\n",
         Mode::equal, false,
         "alice@example.org may not sign as bob@example.org (a login signs for itself only, unless "
         "sender_login says "
         "more)"},
        {"staff", "203.0.113.9", "alice", "alice@example.org", "From: alice@example.org\r\n", Mode::equal,
         false,
         "alice may not sign as alice@example.org (the login is no address: set login_domain or "
         "sender_login)"},
        // the login, with a map
        {"staff", "203.0.113.9", "alice", "x@example.com", "From: sales@example.org\r\n", Mode::map, true,
         "login alice may sign as sales@example.org"},
        {"staff", "203.0.113.9", "alice@example.org", "x@example.com", "From: bob@example.org\r\n", Mode::map,
         false, "alice@example.org may not sign as bob@example.org (sender_login has no such line)"},
        {"staff", "203.0.113.9", "alice@example.org", "x@example.com", "From: alice@example.org\r\n",
         Mode::map, false,
         "alice@example.org may not sign as alice@example.org (sender_login has no such line)"},
        // the login, checked by the MTA
        {"staff", "203.0.113.9", "alice", "Bob@example.org", "From: bob@example.org\r\n", Mode::mta, true,
         "login alice may sign as bob@example.org"},
        {"staff", "203.0.113.9", "alice", "alice@example.org", "From: bob@example.org\r\n", Mode::mta, false,
         "From bob@example.org is not MAIL FROM alice@example.org (sender_login = mta)"},
        // the rule names the client: no test of MAIL FROM but that there is one
        {"shop", "192.0.2.10", "", "bounce+42@example.net", "From: orders@example.org\r\n", Mode::equal, true,
         "client 192.0.2.10 is named by [rule shop]"},
        {"shop", "192.0.2.10", "eve", "eve@example.org", "From: orders@example.org\r\nReceived: x\r\n",
         Mode::map, true, "client 192.0.2.10 is named by [rule shop]"},
        {"shop", "192.0.2.10", "", "", "From: orders@example.org\r\n", Mode::equal, false,
         "MAIL FROM is empty"},
        // internal hosts: what starts there, in the name of MAIL FROM
        {"staff", "10.1.2.3", "", "alice@example.org", "From: alice@example.org\r\n", Mode::equal, true,
         "client 10.1.2.3 is in internal_hosts"},
        {"staff", "10.1.2.3", "", "bob@example.org", "From: alice@example.org\r\n", Mode::equal, false,
         "internal client 10.1.2.3: From alice@example.org is not MAIL FROM bob@example.org"},
        {"staff", "10.1.2.3", "", "alice@example.org", "Received: from x\r\nFrom: alice@example.org\r\n",
         Mode::equal, false,
         "internal client 10.1.2.3 has only relayed the message: it has a Received field (see sign_relayed)"},
        {"relay", "10.1.2.3", "", "alice@example.org", "Received: from x\r\nFrom: alice@example.org\r\n",
         Mode::equal, true, "client 10.1.2.3 is in internal_hosts"},
        // a login at an internal host: either may hold
        {"staff", "10.1.2.3", "eve", "alice@example.org", "From: alice@example.org\r\n", Mode::map, true,
         "client 10.1.2.3 is in internal_hosts"},
        {"staff", "10.1.2.3", "eve", "eve@example.org", "From: alice@example.org\r\n", Mode::map, false,
         "eve may not sign as alice@example.org (sender_login has no such line); internal client 10.1.2.3: "
         "From "
         "alice@example.org is not MAIL FROM eve@example.org"},
        // always
        {"staff", "203.0.113.9", "alice@example.org", "", "From: alice@example.org\r\n", Mode::equal, false,
         "MAIL FROM is empty"},
    };
    for (const auto& row : table) {
        Mail mail(row.header);
        mail.facts.client = row.client;
        mail.facts.login = row.login;
        mail.facts.mail_from = row.mail_from;
        map.mode = row.mode;
        for (const auto& rule : config.rules) {
            if (rule.name != row.rule) continue;
            const auto got = authority_for(config, mail.facts, rule);
            EXPECT_EQ(got.granted, row.granted) << row.why;
            EXPECT_EQ(got.why, row.why);
        }
    }
}

TEST(Authority, NeedsOneCertainAuthor)
{
    const auto config = good(configuration);
    for (const char* header : {"", "From: alice@example.org\r\nFrom: alice@example.org\r\n",
                               "From: alice@example.org, bob@example.org\r\n",
                               "From: staff: alice@example.org;\r\n", "From: Alice\r\n", "From:\r\n"}) {
        Mail mail(header);
        mail.facts.login = mail.facts.mail_from = "alice@example.org";
        const auto got = authority_for(config, mail.facts, config.rules[0]);
        EXPECT_FALSE(got.granted) << header;
        EXPECT_EQ(got.why, mime::describe(mail.facts.author.status));
    }
}

TEST(Authority, AuthorsAreLocalWhereLocalDomainsAreSet)
{
    const auto config =
        good("[milter]\nlocal_domains = example.org\n[rule a]\nsign = clear\nclient = 192.0.2.10\n");
    Mail mail(from("alice@example.com"));
    mail.facts.mail_from = "alice@example.com";
    mail.facts.client = "192.0.2.10";
    EXPECT_EQ(authority_for(config, mail.facts, config.rules[0]).why,
              "alice@example.com is not in local_domains");
    mail.facts.client = "203.0.113.9";
    mail.facts.login = "alice@example.com";
    EXPECT_FALSE(authority_for(config, mail.facts, config.rules[0]).granted);
}

TEST(Authority, ATlsClientCertificateThatIsListedStandsForALogin)
{
    const auto config = good(
        "[milter]\n"
        "tls_login = app@example.org: app.example.org issued by Example, Inc. CA\n"
        "tls_login = any@example.org: /C=DE/CN=any one\n"
        "[rule a]\nsign = clear\n");
    EXPECT_EQ(config.login_of("app.example.org", "Example, Inc. CA"), "app@example.org");
    EXPECT_EQ(config.login_of("app.example.org", "Another CA"), "");
    EXPECT_EQ(config.login_of("APP.example.org", "Example, Inc. CA"), "");
    EXPECT_EQ(config.login_of("/C=DE/CN=any one", "whoever"), "any@example.org");
    EXPECT_EQ(config.login_of("", ""), "");
    for (const char* text :
         {"app@example.org", "app@example.org:", ": app.example.org", "app@example.org: x issued by "})
        EXPECT_NE(policy_test::load("[milter]\ntls_login = " + std::string(text) + "\n")
                      .text()
                      .find("wanted LOGIN: SUBJECT"),
                  std::string::npos)
            << text;
}

TEST(Authority, WhatStrangersWriteIsShortened)
{
    const auto config = good("[rule a]\nsign = clear\n");
    Mail mail(from("alice@example.org"));
    mail.facts.mail_from = "alice@example.org";
    mail.facts.login = std::string(100000, 'x') + "@example.org";
    EXPECT_LT(authority_for(config, mail.facts, config.rules[0]).why.size(), 400U);
}

}  // namespace
