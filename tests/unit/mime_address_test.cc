#include <gtest/gtest.h>

#include "base/ascii.h"
#include "mime/address.h"
#include "mime/domain.h"
#include "mime_support.h"

namespace
{

using namespace mime;
using namespace mime_test;
using namespace std::string_literals;
using namespace std::string_view_literals;

std::string addresses(base::Octets value)
{
    std::string out;
    const auto list = parse_mailboxes(value);
    for (const auto& m : list.mailboxes) out += (out.empty() ? "" : " ") + m.address();
    return out;
}

Author author(std::initializer_list<std::string_view> values)
{
    static std::string text;  // the fields point into it
    text.clear();
    for (const auto v : values) text += "From: " + std::string(v) + "\r\n";
    return author_of(parse_header(text).fields);
}

TEST(Mailbox, HasADisplayNameAnAddressAndComments)
{
    const auto list = parse_mailboxes(" \"Doe, John\" (c1) Q. <john.doe@example.org> (c2\\) (nested))");
    ASSERT_TRUE(list.valid);
    ASSERT_EQ(list.mailboxes.size(), 1U);
    const auto& m = list.mailboxes[0];
    EXPECT_EQ(m.display_name, "Doe, John Q.");
    EXPECT_EQ(m.local, "john.doe");
    EXPECT_EQ(m.domain, "example.org");
    EXPECT_EQ(m.comments, "c1 c2) (nested)");
    EXPECT_EQ(m.address(), "john.doe@example.org");
}

TEST(Mailbox, IsReadInAllCurrentForms)
{
    for (const char* value :
         {"a@example.org", "<a@example.org>", "A <a@example.org>", "\"A\" <a@example.org>",
          " \r\n\ta@example.org ", "a @ example.org", "a(x)@(y)example.org(z)", "A\r\n <a@example.org>",
          "< a@example.org >", "=?utf-8?q?=C3=A4?= <a@example.org>", "\"a\"@example.org",
          "J. R. <a@example.org>", "A<a@example.org>", "\"\" <a@example.org>",
          "(only a comment) a@example.org", "Jürgen <a@example.org>"}) {
        EXPECT_TRUE(parse_mailboxes(value).valid) << value;
        EXPECT_EQ(addresses(value), "a@example.org") << value;
    }
    EXPECT_EQ(addresses("postmaster@[192.0.2.1]"), "postmaster@[192.0.2.1]");
    EXPECT_EQ(addresses("jürgen@bücher.example"), "jürgen@bücher.example");
}

TEST(Mailbox, LocalPartsAreQuotedWhereTheyMustBe)
{
    for (const char* address :
         {"\"a b\"@x", "\"a@b\"@x", "\"a\\\"b\\\\c\"@x", "\"\"@x", "\"a..b\"@x", "\".a\"@x"}) {
        EXPECT_TRUE(parse_mailboxes(address).valid) << address;
        EXPECT_EQ(addresses(address), address);
    }
    EXPECT_EQ(addresses("\"a.b\"@x"), "a.b@x");
    EXPECT_EQ(Mailbox{}.address(), "");
}

TEST(Mailbox, SeveralAreReadInOrder)
{
    const auto list = parse_mailboxes("a@x, B <b@y>,\r\n \"c, d\" <c@z> (e, f@g)");
    EXPECT_TRUE(list.valid);
    EXPECT_FALSE(list.group);
    EXPECT_EQ(addresses("a@x, B <b@y>,\r\n \"c, d\" <c@z> (e, f@g)"), "a@x b@y c@z");
}

TEST(Mailbox, GroupsAreReadAndSaidToBeGroups)
{
    for (const char* value :
         {"undisclosed-recipients:;", "A Group: a@x, B <b@y>;", "g:a@x;, b@y", "g:(c);(d)", "a@x, g: b@y;"}) {
        const auto list = parse_mailboxes(value);
        EXPECT_TRUE(list.valid) << value;
        EXPECT_TRUE(list.group) << value;
    }
    EXPECT_EQ(addresses("A Group: a@x, B <b@y>;"), "a@x b@y");
    for (const char* bad : {"g: a@x", "g: h: a@x;;", ": a@x;", "g: a@x; b@y", "a@x;", "g: ,a@x;", "g: a@x;;"})
        EXPECT_FALSE(parse_mailboxes(bad).valid) << bad;
}

TEST(Mailbox, WhatIsOutsideTheGrammarIsInvalid)
{
    for (const char* bad : {"",
                            " ",
                            "Alice",
                            "\"alice@example.org\"",
                            "<>",
                            "A <>",
                            "@",
                            "a@",
                            "@x",
                            "a",
                            "a@x,",
                            ",a@x",
                            "a@x,,b@y",
                            "a@x b@y",
                            "a@x <b@y>",
                            "<a@x> <b@y>",
                            "<a@x> b",
                            "a@x@y",
                            "a b@x",
                            "a..b@x",
                            ".a@x",
                            "a.@x",
                            "a@x..y",
                            "a@.x",
                            "a@x.",
                            "a . b@x",
                            "a@x . y",
                            "\"a\".b@x",
                            "\"a\"b@x",
                            "a\"b\"@x",
                            "<a@x",
                            "a@x>",
                            "A <a@x",
                            "A <a@x>>",
                            "<<a@x>>",
                            "<@r:a@x>",
                            "<@r,@s:a@x>",
                            "\"a@x",
                            "a@x (",
                            "a@x (b\\)",
                            "a@x)",
                            "a@[192.0.2.1",
                            "a@[x]y",
                            "a@x[y]",
                            "a\\@x",
                            "A, B <a@x>",
                            "A: <a@x>",
                            "a@x\r\nFrom: b@y",
                            "a@x\nb@y",
                            "a@x\rb@y",
                            "a@x \x01",
                            "\x7f@x",
                            "\"\x01\"@x",
                            "\xe4@x",
                            "\xc3@x",
                            "\"\xe4\" <a@x>",
                            "M\xfcller <a@x>",
                            "a@\xc0\xaf",
                            "(\xe4) a@x",
                            "a@x; b@y"})
        EXPECT_FALSE(parse_mailboxes(bad).valid) << bad;
    EXPECT_FALSE(parse_mailboxes("a@x\0"sv).valid);
    EXPECT_FALSE(parse_mailboxes("\"a\0b\"@x"sv).valid);
    EXPECT_FALSE(parse_mailboxes("a@x (\0)"sv).valid);
}

TEST(Mailbox, ARouteIsInvalidButItsAddressIsSeen)
{
    const auto list = parse_mailboxes("A <@relay.example,@b:a@x>");
    EXPECT_FALSE(list.valid);
    ASSERT_FALSE(list.mailboxes.empty());
}

TEST(Mailbox, NestedCommentsAreBounded)
{
    EXPECT_TRUE(parse_mailboxes("a@x " + std::string(50, '(') + std::string(50, ')')).valid);
    EXPECT_FALSE(parse_mailboxes("a@x " + std::string(51, '(') + std::string(51, ')')).valid);
}

TEST(Mailbox, ValuesOverTheLimitAreInvalid)
{
    EXPECT_FALSE(parse_mailboxes("a@example.org", 12).valid);
    EXPECT_TRUE(parse_mailboxes("a@example.org", 13).valid);
    const Stopwatch watch;
    for (const char* c : {"(", ",", "<", "\"", "a@x,", "@", ":", "a ", ";", "\\", "=?"}) {
        std::string value;
        while (value.size() < 100'000) value += c;
        EXPECT_FALSE(parse_mailboxes(value).valid);
    }
    EXPECT_LT(watch.seconds(), 5.0);
}

TEST(AddressSpec, IsAnAddressAndNothingElse)
{
    Mailbox m;
    ASSERT_TRUE(parse_address("Alice@Example.ORG", m));
    EXPECT_EQ(m.local, "Alice");
    EXPECT_EQ(m.domain, "Example.ORG");
    ASSERT_TRUE(parse_address("\"a b\"@x", m));
    EXPECT_EQ(m.local, "a b");
    EXPECT_TRUE(parse_address("a@[IPv6:2001:db8::1]", m));
    EXPECT_TRUE(parse_address("bounce+a=b.example@x", m));
    for (const char* bad : {"", "a", "<a@x>", " a@x", "a@x ", "a @x", "a@ x", "(c)a@x", "a@x(c)", "a@x,b@y",
                            "A <a@x>", "g:a@x;", "a@x@y", "a..b@x", "a@", "@x", "*@x y", "a@x\n"})
        EXPECT_FALSE(parse_address(bad, m)) << bad;
    EXPECT_FALSE(parse_address("a@x\0"sv, m));
}

TEST(Author, IsTheOnlyMailboxOfTheOnlyFromField)
{
    const auto a = author({"Alice <alice@example.org>"});
    EXPECT_EQ(a.status, AuthorStatus::ok);
    EXPECT_EQ(a.address(), "alice@example.org");
    EXPECT_EQ(a.mailbox.display_name, "Alice");
}

TEST(Author, IsNobodyWhereFromIsAmbiguous)
{
    EXPECT_EQ(author({}).status, AuthorStatus::missing);
    EXPECT_EQ(author({"a@x", "a@x"}).status, AuthorStatus::several_fields);
    EXPECT_EQ(author({"a@x, b@y"}).status, AuthorStatus::several_mailboxes);
    EXPECT_EQ(author({"a@x, a@x"}).status, AuthorStatus::several_mailboxes);
    EXPECT_EQ(author({"g: a@x;"}).status, AuthorStatus::group);
    EXPECT_EQ(author({"undisclosed:;"}).status, AuthorStatus::group);
    EXPECT_EQ(author({""}).status, AuthorStatus::invalid);
    EXPECT_EQ(author({"<>"}).status, AuthorStatus::invalid);
    EXPECT_EQ(author({"Alice"}).status, AuthorStatus::invalid);
    EXPECT_EQ(author({"a@x, b@y"}).address(), "");
    EXPECT_EQ(author_of(parse_header("from : a@x\r\nFROM: b@y\r\n").fields).status,
              AuthorStatus::several_fields);
    EXPECT_EQ(author_of(parse_header("X-From: a@x\r\nResent-From: b@y\r\n").fields).status,
              AuthorStatus::missing);
}

// What is shown to a reader as alice@example.org, but is not.
TEST(Author, IsNotWhomADisplayNameOrCommentNames)
{
    const struct {
        std::string_view value;
        const char* address;  // "" where the field must not count at all
    } tricks[] = {
        {"\"alice@example.org\" <eve@evil.example>", "eve@evil.example"},
        {"\"alice@example.org <alice@example.org>\" <eve@evil.example>", "eve@evil.example"},
        {"eve@evil.example (alice@example.org)", "eve@evil.example"},
        {"eve@evil.example (<alice@example.org>)", "eve@evil.example"},
        {"eve@evil.example (\\) alice@example.org)", "eve@evil.example"},
        {"=?utf-8?q?alice=40example=2Eorg?= <eve@evil.example>", "eve@evil.example"},
        {"\"alice@example.org\"@evil.example", "\"alice@example.org\"@evil.example"},
        {"alice@example.org <eve@evil.example>", ""},
        {"<alice@example.org> <eve@evil.example>", ""},
        {"alice@example.org, <eve@evil.example>", ""},
        {"<alice@example.org>, eve@evil.example", ""},
        {"<@alice@example.org:eve@evil.example>", ""},
        {"alice@example.org\0<eve@evil.example>"sv, ""},
        {"alice@example.org\0@evil.example"sv, ""},
        {"alice@example.org\r<eve@evil.example>", ""},
        {"alice@example.org@evil.example", ""},
        {"alice%example.org@evil.example", "alice%example.org@evil.example"},
        {"alice@example.org (\r\neve@evil.example", ""},
        {"alice@example.org:;<eve@evil.example>", ""},
        {"Alice: alice@example.org; <eve@evil.example>", ""},
        {"<alice@example.org", ""},
        {"\"Alice <alice@example.org>, eve\"@evil.example",
         "\"Alice <alice@example.org>, eve\"@evil.example"},
    };
    for (const auto& t : tricks) EXPECT_EQ(author({t.value}).address(), t.address) << t.value;
}

TEST(Author, StatusesHaveDescriptions)
{
    EXPECT_STREQ(describe(AuthorStatus::several_fields), "several From fields");
    EXPECT_STREQ(describe(AuthorStatus::invalid), "malformed From");
}

TEST(SameAddress, IgnoresTheCaseOfAsciiOnly)
{
    EXPECT_TRUE(same_address("Alice@Example.org", "alice@EXAMPLE.ORG"));
    EXPECT_FALSE(same_address("alice+x@example.org", "alice@example.org"));
    EXPECT_FALSE(same_address("a.lice@example.org", "alice@example.org"));
    EXPECT_FALSE(same_address("alice@example.org", "alice@example.org.evil"));
    EXPECT_TRUE(same_address("jürgen@x", "jürgen@X"));
    EXPECT_FALSE(same_address("Jürgen@x", "jürgen@x"));
    EXPECT_FALSE(same_address("jÜrgen@x", "jürgen@x"));
    EXPECT_FALSE(same_address("", ""));
    EXPECT_FALSE(same_address("alice", "alice"));
    EXPECT_FALSE(same_address("\"alice@example.org\"@x", "alice@example.org"));
}

TEST(AddressPattern, CoversTheWholeAddress)
{
    EXPECT_TRUE(address_matches("*@example.org", "Alice@EXAMPLE.org"));
    EXPECT_TRUE(address_matches("al?ce@*", "ALICE@example.org"));
    EXPECT_TRUE(address_matches("*", "a@x"));
    EXPECT_TRUE(address_matches("*", ""));
    EXPECT_FALSE(address_matches("*@example.org", "\"a@example.org\"@evil"));
    EXPECT_FALSE(address_matches("*@example.org", "a@example.org.evil"));
    EXPECT_FALSE(address_matches("alice@example.org", "xalice@example.org"));
    EXPECT_FALSE(address_matches("", "a@x"));
    EXPECT_TRUE(address_matches("jürgen@*", "jürgen@X.example"));
    EXPECT_FALSE(address_matches("Jürgen@*", "jürgen@x.example"));
    EXPECT_TRUE(address_matches("*@X.example", "jürgen@x.example"));
    EXPECT_FALSE(address_matches("a*a*a*a*a*a*a*b", std::string(5000, 'a') + "@x"));
}

TEST(DomainOf, IsWhatFollowsTheLastUnquotedAt)
{
    EXPECT_EQ(domain_of("a@Example.ORG"), "example.org");
    EXPECT_EQ(domain_of("\"a@b\"@c"), "c");
    EXPECT_EQ(domain_of("\"a\\\"@b\"@C"), "c");
    EXPECT_EQ(domain_of("\"a@b\""), "");
    EXPECT_EQ(domain_of("alice"), "");
    EXPECT_EQ(domain_of(""), "");
}

// A valid list, written again from its parts, reads the same.
TEST(MailboxProperty, ValidAddressesSurviveBeingWrittenAgain)
{
    constexpr std::string_view tokens[] = {"a",  "b.c",         "@",    "@x.y", "<", ">",
                                           "\"", "\"q\\\" @\"", "(c)",  " ",    ",", "\\",
                                           ":",  ";",           "@[1]", "ä",    ".", "\r\n "};
    std::mt19937 random(7);
    int valid = 0;
    for (int i = 0; i < 20'000; ++i) {
        std::string value;
        for (auto n = 3 + random() % 6; n > 0; --n) value += tokens[random() % std::size(tokens)];
        const auto list = parse_mailboxes(value);
        if (!list.valid) continue;
        for (const auto& m : list.mailboxes) {
            ++valid;
            Mailbox again;
            ASSERT_TRUE(parse_address(m.address(), again)) << value;
            ASSERT_EQ(again.local, m.local) << value;
            ASSERT_EQ(again.domain, m.domain) << value;
            ASSERT_TRUE(same_address(m.address(), again.address()));
            ASSERT_EQ(domain_of(m.address()), mime::ascii_domain(m.domain));
        }
    }
    EXPECT_GT(valid, 100);
}

TEST(Address, DomainsBeyondAsciiHaveTwoForms)
{
    if (mime::ascii_domain("m\xC3\xBCnchen.example") == "m\xC3\xBCnchen.example")
        GTEST_SKIP() << "built without libidn2";
    const std::string u = "alice@m\xC3\xBCnchen.example", a = "alice@xn--mnchen-3ya.example";
    EXPECT_TRUE(mime::same_address(u, a));
    EXPECT_TRUE(mime::same_address("ALICE@M\xC3\x9CNCHEN.Example", a)) << "the capital letter too";
    EXPECT_FALSE(mime::same_address("alice@munchen.example", a));
    EXPECT_EQ(mime::address_key(u), mime::address_key(a));
    EXPECT_NE(mime::address_key("J\xC3\xB6rg@x.example"), mime::address_key("j\xC3\xB6rg@x.example"));
    EXPECT_FALSE(mime::same_address("J\xC3\xB6rg@x.example", "j\xC3\xB6rg@x.example"));
    EXPECT_EQ(mime::domain_of(u), "xn--mnchen-3ya.example");
    EXPECT_TRUE(mime::address_matches("*@m\xC3\xBCnchen.example", a));
    EXPECT_TRUE(mime::address_matches("*@xn--mnchen-3ya.example", u));
    EXPECT_FALSE(mime::address_matches("bob@m\xC3\xBCnchen.example", a));
    // What is no name has no other form, and nothing breaks.
    for (const char* odd : {"a@\xFF.example", "a@\xE2\x80\x8B.example", "a@", "@\xC3\xBC", "\xC3\xBC"})
        EXPECT_EQ(mime::same_address(odd, a), false) << odd;
    EXPECT_TRUE(mime::same_address("a@\xFF.example", "A@\xFF.EXAMPLE"));
}

}  // namespace
