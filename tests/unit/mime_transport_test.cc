#include <gtest/gtest.h>

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
