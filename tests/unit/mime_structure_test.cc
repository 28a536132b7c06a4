#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "mime/structure.h"
#include "mime_support.h"

namespace
{

using namespace mime;
using namespace mime_test;

TEST(Structure, APlainMessageIsOnePart)
{
    const Parsed m(crlf("Subject: x\n\nhello\n"));
    ASSERT_EQ(m.size(), 1U);
    EXPECT_EQ(m.root().section, "");
    EXPECT_EQ(m.root().body, "hello\r\n");
    EXPECT_EQ(m.root().whole, m.octets());
    EXPECT_TRUE(m.root().content_type.is("text", "plain"));
    EXPECT_FALSE(m.structure().defects.any());
    EXPECT_EQ(Parsed(crlf("Subject: x\n\n")).root().body, "");
}

TEST(Structure, TheLineBreakBeforeADelimiterBelongsToTheDelimiter)
{
    const Parsed m(multipart("b",
                             "pre\n--b\n\none\n\n--b\nContent-Type: Text/HTML\nContent-Transfer-Encoding: "
                             "(c) Base64\n\ntwo\n--b--\nepi\n"));
    EXPECT_EQ(m.outline(), "[]multipart/mixed [1]text/plain [2]text/html");
    EXPECT_EQ(m.root().preamble, "pre");
    EXPECT_EQ(m.root().epilogue, "epi\r\n");
    EXPECT_EQ(m[1].whole, "\r\none\r\n");
    EXPECT_EQ(m[1].body, "one\r\n");
    EXPECT_EQ(m[2].whole, crlf("Content-Type: Text/HTML\nContent-Transfer-Encoding: (c) Base64\n\ntwo"));
    EXPECT_EQ(m[2].body, "two");
    EXPECT_EQ(m[2].encoding, "base64");
    EXPECT_EQ(m[2].parent, 0);
    EXPECT_EQ(m[2].depth, 1);
    EXPECT_FALSE(m.structure().defects.any());
}

TEST(Structure, APartWithoutABodyHasAWholeHeader)
{
    const Parsed m(multipart("b", "--b\nContent-Type: text/html\n\n--b\n\n--b--"));
    ASSERT_EQ(m.size(), 3U);
    EXPECT_EQ(m[1].whole, "Content-Type: text/html\r\n");
    EXPECT_EQ(m[1].header.body, m[1].whole.size());
    EXPECT_EQ(m[1].body, "");
    EXPECT_EQ(m[2].whole, "");
    EXPECT_FALSE(m.structure().defects.any());
}

TEST(Structure, AHeaderThatRunsIntoADelimiterIsUnterminated)
{
    const Parsed m(multipart("a:b", "--a:b\nX: y\n--a:b\n--a:b--\n"));
    ASSERT_EQ(m.size(), 3U) << "a delimiter is no header field, even if it has a colon";
    EXPECT_EQ(m[1].header.fields.size(), 1U);
    EXPECT_TRUE(m[1].defects.has(Defect::unterminated_header));
    EXPECT_EQ(m[1].body, "");
    EXPECT_EQ(m[2].whole, "");
    const Parsed junk(multipart("b", "--b\nX: y\njunk\nmore: x\n--b--\n"));
    EXPECT_TRUE(junk[1].defects.has(Defect::unterminated_header));
    EXPECT_EQ(junk[1].body, "junk\r\nmore: x");
}

TEST(Structure, OuterDelimitersEndInnerParts)
{
    const Parsed m(
        multipart("o", "--o\nContent-Type: multipart/mixed; boundary=i\n\n--i\n\nA\n--o\n\nB\n--o--\n"));
    EXPECT_EQ(m.outline(), "[]multipart/mixed [1]multipart/mixed [1.1]text/plain [2]text/plain");
    EXPECT_EQ(m[2].body, "A");
    EXPECT_EQ(m[3].body, "B");
    EXPECT_TRUE(m[1].defects.has(Defect::missing_close));
    EXPECT_FALSE(m[0].defects.any());
}

TEST(Structure, CloseDelimiterWithTrailingBlankInANestedMultipartLosesNothing)
{
    const Parsed m(
        multipart("o",
                  "--o \nContent-Type: multipart/alternative; boundary=i\n\n--i\n\nA\n--i--\t \nepi\n"
                  "--o\n\nB\n--o-- \n"));
    ASSERT_EQ(m.size(), 4U);
    EXPECT_EQ(m[1].epilogue, "epi");
    EXPECT_EQ(m[2].body, "A");
    EXPECT_EQ(m[3].body, "B");
    EXPECT_TRUE(m[0].defects.has(Defect::blank_delimiter));
    EXPECT_TRUE(m[1].defects.has(Defect::blank_delimiter));
    EXPECT_FALSE(m.has(Defect::ambiguous_boundary));
    EXPECT_FALSE(m.has(Defect::missing_close));
}

TEST(Structure, AMultipartWithoutAnyDelimiterIsAllPreamble)
{
    const Parsed m(multipart("b", "just\ntext\n"));
    ASSERT_EQ(m.size(), 1U);
    EXPECT_EQ(m.root().preamble, "just\r\ntext\r\n");
    EXPECT_TRUE(m.has(Defect::no_parts));
    EXPECT_TRUE(m.has(Defect::missing_close));
    EXPECT_TRUE(Parsed(multipart("b", "x\n--b--\ny")).has(Defect::no_parts));
}

TEST(Structure, BoundariesAreReadOutOfQuotesAndFolds)
{
    const Parsed m("content-type: multipart/mixed;\r\n\tname=\"a;b\";\r\n boundary=\"x;y z\"\r\n\r\n" +
                   crlf("--x;y z\n\nA\n--x;y z--\n"));
    ASSERT_EQ(m.size(), 2U);
    EXPECT_EQ(m[1].body, "A");
}

TEST(Structure, ContentFieldsCountWithoutMimeVersion)
{
    EXPECT_EQ(Parsed("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--").size(), 2U);
}

TEST(Structure, HeaderDefectsAreFoundInPartsAndInTheRootsContentFields)
{
    const Parsed m(multipart("b",
                             "--b\nContent-Type: text/plain\nCONTENT-TYPE: text/html\n\n--b\n"
                             "Content-Type : text/plain\n\n--b\nContent-Type: text\n\n--b\nX: " +
                                 std::string(990, 'x') + "\n\n--b--"));
    ASSERT_EQ(m.size(), 5U);
    EXPECT_TRUE(m[1].defects.has(Defect::duplicate_type));
    EXPECT_TRUE(m[2].defects.has(Defect::spaced_colon));
    EXPECT_TRUE(m[3].defects.has(Defect::invalid_type));
    EXPECT_TRUE(m[4].defects.has(Defect::long_header_line));
    for (std::size_t i = 1; i < 5; ++i) EXPECT_TRUE(m[i].content_type.is("text", i == 3 ? "" : "plain"));

    const std::string body = "\r\n\r\n--b\r\n\r\n--b--";
    EXPECT_TRUE(Parsed("Content-Type : multipart/mixed; boundary=b" + body).has(Defect::spaced_colon));
    EXPECT_TRUE(
        Parsed("Content-Type: multipart/mixed; boundary=b; boundary=c" + body).has(Defect::invalid_type));
    EXPECT_FALSE(Parsed("Subject : x\r\nReferences: " + std::string(990, 'x') +
                        "\r\nContent-Type: multipart/mixed; boundary=b" + body)
                     .structure()
                     .defects.any());
}

TEST(Boundary, PrefixLinesAreNotDelimiters)
{
    const Parsed m(multipart("b", "--b\n\nA\n--bX\n--b -\n--b---\nB\n--b--\n"));
    ASSERT_EQ(m.size(), 2U);
    EXPECT_EQ(m[1].body, "A\r\n--bX\r\n--b -\r\n--b---\r\nB");
    EXPECT_TRUE(m[0].defects.has(Defect::ambiguous_boundary));
    EXPECT_FALSE(
        Parsed(multipart("b", "--b\n\nlook --b here\n --b\n-b\n--a\n--b--\n")).structure().defects.any());
}

TEST(Boundary, AnExactLongerOneIsNoAmbiguity)
{
    const Parsed inner_longer(multipart(
        "b", "--b\nContent-Type: multipart/mixed; boundary=bb\n\n--bb\n\nA\n--bb--\n--b\n\nB\n--b--\n"));
    EXPECT_EQ(inner_longer.outline(), "[]multipart/mixed [1]multipart/mixed [1.1]text/plain [2]text/plain");
    EXPECT_FALSE(inner_longer.structure().defects.any());
    const Parsed outer_longer(multipart(
        "bb", "--bb\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nA\n--b--\n--bb\n\nB\n--bb--\n"));
    EXPECT_EQ(outer_longer.outline(), inner_longer.outline());
    EXPECT_FALSE(outer_longer.structure().defects.any());
}

TEST(Boundary, TheSameOneTwiceIsAmbiguousAndGoesToTheInner)
{
    const Parsed m(
        multipart("b", "--b\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nA\n--b--\n--b--\n"));
    EXPECT_EQ(m.outline(), "[]multipart/mixed [1]multipart/mixed [1.1]text/plain");
    EXPECT_TRUE(m[0].defects.has(Defect::ambiguous_boundary));
    const Parsed dashes(
        multipart("b", "--b\nContent-Type: multipart/mixed; boundary=\"b--\"\n\n--b--\n\nA\n"));
    EXPECT_TRUE(dashes.has(Defect::ambiguous_boundary)) << "close of one, delimiter of the other";
    const Parsed longer(
        multipart("b", "--b\nContent-Type: multipart/mixed; boundary=\"b-\"\n\n--b-\n\nA\n--b--\n"));
    EXPECT_TRUE(longer[1].defects.has(Defect::ambiguous_boundary))
        << "close of the outer, prefix of the inner";
}

TEST(Boundary, LinesAfterTheCloseDelimiterAreAmbiguous)
{
    const Parsed m(multipart("b", "--b\n\nA\n--b--\n--b\n\nhidden\n--b--\n"));
    ASSERT_EQ(m.size(), 2U);
    EXPECT_TRUE(m.has(Defect::ambiguous_boundary));
    EXPECT_EQ(m.root().epilogue, crlf("--b\n\nhidden\n--b--\n"));
}

TEST(Boundary, DelimitersNeedTheirLineBreaksWhole)
{
    for (const char* body : {"--b\n\r\nA\r\n--b--", "\n--b\r\n\r\nA\r\n--b--", "--b\r\n\r\nA\n--b--\r\n",
                             "--b\r\r\n\r\nA\r\n--b--"}) {
        const Parsed m("Content-Type: multipart/mixed; boundary=b\r\n\r\n" + std::string(body));
        EXPECT_TRUE(m.has(Defect::ambiguous_boundary)) << body;
    }
}

TEST(Boundary, OnesThatCannotBeUsedLeaveTheMultipartClosed)
{
    for (const char* type : {"multipart/mixed", "multipart/mixed; boundary=\"\"",
                             "multipart/mixed; boundary=\"b \"", "multipart/mixed; boundary=\"a\tb\""}) {
        const Parsed m(std::string("Content-Type: ") + type + "\r\n\r\n--\r\n\r\nA\r\n----\r\n--b \r\n");
        EXPECT_EQ(m.size(), 1U) << type;
        EXPECT_TRUE(m.has(Defect::missing_boundary)) << type;
        EXPECT_FALSE(m.has(Defect::missing_close)) << type;
    }
}

TEST(Structure, EncodedMultipartsAndMessagesAreNotEntered)
{
    for (const char* cte : {"base64", "quoted-printable", "x-unknown", "7bit junk"}) {
        const std::string field = "Content-Transfer-Encoding: " + std::string(cte) + "\r\n";
        const Parsed m(field + multipart("b", "--b\n\nA\n--b--\n"));
        EXPECT_EQ(m.size(), 1U) << cte;
        EXPECT_TRUE(m.has(Defect::encoded_multipart)) << cte;
        EXPECT_EQ(Parsed(field + "Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\n").size(), 1U) << cte;
    }
    EXPECT_EQ(Parsed("Content-Transfer-Encoding: Binary\r\n" + multipart("b", "--b\n\nA\n--b--\n")).size(),
              2U);
    for (const char* type : {"partial", "external-body", "delivery-status", "global", "http"})
        EXPECT_EQ(Parsed("Content-Type: message/" + std::string(type) + "\r\n\r\nSubject: x\r\n\r\ny").size(),
                  1U);
}

TEST(Structure, SectionsAreThoseOfImap)
{
    const std::string inner = "Content-Type: multipart/mixed; boundary=i\n\n--i\n\nA\n--i\n\nB\n--i--\n";
    const Parsed m(
        multipart("o", "--o\n\ntext\n--o\nContent-Type: message/rfc822\n\nSubject: f\n" + inner +
                           "--o\nContent-Type: message/rfc822\n\nSubject: g\n\nleaf\n--o\nContent-Type: "
                           "message/rfc822\n\nContent-Type: message/rfc822\n\n" +
                           inner + "--o--\n"));
    EXPECT_EQ(m.outline(),
              "[]multipart/mixed [1]text/plain [2]message/rfc822 [2]multipart/mixed [2.1]text/plain "
              "[2.2]text/plain [3]message/rfc822 [3.1]text/plain [4]message/rfc822 [4.1]message/rfc822 "
              "[4.1]multipart/mixed [4.1.1]text/plain [4.1.2]text/plain");
    EXPECT_FALSE(m.structure().defects.any());
    EXPECT_EQ(m[7].whole, crlf("Subject: g\n\nleaf"));
    EXPECT_EQ(Parsed(crlf("Content-Type: message/rfc822\n\n" + inner)).outline(),
              "[]message/rfc822 [1]multipart/mixed [1.1]text/plain [1.2]text/plain");
    EXPECT_EQ(Parsed(crlf("Content-Type: message/rfc822\n\n\nA")).outline(),
              "[]message/rfc822 [1.1]text/plain");
}

TEST(Structure, AnEmptyMessageHasNoParts)
{
    const Parsed m(
        multipart("b", "--b\nContent-Type: message/rfc822\n\n--b\nContent-Type: message/rfc822\n\n\n--b--"));
    EXPECT_EQ(m.outline(), "[]multipart/mixed [1]message/rfc822 [2]message/rfc822 [2.1]text/plain");
    EXPECT_FALSE(m.structure().defects.any());
    EXPECT_EQ(Parsed("Content-Type: message/rfc822\r\n\r\n").size(), 1U);
}

TEST(Structure, PartsOfADigestAreMessagesByDefault)
{
    const Parsed m(
        multipart("b", "--b\n\nSubject: x\n\nA\n--b\nContent-Type: text/plain\n\nB\n--b--\n", "digest"));
    EXPECT_EQ(m.outline(), "[]multipart/digest [1]message/rfc822 [1.1]text/plain [2]text/plain");
    EXPECT_FALSE(m[1].content_type.present);
    EXPECT_EQ(m[2].body, "A");
}

TEST(Structure, HeaderAndBodyOfTheRootNeedNotBeAdjacent)
{
    const std::string fields = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
    const std::string body = "--b\r\n\r\nA\r\n--b--\r\n";
    const auto structure = parse_structure(parse_header(fields), body);
    ASSERT_EQ(structure.parts.size(), 2U);
    EXPECT_EQ(structure.parts[0].whole, "");
    EXPECT_EQ(structure.parts[0].body, body);
    EXPECT_EQ(structure.parts[1].body, "A");
    EXPECT_EQ(parse_structure(Header{}, {}).parts.size(), 1U);
}

TEST(Structure, APreambleOfMoreThan64KiBMayContainDashes)
{
    std::string pre;
    while (pre.size() < 70'000) pre += "-- --b --x\n--not\n--\n";
    const Parsed m(multipart("bound", pre + "--bound\n\nA\n--bound--\n"));
    ASSERT_EQ(m.size(), 2U);
    EXPECT_EQ(m[1].body, "A");
    EXPECT_EQ(m.root().preamble.size() + 2, crlf(pre).size());
    EXPECT_FALSE(m.structure().defects.any());
}

// --- hostile shapes --------------------------------------------------------------

TEST(Hostile, NestsOfAHundredThousandMultipartsEndAtTheLimit)
{
    std::string text;
    for (int i = 0; i < 100'000; ++i) {
        const std::string b = std::to_string(i);
        text.append("Content-Type: multipart/mixed; boundary=")
            .append(b)
            .append("\r\n\r\n--")
            .append(b)
            .append("\r\n");
    }
    const Stopwatch watch;
    const Parsed m(std::move(text));
    EXPECT_EQ(m.size(), 51U);
    EXPECT_EQ(m[50].depth, 50);
    EXPECT_TRUE(m[50].defects.has(Defect::limit));
    EXPECT_LT(watch.seconds(), 5.0);
}

TEST(Hostile, NestsOfAHundredThousandMessagesEndAtTheLimit)
{
    std::string text;
    for (int i = 0; i < 100'000; ++i) text += "Content-Type: message/rfc822\r\n\r\n";
    const Stopwatch watch;
    const Parsed m(std::move(text));
    EXPECT_EQ(m.size(), 51U);
    EXPECT_TRUE(m.has(Defect::limit));
    EXPECT_LT(watch.seconds(), 5.0);
}

TEST(Hostile, PartsAreCountedAndThoseOverTheLimitLeftOut)
{
    std::string parts;
    for (int i = 0; i < 20'000; ++i) parts += "--b\n\nA\n";
    const Stopwatch watch;
    const Parsed m(multipart("b", parts + "--b--\nepi"));
    EXPECT_EQ(m.size(), 10'000U);
    EXPECT_TRUE(m[0].defects.has(Defect::limit));
    EXPECT_FALSE(m[0].defects.has(Defect::missing_close));
    EXPECT_EQ(m[0].epilogue, "epi");
    EXPECT_EQ(m[9'999].body, "A");
    EXPECT_LT(watch.seconds(), 5.0);
}

TEST(Hostile, HeaderFieldsOfAllPartsAreCountedTogether)
{
    std::string parts;
    for (int i = 0; i < 300; ++i) {
        parts += "--b\n";
        for (int j = 0; j < 10; ++j) parts += "A:\n";
        parts += "\n";
    }
    Limits limits;
    limits.fields = 1000;
    const Parsed m(multipart("b", parts + "--b--"), limits);
    std::size_t fields = 0;
    for (const auto& p : m.structure().parts) fields += p.parent < 0 ? 0 : p.header.fields.size();
    EXPECT_EQ(fields, 1000U);
    EXPECT_EQ(m.size(), 301U);
    EXPECT_TRUE(m.has(Defect::limit));
}

TEST(Hostile, MegabytesOfDashLinesUnderManyActiveBoundariesEndInTime)
{
    std::string text;
    const std::string stem(60, '-');
    for (int i = 0; i < 49; ++i) {
        const std::string b = stem + std::to_string(1000 + i);
        text.append("Content-Type: multipart/mixed; boundary=\"")
            .append(b)
            .append("\"\r\n\r\n--")
            .append(b)
            .append("\r\n");
    }
    text += "\r\n";
    for (int i = 0; i < 10'000; ++i) text += "--" + stem + "\r\n";
    for (int i = 0; i < 100'000; ++i) text += "--\r\n";
    const Stopwatch watch;
    const Parsed m(std::move(text));
    EXPECT_EQ(m.size(), 50U);
    EXPECT_FALSE(m.has(Defect::ambiguous_boundary));
    EXPECT_LT(watch.seconds(), 5.0);
}

TEST(Hostile, DelimitersThatLookLikeFieldsAreNotReadTwice)
{
    std::string text = "Content-Type: multipart/mixed; boundary=\"a:\"\r\n\r\n";
    for (int i = 0; i < 200'000; ++i) text += "--a:\r\n";
    const Stopwatch watch;
    const Parsed m(std::move(text));
    EXPECT_EQ(m.size(), 10'000U);
    EXPECT_LT(watch.seconds(), 5.0);
}

// --- properties --------------------------------------------------------------------

// Children lie within their parents, in order and apart; bodies end their parts.
void expect_sound(const Parsed& m)
{
    const auto begin = [&](base::Octets o) { return o.data() - m.octets().data(); };
    const auto end = [&](base::Octets o) { return begin(o) + static_cast<std::ptrdiff_t>(o.size()); };
    std::vector<std::ptrdiff_t> last(m.size());
    for (std::size_t i = 0; i < m.size(); ++i) {
        const Part& p = m[i];
        ASSERT_EQ(end(p.whole), end(p.body));
        ASSERT_EQ(p.whole.substr(p.header.body), p.body);
        if (p.parent < 0) continue;
        const auto parent = static_cast<std::size_t>(p.parent);
        ASSERT_LT(parent, i);
        ASSERT_EQ(p.depth, m[parent].depth + 1);
        ASSERT_GE(begin(p.whole), begin(m[parent].body));
        ASSERT_TRUE(p.whole.empty() || end(p.whole) <= end(m[parent].body));
        ASSERT_GE(begin(p.whole), last[parent]);
        last[parent] = end(p.whole);
    }
}

TEST(StructureProperty, RandomTokensNeverYieldAnUnsoundTree)
{
    constexpr std::string_view tokens[] = {"\r\n",
                                           "\n",
                                           "\r",
                                           "--",
                                           "a",
                                           "b",
                                           "--a\r\n",
                                           "\r\n--a\r\n",
                                           "\r\n--a--\r\n",
                                           "\r\n--ab\r\n",
                                           "\r\n--ab--\r\n",
                                           " ",
                                           ":",
                                           "X: y\r\n",
                                           "Content-Type: multipart/mixed; boundary=a\r\n\r\n",
                                           "Content-Type: multipart/digest; boundary=ab\r\n\r\n",
                                           "Content-Type: message/rfc822\r\n\r\n"};
    std::mt19937 random(2);
    for (int i = 0; i < 4000; ++i) {
        std::string text = "Content-Type: multipart/mixed; boundary=a\r\n\r\n";
        for (auto n = random() % 25; n > 0; --n) text += tokens[random() % std::size(tokens)];
        Limits limits;
        limits.depth = random() % 5;
        limits.parts = 1 + random() % 8;
        const Parsed m(std::move(text), limits);
        ASSERT_LE(m.size(), limits.parts);
        expect_sound(m);
        if (HasFatalFailure()) FAIL() << m.octets();
    }
}

// Trees that are built, not parsed, come back exactly as they were built.
TEST(StructureProperty, BuiltTreesAreFoundExactly)
{
    std::mt19937 random(3);
    for (int i = 0; i < 400; ++i) {
        std::vector<std::string> wholes, sections;
        std::vector<std::size_t> lengths{1, 2, 3, 4, 5};
        std::shuffle(lengths.begin(), lengths.end(), random);
        const std::function<std::string(std::string, int)> build = [&](const std::string& section,
                                                                       int depth) {
            const std::size_t index = wholes.size();
            wholes.emplace_back();
            std::string text;
            const auto kind = depth > 4 ? 0U : random() % 4;
            if (kind < 2) {
                sections.push_back(section);
                text = "X-Part: y\r\n\r\n" + random_octets(random, "a-\t --", random() % 30);
                if (random() % 2 == 0) text += "\r\n\r\n";
            } else {
                // Of nested boundaries one is always the prefix of the other.
                const std::string name(lengths[static_cast<std::size_t>(depth)], 'b');
                text = "Content-Type: multipart/mixed; boundary=\"" + name + "\"\r\n\r\n";
                if (random() % 2 == 0) text += "preamble\r\n";
                sections.push_back(section);
                const auto children = 1 + random() % 3;
                for (std::size_t c = 1; c <= children; ++c)
                    text += "--" + name + "\r\n" +
                            build((section.empty() ? "" : section + ".") + std::to_string(c), depth + 1) +
                            "\r\n";
                text += "--" + name + "--";
                if (random() % 2 == 0) text += "\r\nepilogue";
            }
            wholes[index] = text;
            return text;
        };
        const Parsed m(build("", 0));
        ASSERT_EQ(m.size(), wholes.size());
        for (std::size_t p = 0; p < m.size(); ++p) {
            ASSERT_EQ(m[p].whole, wholes[p]);
            ASSERT_EQ(m[p].section, sections[p]);
        }
        ASSERT_FALSE(m.structure().defects.any()) << m.octets();
    }
}

TEST(Defects, HaveDescriptions)
{
    for (unsigned bit = 0; bit < 12; ++bit)
        EXPECT_STRNE(describe(static_cast<Defect>(1U << bit)), "unknown defect") << bit;
}

}  // namespace
