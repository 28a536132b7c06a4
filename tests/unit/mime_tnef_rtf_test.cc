#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "mime/tnef_rtf.h"
#include "unit/tnef_support.h"

namespace
{

using tnef_test::little_endian;
using tnef_test::with_checksum;

constexpr std::string_view first_words =
    "{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript "
    "\\fdecor "
    "MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par "
    "\\pard\\plain\\f0"
    "\\fs20\\b\\i\\u\\tab\\tx";

// Compressed octets, with what they stand for: as MS-OXRTFCP section 3.1 says it, by a
// ring of 4096 octets.
class Ring
{
public:
    Ring() { std::copy(first_words.begin(), first_words.end(), octets_.begin()); }

    void literal(char c)
    {
        token(std::string(1, c), false);
        write(c);
    }
    void reference(std::size_t offset, std::size_t length)
    {
        const auto value = offset << 4U | (length - 2);
        token({static_cast<char>(value >> 8U), static_cast<char>(value)}, true);
        for (std::size_t i = 0; i < length; ++i) write(octets_[(offset + i) % octets_.size()]);
    }
    [[nodiscard]] std::size_t at() const { return at_; }
    [[nodiscard]] const std::string& plain() const { return plain_; }

    [[nodiscard]] std::string ended(std::size_t size)
    {
        token({static_cast<char>(at_ >> 4U), static_cast<char>(at_ << 4U)}, true);
        return with_checksum(little_endian(0, 4) + little_endian(size, 4) + "LZFu" + little_endian(0, 4) +
                             content_);
    }

private:
    void token(const std::string& octets, bool reference)
    {
        if (count_ % 8 == 0) {
            flags_ = content_.size();
            content_ += '\0';
        }
        if (reference)
            content_[flags_] =
                static_cast<char>(static_cast<unsigned char>(content_[flags_]) | 1U << count_ % 8);
        content_ += octets;
        ++count_;
    }
    void write(char c)
    {
        octets_[at_] = c;
        at_ = (at_ + 1) % octets_.size();
        plain_ += c;
    }

    std::array<char, 4096> octets_{};
    std::size_t at_ = first_words.size(), count_ = 0, flags_ = 0;
    std::string content_, plain_;
};

TEST(RtfDecompression, ReferencesAreThoseIntoARing)
{
    std::mt19937 random(7);
    for (int round = 0; round < 200; ++round) {
        Ring ring;
        const std::size_t wanted = random() % 12'000;
        while (ring.plain().size() < wanted) {
            const std::size_t offset = random() % 4096;
            if (random() % 4 == 0 || offset == ring.at())
                ring.literal(static_cast<char>(random() % 256));
            else
                ring.reference(random() % 3 == 0 ? (ring.at() + 4095 - random() % 8) % 4096 : offset,
                               2 + random() % 16);
        }
        const auto all = ring.ended(ring.plain().size());
        ASSERT_EQ(mime::decompress_rtf(all, 20'000), ring.plain()) << round;
    }
}

TEST(RtfDecompression, WhatItStandsForIsAsLongAsItSays)
{
    Ring ring;
    for (int i = 0; i < 20; ++i) ring.reference(0, 17);
    const std::size_t size = ring.plain().size();
    // The last reference may reach beyond the end.
    for (const std::size_t beyond : {0U, 1U, 16U}) {
        Ring same = ring;
        EXPECT_EQ(mime::decompress_rtf(same.ended(size - beyond), size),
                  ring.plain().substr(0, size - beyond));
    }
    EXPECT_EQ(mime::decompress_rtf(Ring(ring).ended(size - 17), size).error(),
              "its compressed text is longer than it says");
    EXPECT_EQ(mime::decompress_rtf(Ring(ring).ended(0), size).error(),
              "its compressed text is longer than it says");
    EXPECT_EQ(mime::decompress_rtf(Ring(ring).ended(size + 1), size + 1).error(),
              "its compressed text is shorter than it says");
    EXPECT_EQ(mime::decompress_rtf(Ring(ring).ended(size), size - 1).error(), "its text is too large");
}

TEST(RtfDecompression, WhoAnnouncesMoreThanThereCanBeIsNotBelieved)
{
    const auto nothing =
        with_checksum(little_endian(0, 4) + little_endian(1'000'000, 4) + "LZFu" + little_endian(0, 4));
    EXPECT_EQ(mime::decompress_rtf(nothing, 1'000'000).error(),
              "its compressed text is shorter than it says");
    // The most that there can be: all references.
    Ring ring;
    for (int i = 0; i < 8 * 100 - 1; ++i) ring.reference((ring.at() + 4095) % 4096, 17);
    const auto all = ring.ended(ring.plain().size());
    EXPECT_GT(ring.plain().size(), (all.size() - 16) * 79 / 10);
    EXPECT_EQ(mime::decompress_rtf(all, 1'000'000), ring.plain());
}

TEST(RtfDecompression, WhatIsNotCompressedIsAsLongAsItSays)
{
    const auto stored = [](std::size_t size) {
        return little_endian(12 + 5, 4) + little_endian(size, 4) + "MELA" + little_endian(0, 4) + "{\\rtf";
    };
    const std::string why = "its text is not as long as it says";
    EXPECT_EQ(mime::decompress_rtf(stored(5), 100), "{\\rtf");
    EXPECT_EQ(mime::decompress_rtf(stored(6), 100).error(), why);
    EXPECT_EQ(mime::decompress_rtf(stored(4), 100).error(), why);
}

std::string read(const std::string& rtf)
{
    mime::CodePages pages;
    const auto body = mime::read_rtf(rtf, pages);
    return body ? body->utf8 : "error: " + body.error();
}

TEST(Rtf, OctetsAreTwoHexadecimalDigits)
{
    EXPECT_EQ(read(R"({\rtf1\ansi \'E4\'e4\'4a})"), "ääJ");
    // What has other digits is a symbol without a meaning, and text.
    EXPECT_EQ(read(R"({\rtf1\ansi \'g0\'0g\'@0})"), "g00g@0");
    EXPECT_EQ(read(R"({\rtf1\ansi \'e)"), "error: its text does not come to its end");
}

TEST(Rtf, WhereAnOctetIsNotInItsCodePageReadingEnds)
{
    EXPECT_EQ(read(R"({\rtf1\ansi\ansicpg932 \'e8 \par more)"),
              "error: its text is not in the code page that it names");
    EXPECT_EQ(read(R"({\rtf1\ansi\ansicpg932 \'e8})"),
              "error: its text is not in the code page that it names");
}

TEST(Rtf, EachFontHasItsCodePage)
{
    const std::string fonts = R"({\rtf1\ansi{\fonttbl{\f0\fcharset128 A;}{\f1\fcharset204 B;}}\pard)";
    std::string rtf = fonts, expected;
    for (int i = 0; i < 5000; ++i) {
        rtf += R"(\f1\'e9\f0\'b8\'e8\'a0 x)";
        expected += "й\xef\xbd\xb8\xe9\x99\x9f x";  // one octet, and two of them
    }
    EXPECT_TRUE(read(rtf + "}") == expected);  // too long to be shown
}

TEST(Rtf, HalvesOfAPairBelongTogetherOnlyWhenNothingStandsBetween)
{
    const std::string half = "\xef\xbf\xbd";
    EXPECT_EQ(read(R"({\rtf1\ansi x\u55357?\u56832?y})"), "x\xf0\x9f\x98\x80y");
    EXPECT_EQ(read(R"({\rtf1\ansi x\u55357?\par\u56832?y})"), "x" + half + "\r\n" + half + "y");
    EXPECT_EQ(read(R"({\rtf1\ansi x\u55357?\tab\u56832?y})"), "x" + half + "\t" + half + "y");
    EXPECT_EQ(read(R"({\rtf1\ansi x\u55357?z\u56832?y})"), "x" + half + "z" + half + "y");
    EXPECT_EQ(read(R"({\rtf1\ansi\fromhtml1\uc0{\*\htmltag64 <a>}\u55357 \~\u56832 })"),
              "<a>" + half + "&nbsp;" + half);
}

TEST(Rtf, ItIsInACodePageThatKeepsAscii)
{
    const std::string why = "error: its text is not in the code page that it names";
    for (const char* page : {"50220", "1200", "65000", "37", "52936", "4711"})
        EXPECT_EQ(read(std::string(R"({\rtf1\ansi\ansicpg)") + page + " text}"), why) << page;
    EXPECT_EQ(read(R"({\rtf1\ansi{\fonttbl{\f0\cpg50220 x;}}\f0 text})"), why);
    EXPECT_EQ(read(R"({\rtf1\ansi{\fonttbl{\f0\cpg50220 x;}}text})"), "text");
    EXPECT_EQ(read(R"({\rtf1\ansi\ansicpg737 text})"), "text");
    EXPECT_EQ(read(R"({\rtf1\ansi\ansicpg737 \'e4})"), why);
}

TEST(Rtf, WhatIsNotReadSaysNothingAboutTheRest)
{
    EXPECT_EQ(read(R"({\rtf1\ansi{\*\x\ansicpg1251}\'e9})"), "é");
    EXPECT_EQ(read(R"({\rtf1\ansi{\*\x\ansicpg1200}\'e9})"), "é");
    EXPECT_EQ(read(R"({\rtf1\ansi{\*\x{\fonttbl{\f0\fcharset204 x;}}}\f0\'e9})"), "é");
    EXPECT_EQ(read(R"({\rtf1\ansi{\*\x\fromhtml1}\endash})"), "\xe2\x80\x93");
    EXPECT_EQ(read(R"({\rtf1\ansi{\*\x\bin3 }}}y}z})"), "z");
}

TEST(Rtf, NoFontIsForgotten)
{
    const auto fonts = [](int count) {
        std::string table = R"({\rtf1\ansi{\fonttbl)";
        for (int i = 0; i < count; ++i) table += "{\\f" + std::to_string(i) + R"(\fcharset204 x;})";
        return read(table + "}\\f" + std::to_string(count - 1) + R"(\'e9})");
    };
    EXPECT_EQ(fonts(10'000), "й");
    EXPECT_EQ(fonts(10'001), "error: its text has too many fonts");
}

TEST(Rtf, WordsAreKnownByAllTheirLetters)
{
    EXPECT_EQ(
        read(
            R"({\rtf1 a\par b\pard c\pa d\Par e\tab f\tabs g\emdash h\emdas i{\pict x}{\pictx y}{\Pict z}})"),
        "a\r\nbcde\tfg\xe2\x80\x94hiyz");
}

std::string octet(unsigned long value)
{
    return std::string(1, static_cast<char>(static_cast<unsigned char>(value)));
}

// A page's characters are kept in tables once there was enough text; before, and for those of
// more than two octets, iconv(3) does all of it.
TEST(CodePages, WhatIsReadFromATableIsWhatIconvSays)
{
    std::mt19937 random(11);
    mime::CodePages warm;
    for (unsigned number = 1; number < 60'000; ++number) {
        if (mime::charset_of_code_page(number) == nullptr) continue;
        (void)warm.utf8(std::string(5000, '\xb1'), number);
        const bool of_two =
            number == 932 || number == 936 || number == 949 || number == 950 || number > 50'000;
        for (unsigned first = 0; first < 256; ++first) {
            mime::CodePages cold;
            ASSERT_EQ(warm.utf8(octet(first), number), cold.utf8(octet(first), number))
                << number << ' ' << first;
            for (unsigned second = 0; of_two && first >= 0x80 && second < 256; ++second) {
                const auto text = octet(first) + octet(second) + (second % 2 == 0 ? "\xb1" : "a");
                ASSERT_EQ(warm.utf8(text, number), cold.utf8(text, number))
                    << number << ' ' << first << ' ' << second;
            }
            for (int i = 0; of_two && i < 100; ++i) {
                std::string text;
                for (auto n = random() % 8; n > 0; --n)
                    text += octet(random() % 4 == 0 ? random() % 256 : 0x81 + random() % 126);
                ASSERT_EQ(warm.utf8(text, number), cold.utf8(text, number))
                    << number << ' ' << ::testing::PrintToString(text);
            }
        }
    }
}

TEST(CodePages, NothingBehindATextIsLookedAt)
{
    // glibc takes both octets and says then that they are no character.
    const std::vector<char> both = {'\xa2', '\xe8'};
    EXPECT_EQ(mime::CodePages().utf8({both.data(), both.size()}, 949), std::nullopt);
}

TEST(CodePages, AccentsStayBehindTheirLetterAndWhatHasNoCharacterWhereItWas)
{
    mime::CodePages pages;
    EXPECT_EQ(pages.utf8("a\xcc\x8dz", 1258), "a\xcc\x80\xc2\x8dz");
    EXPECT_EQ(pages.utf8("\xe9\xc4\x81z", 1255), "\xd7\x99\xd6\xb4\xc2\x81z");
    EXPECT_EQ(pages.utf8("\xe9", 1255), "\xd7\x99");
}

}  // namespace
