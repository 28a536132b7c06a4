#include <gtest/gtest.h>

#include "mime/codec.h"
#include "mime_support.h"

namespace
{

using namespace mime;
using namespace std::string_literals;
using namespace std::string_view_literals;
using namespace mime_test;

std::string octets_of_all_kinds(std::mt19937& random)
{
    constexpr std::string_view pieces[] = {"\r\n", "\r", "\n", " ",     "\t", "=",
                                           ".",    "-",  "--", "From ", "ä",  "x"};
    std::string out;
    const auto size = random() % 200;
    const bool text = random() % 2 == 0;
    while (out.size() < size) {
        if (text && random() % 3 == 0)
            out += pieces[random() % std::size(pieces)];
        else if (text)
            out += static_cast<char>(' ' + random() % 95);
        else
            out += static_cast<char>(random() & 0xffU);
    }
    return out;
}

TEST(Base64, LinesAre76ColumnsAndEndWithCrlf)
{
    EXPECT_EQ(base64_lines(""), "");
    EXPECT_EQ(base64_lines("a"), "YQ==\r\n");
    EXPECT_EQ(base64_lines("ab"), "YWI=\r\n");
    EXPECT_EQ(base64_lines("abc"), "YWJj\r\n");
    EXPECT_EQ(base64_lines(std::string(57, 'a')).size(), 78U);
    EXPECT_EQ(base64_lines(std::string(58, 'a')).size(), 78U + 6);
    EXPECT_EQ(base64_lines("\0\xff\x10"s), "AP8Q\r\n");
    const std::string text = base64_lines(std::string(1000, '\xfb'));
    for (std::size_t at = 0; at < text.size();) {
        const auto end = text.find("\r\n", at);
        ASSERT_NE(end, std::string::npos);
        ASSERT_LE(end - at, 76U);
        at = end + 2;
    }
}

TEST(Base64, DecodesWhatItEncoded)
{
    std::mt19937 random(5);
    for (int i = 0; i < 3000; ++i) {
        const std::string octets = octets_of_all_kinds(random);
        ASSERT_EQ(base64_decode(base64_lines(octets)), octets);
    }
}

TEST(Base64, BlanksAndLineBreaksMayStandAnywhere)
{
    EXPECT_EQ(base64_decode(" Y\tW\r\nJ\nj Y\rQ = \r\n=\r\n\r\n"), "abca");
    EXPECT_EQ(base64_decode(""), "");
    EXPECT_EQ(base64_decode("\r\n \r\n"), "");
}

TEST(Base64, RefusesWhatCouldHideSomething)
{
    for (const char* bad : {"YQ",   "YQ=",  "YQ=x=", "YQ==YQ==", "YQ==x",    "Y",       "YWJjY",
                            "Y===", "=",    "====",  "YWI=====", "YWJj=",    "YR==",    "YWJ=",
                            "YW-j", "YW_j", "YW|j",  "YWJj\xe4", "YW\x0bJj", "YQ==\x01"})
        EXPECT_EQ(base64_decode(bad), std::nullopt) << bad;
    EXPECT_EQ(base64_decode("YW\0Jj"sv), std::nullopt);
}

// Every property of quoted-printable text that we promise.
void expect_safe_lines(const std::string& text)
{
    for (std::size_t at = 0; at < text.size();) {
        auto end = text.find("\r\n", at);
        if (end == std::string::npos) end = text.size();
        const std::string_view line = std::string_view(text).substr(at, end - at);
        ASSERT_LE(line.size(), 76U) << text;
        ASSERT_FALSE(line.starts_with("--") || line.starts_with("From ") || line.starts_with(".")) << text;
        ASSERT_TRUE(line.empty() || (line.back() != ' ' && line.back() != '\t')) << text;
        for (const char c : line) ASSERT_TRUE((c >= ' ' && c <= '~') || c == '\t') << text;
        at = end + 2;
    }
}

TEST(QuotedPrintable, KeepsTextReadable)
{
    EXPECT_EQ(quoted_printable_lines(""), "");
    EXPECT_EQ(quoted_printable_lines("hello\r\nworld"), "hello\r\nworld");
    EXPECT_EQ(quoted_printable_lines("hello\r\n\r\n"), "hello\r\n\r\n");
    EXPECT_EQ(quoted_printable_lines("a=b ä\t\r\n-- \r\n"), "a=3Db =C3=A4=09\r\n=2D-=20\r\n");
    EXPECT_EQ(quoted_printable_lines("From me\r\n.\r\n..x\r\nFrom\r\n"),
              "=46rom me\r\n=2E\r\n=2E.x\r\nFrom\r\n");
    EXPECT_EQ(quoted_printable_lines("a\rb\nc\0"sv), "a=0Db=0Ac=00");
    EXPECT_EQ(quoted_printable_lines("a\r\r\nb\n\r\n"), "a=0D\r\nb=0A\r\n");
}

TEST(QuotedPrintable, LinesAreFilledButNotOverfilled)
{
    EXPECT_EQ(quoted_printable_lines(std::string(76, 'x')), std::string(76, 'x'));
    EXPECT_EQ(quoted_printable_lines(std::string(77, 'x')), std::string(75, 'x') + "=\r\nxx");
    EXPECT_EQ(quoted_printable_lines(std::string(73, 'x') + "="), std::string(73, 'x') + "=3D");
    EXPECT_EQ(quoted_printable_lines(std::string(74, 'x') + "="), std::string(74, 'x') + "=\r\n=3D");
    // A soft break must not make a line that looks like a delimiter.
    EXPECT_EQ(quoted_printable_lines(std::string(75, 'x') + "--b"), std::string(75, 'x') + "=\r\n=2D-b");
    EXPECT_EQ(quoted_printable_lines(std::string(75, 'x') + ".b"), std::string(75, 'x') + "=\r\n=2Eb");
    EXPECT_EQ(quoted_printable_lines(std::string(75, 'x') + "From b"),
              std::string(75, 'x') + "=\r\n=46rom b");
}

TEST(QuotedPrintable, DecodesWhatItEncodedAndItsLinesAreSafe)
{
    std::mt19937 random(6);
    for (int i = 0; i < 6000; ++i) {
        const std::string octets = octets_of_all_kinds(random);
        const std::string text = quoted_printable_lines(octets);
        expect_safe_lines(text);
        ASSERT_FALSE(HasFatalFailure());
        ASSERT_EQ(quoted_printable_decode(text), octets);
    }
}

TEST(QuotedPrintable, DecodesWhatOthersWrite)
{
    EXPECT_EQ(quoted_printable_decode("a=3db=C3=a4"), "a=bä");
    EXPECT_EQ(quoted_printable_decode("soft= \t\r\nbreak=\nand=\r\n"), "softbreakand");
    EXPECT_EQ(quoted_printable_decode("padded \t \r\nline \n end  "), "padded\r\nline\n end");
    EXPECT_EQ(quoted_printable_decode("kept=20 \r\n"), "kept \r\n");
    EXPECT_EQ(quoted_printable_decode("last="), "last");
    for (const char* bad : {"=zz", "=4", "=4x", "a=b", "a= b", "=\rx"})
        EXPECT_EQ(quoted_printable_decode(bad), std::nullopt) << bad;
}

TEST(Codec, EncodingsGoByName)
{
    for (const char* identity : {"", "7bit", "8bit", "binary"})
        EXPECT_EQ(decode(identity, "a=3D\r\n"), "a=3D\r\n");
    EXPECT_EQ(decode("base64", "YQ=="), "a");
    EXPECT_EQ(decode("quoted-printable", "a=3D"), "a=");
    EXPECT_EQ(decode("x-uuencode", "a"), std::nullopt);
    EXPECT_EQ(decode("Base64", "YQ=="), std::nullopt) << "names come in lower case";
}

TEST(Codec, MegabytesEndInTime)
{
    const Stopwatch watch;
    const std::string octets(2'000'000, '\xe4');
    EXPECT_EQ(base64_decode(base64_lines(octets)), octets);
    EXPECT_EQ(quoted_printable_decode(quoted_printable_lines(octets)), octets);
    EXPECT_EQ(quoted_printable_decode(std::string(2'000'000, ' ') + "\r\n"), "\r\n");
    EXPECT_EQ(base64_decode(std::string(2'000'000, '\n')), "");
    EXPECT_LT(watch.seconds(), 5.0);
}

}  // namespace
