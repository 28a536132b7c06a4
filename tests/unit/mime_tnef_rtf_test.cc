#include <gtest/gtest.h>

#include <array>
#include <random>

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

TEST(Rtf, WordsAreKnownByAllTheirLetters)
{
    EXPECT_EQ(
        read(
            R"({\rtf1 a\par b\pard c\pa d\Par e\tab f\tabs g\emdash h\emdas i{\pict x}{\pictx y}{\Pict z}})"),
        "a\r\nbcde\tfg\xe2\x80\x94hiyz");
}

}  // namespace
