#include <gtest/gtest.h>

#include "mime/content_type.h"

namespace
{

using namespace mime;
using namespace std::string_literals;
using namespace std::string_view_literals;

TEST(ContentType, ReadsTypesAndParametersWithoutRegardToCase)
{
    const auto type = parse_content_type(" TEXT/Plain; CharSet=\"UTF-8\" ; format=Flowed");
    EXPECT_TRUE(type.valid);
    EXPECT_TRUE(type.is("text", "plain"));
    EXPECT_EQ(*type.parameter("charset"), "UTF-8");
    EXPECT_EQ(*type.parameter("format"), "Flowed");
    EXPECT_EQ(type.parameter("boundary"), nullptr);
}

TEST(ContentType, IsTextPlainWhereTheFieldIsAbsentOrEmpty)
{
    EXPECT_TRUE(ContentType{}.is("text", "plain"));
    EXPECT_FALSE(ContentType{}.present);
    const auto empty = parse_content_type("  ");
    EXPECT_TRUE(empty.is("text", "plain"));
    EXPECT_TRUE(empty.present);
    EXPECT_FALSE(empty.valid);
}

TEST(ContentType, SemicolonsAndEscapesInQuotedStringsAreContent)
{
    const auto type = parse_content_type("multipart/mixed; name=\"a;b\\\"c\\\\d\"; boundary=\"x;y\"");
    EXPECT_TRUE(type.valid);
    EXPECT_EQ(*type.parameter("name"), "a;b\"c\\d");
    EXPECT_EQ(*type.parameter("boundary"), "x;y");
}

TEST(ContentType, CommentsMayStandBetweenAllTokens)
{
    const auto type =
        parse_content_type("(c) multipart (a(b)\\)) / mixed (x) ; (y) boundary (z) = (w) \"b1\" (yo;no=1)");
    EXPECT_TRUE(type.valid);
    EXPECT_TRUE(type.is("multipart", "mixed"));
    ASSERT_EQ(type.parameters.size(), 1U);
    EXPECT_EQ(*type.parameter("boundary"), "b1");
}

TEST(ContentType, FoldedValuesReadAsIfUnfolded)
{
    const auto type = parse_content_type(" multipart/signed;\r\n\tmicalg=sha-256;\n boundary=\"a\r\n b\"");
    EXPECT_TRUE(type.valid);
    EXPECT_EQ(*type.parameter("micalg"), "sha-256");
    EXPECT_EQ(*type.parameter("boundary"), "a b");
}

TEST(ContentType, RepeatedParametersAreSeenAndTheFirstIsTaken)
{
    const auto type = parse_content_type("multipart/mixed; boundary=a; BOUNDARY=b");
    EXPECT_TRUE(type.duplicate_parameter);
    EXPECT_EQ(*type.parameter("boundary"), "a");
    EXPECT_EQ(type.parameters.size(), 2U);
}

TEST(ContentType, WhatIsOutsideTheGrammarIsInvalidButReadAsFarAsItGoes)
{
    const struct {
        const char* value;
        const char* boundary;
    } cases[] = {
        {"multipart/mixed; boundary=----=_Part", "----=_Part"},  // "=" must be quoted
        {"multipart/mixed; boundary=a b", "a b"},
        {"multipart/mixed; boundary=\"a", "a"},
        {"multipart/mixed; boundary=\"a\"b", "a"},
        {"multipart/mixed boundary=a; boundary=b", "b"},
        {"multipart/mixed; foo; boundary=a", "a"},
        {"multipart/mixed; =x; boundary=a", "a"},
        {"multipart; boundary=a", "a"},
        {"multipart/mixed; x=(; boundary=a", nullptr},
        {"multipart/mixed; boundary=", ""},
        {"multipart/mixed; boundary=a; boundary*0=b", "a"},
        {"multipart/mixed; boundary=\"a\rb\"", "a\rb"},
    };
    for (const auto& c : cases) {
        const auto type = parse_content_type(c.value);
        EXPECT_FALSE(type.valid) << c.value;
        EXPECT_TRUE(type.is_multipart()) << c.value;
        const auto* boundary = type.parameter("boundary");
        if (c.boundary == nullptr) {
            EXPECT_EQ(boundary, nullptr) << c.value;
        } else {
            ASSERT_NE(boundary, nullptr) << c.value;
            EXPECT_EQ(*boundary, c.boundary) << c.value;
        }
    }
    EXPECT_FALSE(parse_content_type("text/plain; a=\"\0\""sv).valid);
    EXPECT_FALSE(parse_content_type("text/plain \x01").valid);
}

TEST(ContentType, AnEmptyParameterIsHarmless)
{
    EXPECT_TRUE(parse_content_type("text/plain; charset=utf-8;").valid);
    EXPECT_TRUE(parse_content_type("text/plain;; charset=utf-8 ; ").valid);
}

TEST(ContentType, LimitsMakeItInvalid)
{
    std::string many = "text/plain";
    for (int i = 0; i < 64; ++i) many += "; p" + std::to_string(i) + "=x";
    EXPECT_TRUE(parse_content_type(many).valid);
    const auto more = parse_content_type(many + "; one=more");
    EXPECT_FALSE(more.valid);
    EXPECT_EQ(more.parameters.size(), 64U);
    EXPECT_TRUE(parse_content_type("text/plain; a=\"" + std::string(8000, 'x') + "\"").valid);
    EXPECT_FALSE(parse_content_type("text/plain; a=\"" + std::string(9000, 'x') + "\"").valid);
    EXPECT_TRUE(parse_content_type("text/plain " + std::string(50, '(') + std::string(50, ')')).valid);
    EXPECT_FALSE(parse_content_type("text/plain " + std::string(51, '(') + std::string(51, ')')).valid);
}

TEST(Disposition, HasATypeAndParametersButNoSubtype)
{
    const auto d = parse_disposition(" Attachment; filename=\"smime.p7m\"");
    EXPECT_TRUE(d.valid);
    EXPECT_EQ(d.type, "attachment");
    EXPECT_EQ(d.subtype, "");
    EXPECT_EQ(*d.parameter("filename"), "smime.p7m");
    EXPECT_FALSE(parse_disposition("").valid);
}

}  // namespace
