#include <gtest/gtest.h>

#include <random>
#include <set>

#include "mime/transport.h"
#include "mime_support.h"

namespace
{

using namespace mime;
using namespace std::string_literals;
using namespace std::string_view_literals;
using namespace mime_test;

TEST(OctetHazard, IsWhatAnMtaWouldChange)
{
    EXPECT_EQ(octet_hazard("plain\r\n\r\n7-bit\tno end"), std::nullopt);
    EXPECT_EQ(octet_hazard(""), std::nullopt);
    EXPECT_EQ(octet_hazard("grüß"), "8-bit octets");
    EXPECT_EQ(octet_hazard("12345678901234567\xff"), "8-bit octets");
    EXPECT_EQ(octet_hazard("a\0b"sv), "a NUL octet");
    EXPECT_EQ(octet_hazard("a\rb\r\n"), "a bare CR");
    EXPECT_EQ(octet_hazard("a\r\r\n"), "a bare CR");
    EXPECT_EQ(octet_hazard("a\r"), "a bare CR");
    EXPECT_EQ(octet_hazard("a\nb\r\n"), "a bare LF");
    EXPECT_EQ(octet_hazard("\n"), "a bare LF");
}

TEST(OctetHazard, LinesMayHave988Octets)
{
    EXPECT_EQ(octet_hazard(std::string(988, 'x') + "\r\n" + std::string(988, 'x')), std::nullopt);
    EXPECT_EQ(octet_hazard("a\r\n" + std::string(989, 'x') + "\r\n"), "a line of 989 octets");
    EXPECT_EQ(octet_hazard(std::string(989, 'x')), "a line of 989 octets");
}

TEST(EightBitTransport, MindsEverythingButEightBitOctets)
{
    EXPECT_TRUE(travels_as_eight_bit("grüß\r\n\r\nno end"));
    EXPECT_TRUE(travels_as_eight_bit(""));
    EXPECT_TRUE(travels_as_eight_bit(std::string(988, '\xff') + "\r\n" + std::string(988, 'x')));
    for (const auto bad : {"a\0b"sv, "a\rb"sv, "a\r"sv, "a\n"sv, "\n"sv})
        EXPECT_FALSE(travels_as_eight_bit(bad)) << bad;
    EXPECT_FALSE(travels_as_eight_bit(std::string(989, 'x')));
    EXPECT_FALSE(travels_as_eight_bit(std::string(989, 'x') + "\r\n"));
}

// Everything that is wrong with the octets, octet by octet; empty: nothing.
std::set<Hazard> hazards_of(std::string_view octets)
{
    std::set<Hazard> found;
    std::size_t line = 0;
    for (std::size_t i = 0; i < octets.size(); ++i) {
        const bool ends = octets.substr(i, 2) == "\r\n";
        if (ends) {
            ++i;
            line = 0;
            continue;
        }
        if (octets[i] == '\r') found.insert(Hazard::bare_cr);
        if (octets[i] == '\n') found.insert(Hazard::bare_lf);
        if (octets[i] == '\0') found.insert(Hazard::nul);
        if (static_cast<unsigned char>(octets[i]) >= 0x80) found.insert(Hazard::eight_bit);
        if (++line > max_line) found.insert(Hazard::long_line);
    }
    return found;
}

// Fed in pieces of up to `most` octets.
Hazard in_pieces(std::string_view octets, std::mt19937& random, std::size_t most)
{
    HazardScan scan;
    while (!octets.empty()) {
        const auto piece = octets.substr(0, random() % (most + 1));
        if (const auto hazard = scan.take(piece); hazard != Hazard::none) return hazard;
        octets.remove_prefix(piece.size());
    }
    return scan.finish();
}

TEST(HazardScan, FindsWhatThereIsHoweverTheOctetsCome)
{
    std::mt19937 random(11);
    const std::string pieces[] = {"\r\n", "\r\n", "\r\n", "\r", "\n", "\xff", "\0"s, std::string(494, 'x'),
                                  "yz"};
    int clean = 0;
    for (int i = 0; i < 20000; ++i) {
        std::string octets;
        // Mostly of what does no harm, so that both answers come up.
        const auto kinds = random() % 3 == 0 ? std::size(pieces) : 3;
        for (auto n = random() % 8; n > 0; --n)
            octets +=
                (random() % 2 == 0 ? pieces[random() % kinds] : pieces[std::size(pieces) - 1 - random() % 2]);
        const auto there = hazards_of(octets);
        clean += there.empty() ? 1 : 0;
        ASSERT_EQ(!octet_hazard(octets), there.empty()) << testing::PrintToString(octets);
        for (const std::size_t most : {std::size_t{1}, std::size_t{3}, std::size_t{600}, octets.size() + 1}) {
            const Hazard found = in_pieces(octets, random, most);
            ASSERT_TRUE(found == Hazard::none ? there.empty() : there.contains(found))
                << testing::PrintToString(octets) << " in pieces of " << most;
        }
    }
    EXPECT_GT(clean, 2000);
    EXPECT_LT(clean, 18000);
}

// What is counted by words, over more of them than one counter holds.
TEST(HazardScan, MissesNothingWhereverItStands)
{
    std::string text;
    while (text.size() < 5000) text += text.size() < 2000 ? "\r\n" : "a line of text\r\n";
    ASSERT_EQ(octet_hazard(text), std::nullopt);
    for (std::size_t at = 0; at < text.size(); ++at)
        for (const char c : {'\r', '\n', '\0', '\xff'}) {
            std::string broken = text;
            broken.insert(at, 1, c);
            ASSERT_TRUE(octet_hazard(broken)) << at;
            ASSERT_EQ(travels_as_eight_bit(broken), c == '\xff' && text.substr(at, 1) != "\n") << at;
        }
}

TEST(FragileText, IsWhatSoftwareOnTheWayIsTemptedToChange)
{
    EXPECT_STREQ(fragile_text("flowed \r\ntext\r\n"), "trailing blanks");
    EXPECT_STREQ(fragile_text("tab\t"), "trailing blanks");
    EXPECT_STREQ(fragile_text("-- \r\nsignature\r\n"), "trailing blanks");
    EXPECT_STREQ(fragile_text("a\r\nFrom me to you\r\n"), "a line starting with \"From \"");
    EXPECT_STREQ(fragile_text("a\r\n.\r\nb\r\n"), "a line that is a lone \".\"");
    EXPECT_STREQ(fragile_text("."), "a line that is a lone \".\"");
    EXPECT_EQ(fragile_text("..\r\n.a\r\n From me\r\nFrom\r\n>From me\r\n"), nullptr);
    EXPECT_EQ(fragile_text(""), nullptr);
}

// "" when no MTA repairs anything.
std::string repaired(std::string octets)
{
    const Parsed m(std::move(octets));
    return repair_hazard(m.structure()).value_or("");
}

TEST(RepairHazard, IsWhatMtasWriteAnewOnDeliveryAndWeDoNotRepair)
{
    EXPECT_EQ(repaired(multipart("b", "pre\n--b\n\nA\n--b--\nepi\n")), "");
    EXPECT_EQ(repaired(multipart("b", "--b\n\nA\n")), "") << "we do";
    EXPECT_EQ(repaired(multipart("b", "--b\nContent-Type : text/plain\n\nA\n--b--\n")),
              "blank before the colon of a header field in part 1");
    EXPECT_EQ(repaired(multipart("b", "--b\nno header\n--b--\n")),
              "no empty line after the header in part 1");
}

TEST(RepairHazard, WhatIsDeeperThanTheLimitIsNotVouchedFor)
{
    std::string nest;
    for (int i = 0; i < 60; ++i) nest += "Content-Type: message/rfc822\r\n\r\n";
    EXPECT_NE(repaired(nest + "\r\nA").find("over the limit"), std::string::npos);
}

TEST(RepairHazard, OtherDefectsTravelAsTheyAre)
{
    EXPECT_EQ(repaired(multipart("b", "--b\n\nA\n--bX\nB\n--b--\n")), "")
        << "ambiguous, but octets nobody touches";
    EXPECT_EQ(repaired("Content-Transfer-Encoding: base64\r\n" + multipart("b", "--b\n\nA\n--b--\n")), "");
    EXPECT_EQ(repaired("Content-Type: multipart/mixed\r\n\r\n--b\r\n"), "");
    EXPECT_EQ(repaired("Content-Type: text/plain; a=b; a=c\r\n\r\nA"), "");
}

}  // namespace
