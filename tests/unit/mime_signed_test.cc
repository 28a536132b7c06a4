#include <gtest/gtest.h>

#include "mime/boundary.h"
#include "mime_support.h"

namespace
{

using namespace mime;
using namespace std::string_literals;
using namespace std::string_view_literals;
using namespace mime_test;

// The result of a split, by value, so that a temporary body can be given.
struct Split {
    bool ok;
    SplitError error;
    std::string content, signature, preamble, epilogue;
};

Split split(const std::string& body, std::string_view boundary = "b")
{
    const auto r = split_signed(body, boundary);
    return {r.ok,
            r.error,
            std::string(r.parts.content),
            std::string(r.parts.signature),
            std::string(r.parts.preamble),
            std::string(r.parts.epilogue)};
}

void expect_error(SplitError error, const std::string& body, std::string_view boundary = "b")
{
    const auto r = split(body, boundary);
    EXPECT_FALSE(r.ok) << body;
    EXPECT_EQ(static_cast<int>(r.error), static_cast<int>(error)) << body;
}

std::string signed_body(std::string_view content, std::string_view boundary = "b")
{
    const std::string b(boundary);
    return "--" + b + "\r\n" + std::string(content) + "\r\n--" + b +
           "\r\nContent-Type: application/pkcs7-signature\r\n\r\nMII=\r\n--" + b + "--\r\n";
}

TEST(SplitSigned, TakesTheOctetsBetweenTheDelimiters)
{
    const auto r =
        split(crlf("This is signed.\n\n--b\nContent-Type: text/plain\n\nhello\n\n--b\nX: sig\n\nMII=\n"
                   "--b--\nepilogue\n"));
    ASSERT_TRUE(r.ok);
    EXPECT_EQ(r.content, crlf("Content-Type: text/plain\n\nhello\n"));
    EXPECT_EQ(r.signature, crlf("X: sig\n\nMII="));
    EXPECT_EQ(r.preamble, crlf("This is signed.\n"));
    EXPECT_EQ(r.epilogue, "epilogue\r\n");
}

TEST(SplitSigned, FirstDelimiterMayBeginTheBodyAndTheLastMayEndIt)
{
    std::string body = signed_body("\r\nx");
    body.resize(body.size() - 2);
    const auto r = split(body);
    ASSERT_TRUE(r.ok);
    EXPECT_EQ(r.content, "\r\nx");
    EXPECT_EQ(r.preamble, "");
    EXPECT_EQ(r.epilogue, "");
}

TEST(SplitSigned, ContentEndsExactlyWhereItEnds)
{
    for (int breaks = 0; breaks <= 3; ++breaks) {
        std::string content = "\r\nx";
        for (int i = 0; i < breaks; ++i) content += "\r\n";
        EXPECT_EQ(split(signed_body(content)).content, content) << breaks;
    }
    const auto empty = split(signed_body(""));
    EXPECT_TRUE(empty.ok);
    EXPECT_EQ(empty.content, "");
    EXPECT_EQ(split(signed_body("\r\nblanks \t \r\n")).content, "\r\nblanks \t \r\n");
}

TEST(SplitSigned, OddOctetsInTheContentAreKept)
{
    const std::string content = "\r\nNUL \0 8-bit \xe4\xff bare \r CR bare \n LF\r\r\n\n"s;
    EXPECT_EQ(split(signed_body(content)).content, content);
}

TEST(SplitSigned, ADelimiterNeedsACrlfOfItsOwn)
{
    expect_error(SplitError::parts, "--b\r\n--b\r\n\r\nMII=\r\n--b--\r\n");
    expect_error(SplitError::parts, "--b\r\n\r\nx\r\n--b\r\n--b--\r\n");
}

TEST(SplitSigned, DelimitersMayEndInBlanks)
{
    const auto r = split("--b \t\r\n\r\nx\r\n--b \r\n\r\nMII=\r\n--b-- \t \r\nepi");
    ASSERT_TRUE(r.ok);
    EXPECT_EQ(r.content, "\r\nx");
    EXPECT_EQ(r.signature, "\r\nMII=");
    EXPECT_EQ(r.epilogue, "epi");
    EXPECT_TRUE(split("--b\r\n\r\nx\r\n--b\r\n\r\nMII=\r\n--b--  ").ok);
}

TEST(SplitSigned, OneOrThreePartsOrNoCloseDelimiterAreRefused)
{
    expect_error(SplitError::parts, "");
    expect_error(SplitError::parts, "text without delimiters\r\n");
    expect_error(SplitError::parts, "--b--\r\n");
    expect_error(SplitError::parts, "--b\r\n\r\nx\r\n--b--\r\n");
    expect_error(SplitError::parts, "--b\r\n\r\nx\r\n--b\r\n\r\nMII=\r\n");
    expect_error(SplitError::parts, "--b\r\n\r\nx\r\n--b\r\n\r\nMII=\r\n--b\r\n\r\ny\r\n--b--\r\n");
    expect_error(SplitError::parts, "--b--\r\n\r\nx\r\n--b\r\n\r\nMII=\r\n--b--\r\n");
    expect_error(SplitError::parts, signed_body("\r\nx") + "--b--\r\n");
    expect_error(SplitError::parts, signed_body("\r\nx") + "\r\n--b\r\n\r\nanother\r\n");
}

TEST(SplitSigned, LinesThatBeginWithTheBoundaryAreAmbiguous)
{
    for (const char* line :
         {"--b2", "--bOUNDARY", "--b x", "--b-", "--b---", "--b--x", "--b--\x0b", "--b\x0b"}) {
        const std::string text = std::string(line) + "\r\n";
        expect_error(SplitError::ambiguous, signed_body("\r\nx\r\n" + text + "y"));
        expect_error(SplitError::ambiguous, text + signed_body("\r\nx"));
        expect_error(SplitError::ambiguous, signed_body("\r\nx") + text);
    }
    EXPECT_TRUE(split(signed_body("\r\n --b\r\nx --b\r\n-b\r\n--B\r\n---b\r\n--\r\n--a")).ok);
}

TEST(SplitSigned, DelimitersBehindOrBeforeBareLineEndsAreAmbiguous)
{
    expect_error(SplitError::ambiguous, signed_body("\r\nx\n--b\r\ny"));
    expect_error(SplitError::ambiguous, signed_body("\r\nx\r--b\r\ny"));
    expect_error(SplitError::ambiguous, signed_body("\r\nx\r\n--b\ny"));
    expect_error(SplitError::ambiguous, signed_body("\r\nx\r\n--b--\ry"));
    expect_error(SplitError::ambiguous, signed_body("\r\nx\r--bx"));
    expect_error(SplitError::ambiguous, "--b\n\nx\n--b\n\nMII=\n--b--\n");
}

TEST(SplitSigned, NestedBoundariesThatExtendTheOuterOneAreAmbiguous)
{
    const std::string nested =
        crlf("Content-Type: multipart/mixed; boundary=b1\n\n--b1\n\nA\n--b1\n\nB\n--b1--\n");
    expect_error(SplitError::ambiguous, signed_body(nested, "b"));
    EXPECT_EQ(split(signed_body(nested, "a"), "a").content, nested);
    EXPECT_EQ(split(signed_body(nested, "b11"), "b11").content, nested)
        << "the inner may be a prefix of the outer";
}

TEST(SplitSigned, BoundaryTextBehind1023OctetsOfALineIsContent)
{
    const std::string content =
        "\r\n" + std::string(1023, 'x') + "--b and more\r\n" + std::string(1023, 'x') + "--b";
    EXPECT_EQ(split(signed_body(content)).content, content);
}

TEST(SplitSigned, ALongPreambleMovesNothing)
{
    std::string pre;
    while (pre.size() < 70'000) pre += "-- a preamble --\r\n--\r\n";
    const auto r = split(pre + signed_body("\r\nx"));
    ASSERT_TRUE(r.ok);
    EXPECT_EQ(r.preamble + "\r\n", pre);
    EXPECT_EQ(r.content, "\r\nx");
}

TEST(SplitSigned, UnusableBoundariesAreRefused)
{
    for (std::string_view boundary : {std::string_view(""), std::string_view("b "), std::string_view("b\t"),
                                      std::string_view("a\r\nb"), "a\0b"sv}) {
        EXPECT_FALSE(is_usable_boundary(boundary));
        expect_error(SplitError::boundary, signed_body("\r\nx", boundary), boundary);
    }
    for (const char* boundary : {"a b", "=_'()+_,-./:=?", "----=_smime_0", "--", "a;b", "b--"})
        EXPECT_TRUE(split(signed_body("\r\nx", boundary), boundary).ok) << boundary;
}

TEST(SplitSigned, LongBoundariesAndMegabytesOfDashesEndInTime)
{
    const Stopwatch watch;
    const std::string boundary = std::string(4000, '-') + "x";
    const std::string dashes = std::string(2'000'000, '-');
    EXPECT_TRUE(split(signed_body("\r\n" + dashes, boundary), boundary).ok);
    std::string lines = "\r\n";
    while (lines.size() < 1'000'000) lines += "--\r\n";
    EXPECT_TRUE(split(signed_body(lines, boundary), boundary).ok);
    EXPECT_LT(watch.seconds(), 5.0);
}

// The tree and the splitter are two readers of one grammar.
TEST(SplitSigned, AgreesWithTheTree)
{
    constexpr std::string_view tokens[] = {
        "\r\n",         "\n",           "x",           " ", "--b\r\n", "\r\n--b\r\n", "\r\n--b--\r\n",
        "\r\n--b \r\n", "\r\n--bb\r\n", "A: b\r\n\r\n"};
    std::mt19937 random(4);
    int good = 0;
    for (int i = 0; i < 20'000; ++i) {
        std::string body = "--b\r\n\r\n";
        for (auto n = 2 + random() % 6; n > 0; --n) body += tokens[random() % std::size(tokens)];
        if (random() % 2 == 0) body += "\r\n--b--";
        const Parsed m("Content-Type: multipart/signed; boundary=b\r\n\r\n" + body);
        const auto r = split_signed(m.root().body, "b");
        if (!r.ok) continue;
        ++good;
        ASSERT_EQ(m.size(), 3U) << body;
        ASSERT_EQ(m[1].whole, r.parts.content) << body;
        ASSERT_EQ(m[2].whole, r.parts.signature) << body;
        ASSERT_EQ(m.root().epilogue, r.parts.epilogue) << body;
        ASSERT_FALSE(m.has(Defect::ambiguous_boundary) || m.has(Defect::missing_close)) << body;
    }
    EXPECT_GT(good, 200);
}

}  // namespace
