#include <gtest/gtest.h>

#include "mime/header.h"
#include "mime_support.h"

namespace
{

using namespace mime;
using namespace mime_test;
using namespace std::string_view_literals;

TEST(Header, KeepsEveryOctetOfAField)
{
    const std::string text = crlf("Subject:  two blanks,\n\tfolded \nX-Empty:\n\nbody");
    const auto header = parse_header(text);
    ASSERT_EQ(header.fields.size(), 2U);
    EXPECT_EQ(header.fields[0].raw, "Subject:  two blanks,\r\n\tfolded \r\n");
    EXPECT_EQ(header.fields[0].name, "Subject");
    EXPECT_EQ(header.fields[0].value, "  two blanks,\r\n\tfolded ");
    EXPECT_EQ(header.fields[1].value, "");
    EXPECT_TRUE(header.terminated);
    EXPECT_FALSE(header.junk);
    EXPECT_EQ(text.substr(header.body), "body");
    EXPECT_EQ(header.block.size() + 2, header.body);
}

TEST(Header, AFieldCannotHideBehindABareLineFeed)
{
    const auto header = parse_header("X-A: 1\nFrom: eve@example.net\r\n\r\n");
    ASSERT_EQ(header.fields.size(), 2U);
    EXPECT_EQ(header.fields[0].raw, "X-A: 1\n");
    EXPECT_EQ(header.fields[1].name, "From");
    const auto bare = parse_header("A: 1\n\nB: 2\r\n");
    EXPECT_EQ(bare.fields.size(), 1U);
    EXPECT_TRUE(bare.terminated) << "an empty line with a bare LF ends it too";
    EXPECT_EQ(bare.body, 6U);
}

TEST(Header, ABareCarriageReturnEndsNothing)
{
    const auto header = parse_header("X-A: 1\rFrom: eve@example.net\r\n\r\n");
    ASSERT_EQ(header.fields.size(), 1U);
    EXPECT_EQ(header.fields[0].value, " 1\rFrom: eve@example.net");
}

TEST(Header, JunkEndsTheBlockAndBeginsTheBody)
{
    for (const char* junk : {"no colon here\r\n", " continuation of nothing\r\n", "From bob Mon Nov 23\r\n",
                             ": no name\r\n", "N\xc3\xa4me: 8-bit name\r\n", "\r\r\n", "two words: x\r\n"}) {
        const auto first = parse_header(junk);
        EXPECT_TRUE(first.junk) << junk;
        EXPECT_EQ(first.body, 0U) << junk;
        if (junk[0] == ' ') continue;
        const std::string text = std::string("A: 1\r\n") + junk + "B: 2\r\n\r\n";
        const auto header = parse_header(text);
        EXPECT_TRUE(header.junk);
        EXPECT_FALSE(header.terminated);
        EXPECT_EQ(header.fields.size(), 1U);
        EXPECT_EQ(header.block, "A: 1\r\n");
        EXPECT_EQ(header.body, 6U);
    }
}

TEST(Header, BlanksBeforeTheColonAreNotPartOfTheName)
{
    const auto header = parse_header("Content-Type \t: text/html\r\n\r\n");
    ASSERT_EQ(header.fields.size(), 1U);
    EXPECT_EQ(header.fields[0].name, "Content-Type");
    EXPECT_EQ(header.fields[0].value, " text/html");
}

TEST(Header, ALastLineWithoutItsEndIsAField)
{
    const auto header = parse_header("A: 1\r\nB: 2");
    ASSERT_EQ(header.fields.size(), 2U);
    EXPECT_EQ(header.fields[1].value, " 2");
    EXPECT_EQ(header.body, 10U);
    EXPECT_FALSE(header.terminated);
    EXPECT_TRUE(parse_header("").fields.empty());
}

TEST(Header, NamesAreFoundWithoutRegardToCase)
{
    const auto header = parse_header("content-TYPE: a\r\nContent-Type: b\r\n\r\n");
    EXPECT_EQ(header.count("Content-Type"), 2U);
    EXPECT_EQ(header.find("CONTENT-type")->value, " a");
    EXPECT_EQ(header.find("Content-Typ"), nullptr);
}

TEST(Header, LimitsEndTheBlockBeforeTheLineThatIsTooMuch)
{
    HeaderLimits limits;
    limits.fields = 2;
    const auto fields = parse_header("A: 1\r\nB: 2\r\nC: 3\r\n\r\n", limits);
    EXPECT_TRUE(fields.over_limit);
    EXPECT_EQ(fields.fields.size(), 2U);
    EXPECT_EQ(fields.body, 12U);
    limits.octets = 10;
    const auto octets = parse_header("A: 1\r\nB: 2\r\n\r\n", limits);
    EXPECT_TRUE(octets.over_limit);
    EXPECT_EQ(octets.fields.size(), 1U);
}

TEST(Header, FieldsAndFoldsByTheHundredThousandEndInTime)
{
    const Stopwatch watch;
    std::string folds = "A: 1\r\n";
    for (int i = 0; i < 200'000; ++i) folds += " x\r\n";
    EXPECT_EQ(parse_header(folds).fields.size(), 1U);
    EXPECT_EQ(unfold(parse_header(folds).fields[0].value).size(), 1U + 2 * 200'000);
    std::string fields;
    for (int i = 0; i < 200'000; ++i) fields += "A:\r\n";
    EXPECT_TRUE(parse_header(fields).over_limit);
    EXPECT_LT(watch.seconds(), 5.0);
}

TEST(Header, WhatEverComesInTheFieldsJoinedAreTheBlock)
{
    std::mt19937 random(1);
    for (int i = 0; i < 3000; ++i) {
        const std::string text = random_octets(random, "aB: \t\r\n\n\r-\0\xe4"sv, random() % 40);
        const auto header = parse_header(text);
        std::string joined;
        for (const Field& f : header.fields) {
            joined += f.raw;
            ASSERT_TRUE(f.raw.starts_with(f.name));
            ASSERT_NE(f.raw.find(f.value), std::string::npos);
            ASSERT_FALSE(f.name.empty());
        }
        ASSERT_EQ(joined, header.block);
        ASSERT_LE(header.body, text.size());
        ASSERT_EQ(header.terminated, header.body > header.block.size());
    }
}

TEST(Unfold, RemovesLineBreaksBeforeBlanksOnly)
{
    EXPECT_EQ(unfold(" a\r\n b\n\tc "), "a b\tc");
    EXPECT_EQ(unfold("a\r\nb"), "a\r\nb");
    EXPECT_EQ(unfold("a\rb"), "a\rb");
    EXPECT_EQ(unfold("\r\n \r\n "), "");
}

}  // namespace
