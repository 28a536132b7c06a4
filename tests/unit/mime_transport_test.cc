#include <gtest/gtest.h>

#include "mime/codec.h"
#include "mime/transport.h"
#include "mime_support.h"

namespace
{

using namespace mime;
using namespace std::string_literals;
using namespace std::string_view_literals;
using namespace mime_test;

// "" when it can travel.
std::string hazard(std::string octets)
{
    const Parsed m(std::move(octets));
    return transport_hazard(m.structure()).value_or("");
}

std::string text(std::string_view body) { return "Content-Type: text/plain\r\n\r\n" + std::string(body); }

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

TEST(TransportHazard, SafeEntitiesHaveNone)
{
    EXPECT_EQ(hazard(text("hello\r\n")), "");
    EXPECT_EQ(hazard(text("")), "");
    EXPECT_EQ(hazard(multipart("b",
                               "pre\n--b\n\nA\n--b\nContent-Type: application/octet-stream\n"
                               "Content-Transfer-Encoding: base64\n\nYQ==\n--b--\nepi\n")),
              "");
}

TEST(TransportHazard, NamesThePart)
{
    EXPECT_EQ(hazard(text("grüß")), "8-bit text in the body");
    const std::string nested =
        "--o\n\nA\n--o\nContent-Type: multipart/alternative; boundary=i\n\n--i\n\nB\n--i\n"
        "Content-Type: text/html\n\n\xe4\n--i--\n--o--\n";
    EXPECT_EQ(hazard(multipart("o", nested)), "8-bit text in part 2.2");
    EXPECT_EQ(hazard(multipart("b", "--b\nContent-Type: image/png\n\n\xe4\n--b--\n")),
              "8-bit octets in part 1");
    EXPECT_EQ(hazard(multipart("b", "--b\nX: \xe4\n\nA\n--b--\n")), "8-bit text in part 1");
    EXPECT_EQ(hazard(multipart("b", "pre\xe4\n--b\n\nA\n--b--\n")), "8-bit octets in the body");
    EXPECT_EQ(hazard(multipart("b", "--b\n\nA\n--b--\n\xe4\n")), "8-bit octets in the body");
    EXPECT_EQ(hazard(multipart("b", "--b\n\n" + std::string(989, 'x') + "\n--b--\n")),
              "a line of 989 octets in part 1");
    EXPECT_EQ(hazard("Content-Description: \xe4\r\n" + text("A")),
              "8-bit octets in the field Content-Description");
}

TEST(TransportHazard, OfTheRootOnlyContentFieldsCount)
{
    EXPECT_EQ(hazard("Subject: grüß\r\nReferences: " + std::string(2000, 'x') + "\r\n" + text("A")), "");
}

TEST(TransportHazard, EncodedPartsAreHeldToTheirOctetsOnly)
{
    for (const char* cte : {"quoted-printable", "base64", "x-uuencode"}) {
        const std::string field = "Content-Transfer-Encoding: " + std::string(cte) + "\r\n";
        EXPECT_EQ(hazard(field + text("trailing \r\nFrom here\r\n.\r\n")), "") << cte;
        EXPECT_EQ(hazard(field + text("\xe4")), "8-bit text in the body") << cte;
        EXPECT_EQ(hazard(field + text(std::string(1000, 'x'))), "a line of 1000 octets in the body") << cte;
    }
}

TEST(TransportHazard, IdentityTextMustNotTemptSoftwareOnTheWay)
{
    EXPECT_EQ(hazard(text("flowed \r\ntext\r\n")), "trailing blanks in the body");
    EXPECT_EQ(hazard(text("tab\t")), "trailing blanks in the body");
    EXPECT_EQ(hazard(text("-- \r\nsignature\r\n")), "trailing blanks in the body");
    EXPECT_EQ(hazard(text("a\r\nFrom me to you\r\n")), "a line starting with \"From \" in the body");
    EXPECT_EQ(hazard(text("a\r\n.\r\nb\r\n")), "a line that is a lone \".\" in the body");
    EXPECT_EQ(hazard(text(".")), "a line that is a lone \".\" in the body");
    EXPECT_EQ(hazard(text("..\r\n.a\r\n From me\r\nFrom\r\n>From me\r\n")), "");
    EXPECT_EQ(
        hazard(multipart("b", "pre \nFrom x\n--b\nContent-Type: application/json\n\nx \n--b--\nepi \n")), "")
        << "not text";
    EXPECT_EQ(hazard("Subject: no type\r\n\r\nGrüße"), "8-bit text in the body");
    EXPECT_EQ(hazard("Subject: no type\r\n\r\nx \r\n"), "trailing blanks in the body");
}

TEST(TransportHazard, DefectsThatMtasRepairCount)
{
    EXPECT_EQ(hazard(multipart("o", "--o\nContent-Type: multipart/mixed; boundary=i\n\n--i\n\nA\n--o--\n")),
              "no close delimiter in part 1");
    EXPECT_EQ(hazard(multipart("b", "--b\n\nA\n")), "no close delimiter in the body");
    EXPECT_EQ(hazard(multipart("b", "--b \n\nA\n--b--\n")), "blanks after a delimiter in the body");
    EXPECT_EQ(hazard(multipart("b", "--b\nContent-Type : text/plain\n\nA\n--b--\n")),
              "blank before the colon of a header field in part 1");
    EXPECT_EQ(hazard(multipart("b", "--b\nno header\n--b--\n")), "no empty line after the header in part 1");
    EXPECT_EQ(hazard("Content-Type: multipart/mixed;\r\n boundary=b; x=" + std::string(990, 'x') +
                     "\r\n\r\n--b\r\n\r\nA\r\n--b--\r\n"),
              "a line of " + std::to_string(990 + 15) + " octets in the field Content-Type");
}

TEST(TransportHazard, WhatIsDeeperThanTheLimitIsNotVouchedFor)
{
    std::string nest;
    for (int i = 0; i < 60; ++i) nest += "Content-Type: message/rfc822\r\n\r\n";
    EXPECT_NE(hazard(nest + "\r\nA").find("over the limit"), std::string::npos);
}

TEST(TransportHazard, OtherDefectsTravelAsTheyAre)
{
    EXPECT_EQ(hazard(multipart("b", "--b\n\nA\n--bX\nB\n--b--\n")), "")
        << "ambiguous, but octets nobody touches";
    EXPECT_EQ(hazard("Content-Transfer-Encoding: base64\r\n" + multipart("b", "--b\n\nA\n--b--\n")), "");
    EXPECT_EQ(hazard("Content-Type: multipart/mixed\r\n\r\n--b\r\n"), "");
    EXPECT_EQ(hazard("Content-Type: text/plain; a=b; a=c\r\n\r\nA"), "");
}

TEST(TransportHazard, ForwardedMessagesAreLookedInto)
{
    const std::string forward = "--b\nContent-Type: message/rfc822\n\nSubject: x\n\n";
    EXPECT_EQ(hazard(multipart("b", forward + "A\n--b--\n")), "");
    EXPECT_EQ(hazard(multipart("b", forward + "\xe4\n--b--\n")), "8-bit text in part 1.1");
    EXPECT_EQ(hazard(multipart("b", forward + "A \n--b--\n")), "trailing blanks in part 1.1");
}

TEST(TransportHazard, SignedAndEncryptedPartsAreHeldToTheirOctetsOnly)
{
    const auto forwarded = [](std::string_view content) {
        return multipart("o", "--o\nContent-Type: multipart/signed; boundary=s; protocol=\"x/y\"\n\n--s\n\n" +
                                  std::string(content) +
                                  "\n--s\nContent-Type: application/pkcs7-signature\n\nx \n"
                                  "--s--\n--o--\n");
    };
    EXPECT_EQ(hazard(forwarded("flowed \n-- \nFrom x\n.")), "");
    EXPECT_EQ(hazard(forwarded("\xe4")), "8-bit text in part 1.1");
    EXPECT_EQ(hazard(forwarded(std::string(989, 'x'))), "a line of 989 octets in part 1.1");
    EXPECT_EQ(hazard(multipart("b", "--b\nContent-Type: application/pkcs7-mime\n\n\xe4\n--b--\n")),
              "8-bit octets in part 1");
}

TEST(TransportHazard, OurOwnQuotedPrintableIsSafe)
{
    const std::string any = "grüß \r\nFrom x\r\n.\r\n--b\r\n\0\r\n"s;
    EXPECT_EQ(hazard("Content-Transfer-Encoding: quoted-printable\r\n" + text(quoted_printable_lines(any))),
              "");
    EXPECT_EQ(hazard("Content-Transfer-Encoding: base64\r\n" + text(base64_lines(any))), "");
}

}  // namespace
