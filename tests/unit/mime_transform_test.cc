#include <gtest/gtest.h>

#include "mime/transport.h"
#include "transform_support.h"

namespace
{

using namespace mime;
using namespace std::string_literals;
using namespace mime_test;

std::string text(std::string_view body, std::string_view type = "text/plain")
{
    return "Content-Type: " + std::string(type) + "\r\n\r\n" + std::string(body);
}

std::string encoded(std::string_view encoding, std::string_view body, std::string_view type = "text/plain")
{
    return "Content-Type: " + std::string(type) + "\r\nContent-Transfer-Encoding: " + std::string(encoding) +
           "\r\n\r\n" + std::string(body);
}

std::string result(std::string octets)
{
    const Parsed before(std::move(octets));
    EXPECT_EQ(broken_promise(before), "");
    const auto made = seven_bit(before);
    return made.ok() ? made.octets : "refused: " + made.reason;
}

std::string reason(std::string octets) { return seven_bit(std::move(octets)).reason; }

void expect_untouched(const std::string& octets) { EXPECT_EQ(result(octets), octets); }

TEST(Transform, WhatTravelsAsItIsStaysOctetForOctet)
{
    expect_untouched(text("hello\r\n"));
    expect_untouched(text(""));
    expect_untouched("Subject: no type\r\n\r\nhello");
    expect_untouched(multipart("b",
                               "pre \nFrom x\n--b\n\nA\n--b\nContent-Type: application/octet-stream\n"
                               "Content-Transfer-Encoding: base64\n\nYQ==\n--b--\nepi\n"));
    expect_untouched(multipart("b", "--b\nContent-Type: application/json\n\nx \nFrom y\n--b--\n"));
    EXPECT_FALSE(seven_bit(text("hello\r\n")).changed);
}

TEST(Transform, EightBitTextIsQuoted)
{
    EXPECT_EQ(
        result(text("Gr\xc3\xbc\xc3\x9f"
                    "e,\r\n\r\nsee you.\r\n",
                    "text/plain; charset=utf-8")),
        encoded("quoted-printable", "Gr=C3=BC=C3=9Fe,\r\n\r\nsee you.\r\n", "text/plain; charset=utf-8"));
    EXPECT_EQ(result(encoded("8bit", "caf\xe9", "text/html; charset=iso-8859-1")),
              encoded("quoted-printable", "caf=E9", "text/html; charset=iso-8859-1"));
    EXPECT_EQ(
        result("Subject: x\r\n\r\n\xe9 is one of many letters\r\n"),
        "Subject: x\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=E9 is one of many letters\r\n");
}

TEST(Transform, TextThatIsMostlyNotAsciiGoesIntoBase64)
{
    const std::string cyrillic = "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82\r\n";
    EXPECT_EQ(result(text(cyrillic, "text/plain; charset=utf-8")),
              encoded("base64", base64_lines(cyrillic), "text/plain; charset=utf-8"));
    EXPECT_NE(result(text("many plain words and one \xd0\x9f\r\n")).find("quoted-printable"),
              std::string::npos);
}

TEST(Transform, TextInWideCharsetsOrWithNulGoesIntoBase64)
{
    EXPECT_NE(result(text("h\0i\0"s, "text/plain; charset=UTF-16LE")).find(": base64"), std::string::npos);
    EXPECT_NE(result(text("a\xe9 plain text", "text/plain; charset=utf-32")).find(": base64"),
              std::string::npos);
    EXPECT_NE(result(text("a long text with a NUL\0 in it"s)).find(": base64"), std::string::npos);
}

TEST(Transform, OtherLeavesGoIntoBase64)
{
    for (const char* type : {"application/pdf", "image/png", "application/x-unknown", "strange/type"}) {
        EXPECT_EQ(result(encoded("8bit", "%PDF\xe4\xf6", type)),
                  encoded("base64", base64_lines("%PDF\xe4\xf6"), type));
        EXPECT_EQ(result(encoded("binary", "a\rb\nc\0"s, type)),
                  encoded("base64", base64_lines("a\rb\nc\0"s), type));
        EXPECT_EQ(result(encoded("7bit", std::string(989, 'x'), type)),
                  encoded("base64", base64_lines(std::string(989, 'x')), type));
    }
}

TEST(Transform, LinesMayHave988Octets)
{
    expect_untouched(text(std::string(988, 'x') + "\r\n"));
    const std::string made = result(text(std::string(989, 'x') + "\r\n"));
    EXPECT_NE(made.find("quoted-printable"), std::string::npos);
    EXPECT_EQ(octet_hazard(made), std::nullopt);
}

TEST(Transform, BareCarriageReturnsAndLineFeedsAreContent)
{
    EXPECT_EQ(result(text("a\rb\nc\r\r\nd\r\n")), encoded("quoted-printable", "a=0Db=0Ac=0D\r\nd\r\n"));
}

TEST(Transform, TextThatTemptsSoftwareOnTheWayIsQuoted)
{
    EXPECT_EQ(result(text("From me\r\nto you\r\n")), encoded("quoted-printable", "=46rom me\r\nto you\r\n"));
    EXPECT_EQ(result(text("a\r\n.\r\nb\r\n")), encoded("quoted-printable", "a\r\n=2E\r\nb\r\n"));
    EXPECT_EQ(result(text("a\t\r\nb\r\n")), encoded("quoted-printable", "a=09\r\nb\r\n"));
}

TEST(Transform, FlowedTextKeepsItsSoftBreaksAndSignatureSeparator)
{
    const std::string type = "text/plain; charset=us-ascii; format=flowed; delsp=yes";
    EXPECT_EQ(result(text("soft \r\nbreak\r\n-- \r\nAlice\r\n", type)),
              encoded("quoted-printable", "soft=20\r\nbreak\r\n=2D-=20\r\nAlice\r\n", type))
        << "the parameters stay, and the line that looks like a delimiter does not";
}

TEST(Transform, EncodedPartsAreCopied)
{
    for (const std::string body : {"odd =e4=\r\n  line \r\n--x\r\nFrom y\r\n.", "YW\r\nJj"}) {
        expect_untouched(encoded("quoted-printable", body));
        expect_untouched(encoded("base64", body));
        expect_untouched(encoded("x-uuencode", body));
    }
}

TEST(Transform, EncodedPartsThatAreNotSevenBitAreRefused)
{
    EXPECT_EQ(reason(encoded("quoted-printable", "=4\xe4")),
              "8-bit text in the body, which is encoded already");
    EXPECT_EQ(reason(encoded("quoted-printable", "=\xe4")),
              "8-bit text in the body, which is encoded already");
    EXPECT_EQ(reason(encoded("quoted-printable", "\xe4\0"s)),
              "8-bit text in the body, which is encoded already");
    EXPECT_EQ(reason(encoded("base64", "YQ==\xe4", "image/png")),
              "8-bit octets in the body, which is encoded already");
    EXPECT_EQ(reason(encoded("quoted-printable", std::string(1000, 'Y'))),
              "a line of 1000 octets in the body, which is encoded already");
    EXPECT_EQ(reason(encoded("base64", std::string(1000, 'Y') + "!", "image/png")),
              "a line of 1001 octets in the body, which is encoded already")
        << "who reads past what is no base64 is anybody's guess";
    EXPECT_EQ(reason(encoded("x-uuencode", "a\rb")), "a bare CR in the body, which is encoded already");
}

TEST(Transform, Base64InLinesThatAreTooLongOrOddlyEndedIsWrappedAnew)
{
    const std::string octets(750, '\xe4');
    const std::string lines = base64_lines(octets);
    std::string one_line, odd;
    for (const char c : lines) {
        if (c != '\r' && c != '\n') one_line += c;
        if (c != '\r') odd += c;
    }
    EXPECT_EQ(result(encoded("base64", one_line, "image/png")), encoded("base64", lines, "image/png"));
    EXPECT_EQ(result(encoded("base64", odd, "image/png")), encoded("base64", lines, "image/png"));
}

TEST(Transform, RawOctetsInQuotedPrintableAreEscapedAndNothingElse)
{
    EXPECT_EQ(result(encoded("quoted-printable", "=41 \xe4 \r\n=\r\n\xc3\xa4=20\r\n.\r\n")),
              encoded("quoted-printable", "=41 =E4 \r\n=\r\n=C3=A4=20\r\n.\r\n"));
}

TEST(Transform, OnlyThePartsThatNeedItChange)
{
    EXPECT_EQ(
        result(multipart("o",
                         "pre\n--o\nContent-Type: multipart/alternative; boundary=\"i\"\n"
                         "Content-Transfer-Encoding: 8bit\n\n--i\n\nplain \n--i\nContent-Type: text/html\n"
                         "X-Y:  z\n\n\xe4 <p>\n--i--\n--o\nContent-Type: image/png\n\n\xe4\n--o--\nepi\n")),
        multipart("o",
                  "pre\n--o\nContent-Type: multipart/alternative; boundary=\"i\"\n"
                  "Content-Transfer-Encoding: 7bit\n\n--i\nContent-Transfer-Encoding: quoted-printable\n\n"
                  "plain=20\n--i\nContent-Type: text/html\nX-Y:  z\n"
                  "Content-Transfer-Encoding: quoted-printable\n\n=E4 <p>\n--i--\n--o\n"
                  "Content-Type: image/png\nContent-Transfer-Encoding: base64\n\n5A==\n\n--o--\nepi\n"));
}

TEST(Transform, LabelsThatPromiseEightBitAreCorrected)
{
    EXPECT_EQ(result(encoded("8bit", "plain")), encoded("7bit", "plain"));
    EXPECT_EQ(result("content-transfer-ENCODING:\t 8Bit (really)\r\n\r\nplain"),
              "content-transfer-ENCODING: 7bit\r\n\r\nplain");
    EXPECT_EQ(result(multipart(
                  "b", "--b\nContent-Transfer-Encoding: binary\nContent-Type: image/png\n\nx\n--b--\n")),
              multipart("b", "--b\nContent-Transfer-Encoding: 7bit\nContent-Type: image/png\n\nx\n--b--\n"));
    EXPECT_EQ(seven_bit(encoded("8bit", "plain")).encoded, 0);
}

TEST(Transform, ForwardedMessagesAreEnteredAndNeverEncodedThemselves)
{
    EXPECT_EQ(result(multipart("b",
                               "--b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: 8bit\n\n"
                               "Subject: inner\nContent-Transfer-Encoding: 8bit\n\ncaf\xe9\n--b--\n")),
              multipart("b",
                        "--b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: 7bit\n\n"
                        "Subject: inner\nContent-Transfer-Encoding: quoted-printable\n\ncaf=E9\n--b--\n"));
    EXPECT_EQ(result("Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nflowed \r\n"),
              "Content-Type: message/rfc822\r\n\r\nSubject: x\r\nContent-Transfer-Encoding: "
              "quoted-printable\r\n\r\n"
              "flowed=20\r\n");
    EXPECT_EQ(
        result(multipart("b", "--b\n\nSubject: x\n\n\xe9 one\n--b--\n", "digest")),
        multipart("b", "--b\n\nSubject: x\nContent-Transfer-Encoding: quoted-printable\n\n=E9 one\n--b--\n",
                  "digest"));
    EXPECT_EQ(reason("Content-Type: message/rfc822\r\n\r\nSubject: caf\xe9\r\n\r\nx\r\n"),
              "8-bit octets in the field Subject in part 1.1");
}

TEST(Transform, InternationalMessagesMayBeEncodedAndOtherMessagesNot)
{
    const std::string inner = "Subject: caf\xc3\xa9\r\n\r\nx\r\n";
    for (const char* type : {"message/global", "message/global-headers", "message/global-delivery-status"})
        EXPECT_EQ(result(text(inner, type)), "Content-Type: " + std::string(type) +
                                                 "\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
                                                 base64_lines(inner));
    for (const char* type : {"message/partial", "message/external-body", "message/delivery-status",
                             "message/disposition-notification", "message/feedback-report"}) {
        EXPECT_EQ(reason(text(inner, type)), "8-bit octets in the body, which must not be encoded");
        expect_untouched(text("Reporting-MTA: dns; x \r\n", type));
    }
}

std::string with_signed_part(std::string_view content)
{
    return multipart("o", "--o\nContent-Type: multipart/signed; boundary=s; protocol=\"x/y\"\n\n--s\n" +
                              std::string(content) +
                              "\n--s\nContent-Type: application/pkcs7-signature\n\nx \n--s--\n--o--\n");
}

TEST(Transform, SignedAndEncryptedPartsAreNeverTouched)
{
    expect_untouched(with_signed_part("\nflowed \n-- \nFrom x\n."));
    EXPECT_EQ(reason(with_signed_part("\n\xe4")), "8-bit octets in part 1, which is signed or encrypted");
    EXPECT_EQ(reason(with_signed_part("Content-Description: \xc3\xa4\n\nx")),
              "8-bit octets in part 1, which is signed or encrypted");
    EXPECT_EQ(reason(with_signed_part("\n" + std::string(989, 'x'))),
              "a line of 989 octets in part 1, which is signed or encrypted");
    EXPECT_EQ(reason(with_signed_part("Content-Transfer-Encoding: 8bit\n\nplain")),
              "Content-Transfer-Encoding 8bit in part 1.1, which is signed or encrypted")
        << "Postfix would encode it on a 7-bit path";
    for (const char* type :
         {"application/pkcs7-mime", "application/x-pkcs7-mime", "application/pkcs7-signature"}) {
        EXPECT_EQ(reason(text("\xe4", type)), "8-bit octets in the body, which is signed or encrypted");
        expect_untouched(text("blanks \r\n", type));
    }
}

TEST(Transform, EncryptedMultipartsAreNeverTouched)
{
    expect_untouched(multipart("b", "--b\n\nblanks \n--b\n\n-- \n--b--\n", "encrypted"));
    EXPECT_EQ(reason(multipart("b", "--b\n\nA\n--b\n\n\xe4\n--b--\n", "encrypted")),
              "8-bit octets in the body, which is signed or encrypted");
}

TEST(Transform, TextAroundThePartsIsKeptUnlessItCannotTravel)
{
    EXPECT_EQ(result(multipart("b", "caf\xe9\n--b\n\nA\n--b--\nepi \n")),
              multipart("b", "\n--b\n\nA\n--b--\nepi \n"));
    EXPECT_EQ(result(multipart("b", "pre\n--b\n\nA\n--b--\n" + std::string(989, 'x'))),
              multipart("b", "pre\n--b\n\nA\n--b--\n"));
}

TEST(Transform, FileNamesInUtf8BecomeExtendedParameters)
{
    EXPECT_EQ(result("Content-Type: application/pdf; name=\"\xc3\x9c"
                     "bersicht 1.pdf\"; x=y\r\n"
                     "Content-Disposition: attachment;\r\n\tfilename=\"\xc3\x9c"
                     "bersicht 1.pdf\"\r\n"
                     "Content-Transfer-Encoding: base64\r\n\r\nYQ==\r\n"),
              "Content-Type: application/pdf; name*=utf-8''%C3%9Cbersicht%201.pdf; x=y\r\n"
              "Content-Disposition: attachment;\r\n\tfilename*=utf-8''%C3%9Cbersicht%201.pdf\r\n"
              "Content-Transfer-Encoding: base64\r\n\r\nYQ==\r\n");
    EXPECT_EQ(result("Content-Disposition: attachment; filename=\"a;\\\"\xc3\xa4.txt\"; size=3\r\n\r\nabc"),
              "Content-Disposition: attachment; filename*=utf-8''a%3B%22%C3%A4.txt; size=3\r\n\r\nabc");
    EXPECT_EQ(result("Content-Type: text/plain; x-note=\"\xc3\xa9t\xc3\xa9\"\r\n\r\nabc"),
              "Content-Type: text/plain; x-note*=utf-8''%C3%A9t%C3%A9\r\n\r\nabc");
    EXPECT_EQ(result("Content-Disposition: attachment; filename=\"caf\xe9\"\r\n\r\nabc"),
              "Content-Disposition: attachment; filename*=unknown-8bit''caf%E9\r\n\r\nabc")
        << "whatever charset that is, the octets are kept";
    EXPECT_EQ(result("Content-Description: caf\xe9\r\n\r\nabc"),
              "Content-Description: =?unknown-8bit?B?Y2Fm6Q==?=\r\n\r\nabc");
    EXPECT_EQ(result("Content-Description: caf\xc3\xa9 noir\r\n\r\nabc"),
              "Content-Description: =?utf-8?B?Y2Fmw6kgbm9pcg==?=\r\n\r\nabc");
}

TEST(Transform, LongFileNamesStartALineOfTheirOwn)
{
    std::string name, wanted;
    for (int i = 0; i < 10; ++i) {
        name += "\xc3\xa4";
        wanted += "%C3%A4";
    }
    EXPECT_EQ(result("Content-Disposition: attachment; filename=" + name + "\r\n\r\nabc"),
              "Content-Disposition: attachment;\r\n filename*=utf-8''" + wanted + "\r\n\r\nabc");
    for (int i = 0; i < 160; ++i) name += "\xc3\xa4";
    EXPECT_EQ(reason("Content-Disposition: attachment; filename=" + name + "\r\n\r\nabc"),
              "8-bit octets in the field Content-Disposition");
}

TEST(Transform, OtherEightBitHeaderFieldsAreRefused)
{
    for (const char* field : {
             "Content-Type: text/plain; x-note=\"caf\xe9\"",                                // not UTF-8
             "Content-Disposition: attachment; filename=\"\xc3\xa9\"; filename*=utf-8''e",  // which one?
             "Content-Disposition: attachment; filename=\"\xc3\xa9\"; filename=\"x\"",      // which one?
             "Content-Disposition: attachment; filename=\"=?utf-8?q?x?= \xc3\xa9\"",        // both ways
             "Content-Disposition: attachment; boundary=\"\xc3\xa9\"",      // readers compare its octets
             "Content-Disposition: attachment; x*0=\"\xc3\xa9\"",           // extended already
             "Content-Disposition: caf\xc3\xa9; filename=x",                // not a parameter
             "Content-Disposition: attachment; filename=\"x\" (\xc3\xa9)",  // a comment
             "Content-Description: =?utf-8?q?x?= \xc3\xa9",                 // both ways
             "Content-Location: \xc3\xa9",
         })
        EXPECT_EQ(reason(field + "\r\n\r\nabc"s),
                  "8-bit octets in the field " + std::string(field, std::string_view(field).find(':')));
    EXPECT_EQ(reason(multipart("b", "--b\nX-Y: \xc3\xa9\n\nA\n--b--\n")),
              "8-bit octets in the field X-Y in part 1");
    EXPECT_EQ(reason("Content-Description: a\0b\r\n\r\nabc"s),
              "a NUL octet in the field Content-Description");
    EXPECT_EQ(reason("Content-Description: " + std::string(1000, 'x') + "\r\n\r\nabc"),
              "a line of 1021 octets in the field Content-Description")
        << "there is no blank to fold before";
}

TEST(Transform, OfTheRootOnlyContentFieldsCount)
{
    expect_untouched("Subject: gr\xc3\xbc\xc3\x9f\r\nReferences: " + std::string(2000, 'x') + "\r\n" +
                     text("A"));
}

TEST(Transform, MultipartsThatReadersSeeDifferentlyAreKeptOrRefused)
{
    const std::string ambiguous = "--b\n\nA \n--bX\nB\n--b--\n";
    expect_untouched(multipart("b", ambiguous));
    EXPECT_EQ(reason(multipart("b", "--b\n\n\xe4\n--bX\nB\n--b--\n")),
              "8-bit octets in the body, a multipart with an ambiguous boundary");
    const std::string base64 = "Content-Transfer-Encoding: base64\r\n";
    expect_untouched(base64 + multipart("b", "--b\n\nA \n--b--\n"));
    EXPECT_EQ(reason(base64 + multipart("b", "--b\n\n\xe4\n--b--\n")),
              "8-bit octets in the body, a transfer-encoded multipart");
    expect_untouched("Content-Type: multipart/mixed\r\n\r\n--b \r\n");
    EXPECT_EQ(reason("Content-Type: multipart/mixed\r\n\r\n--b\xe4\r\n"),
              "8-bit octets in the body, a multipart without a usable boundary");
    EXPECT_EQ(
        reason("Content-Type: multipart/mixed; boundary=b; boundary=c\r\n\r\n--b\r\n\r\n\xe4\r\n--b--\r\n"),
        "8-bit octets in the body, a multipart with a parameter twice");
    EXPECT_EQ(reason("Content-Type: =?x?q?multipart/mixed?=\r\n\r\n\xe4\r\n"),
              "8-bit text in the body, of malformed Content-Type");
}

TEST(Transform, MalformedTypesOfLeavesAreNoObstacle)
{
    EXPECT_EQ(result(text("\xe4 and more", "text")), encoded("quoted-printable", "=E4 and more", "text"));
    EXPECT_EQ(result(text("\xe4 and more", "text/plain; charset")),
              encoded("quoted-printable", "=E4 and more", "text/plain; charset"));
}

TEST(Transform, FieldsThatAreThereTwiceAreNotRewritten)
{
    const std::string twice = "--b\nContent-Type: text/plain\nContent-Type: text/html\n\n";
    expect_untouched(multipart("b", twice + "plain \n--b--\n"));
    EXPECT_EQ(reason(multipart("b", twice + "\xe4 and more\n--b--\n")),
              "8-bit text in part 1, whose header has fields twice");
    EXPECT_EQ(reason("Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\nx"),
              "two Content-Type or Content-Transfer-Encoding fields");
}

// What Sendmail would add on delivery is added before the signature is made.
TEST(Transform, MultipartsWithoutCloseDelimiterGetOne)
{
    EXPECT_EQ(result(multipart("b", "--b\n\nA\n")), multipart("b", "--b\n\nA\n--b--\n"));
    EXPECT_EQ(result(multipart("b", "--b\n\nA")), multipart("b", "--b\n\nA\n--b--\n"));
    const std::string inner = "--o\nContent-Type: multipart/mixed; boundary=\"i j\"\n\n--i j\n\nA\n";
    EXPECT_EQ(result(multipart("o", inner + "--o\n\nB\n--o--\n")),
              multipart("o", inner + "--i j--\n--o\n\nB\n--o--\n"));
    EXPECT_EQ(result(multipart("o", inner)), multipart("o", inner + "--i j--\n--o--\n"));
    EXPECT_EQ(reason(multipart("b", "--b\n\nA\n--bX\n")),
              "no close delimiter in the body, a multipart with an ambiguous boundary");
    EXPECT_EQ(result(multipart("b", "no delimiter\n")), multipart("b", "no delimiter\n--b--\n"));
    EXPECT_EQ(reason(multipart("b", "\xe4\n")), "8-bit octets in the body, a multipart without parts");
}

TEST(Transform, BlanksAfterDelimitersGo)
{
    EXPECT_EQ(result(multipart("b", "pre\n--b \n\nA\n--b\t \n\nB\n--b-- \nepi\n")),
              multipart("b", "pre\n--b\n\nA\n--b\n\nB\n--b--\nepi\n"));
    EXPECT_EQ(result(multipart("b", "--b\n\nA\n--b--\t")), multipart("b", "--b\n\nA\n--b--"));
}

TEST(Transform, PartsOfHeaderOnlyGetTheirEmptyLine)
{
    EXPECT_EQ(result(multipart("b", "--b\nX: y\n--b\n\nA\n--b--\n")),
              multipart("b", "--b\nX: y\n\n--b\n\nA\n--b--\n"));
    EXPECT_EQ(reason(multipart("b", "--b\n--b\n\nA\n--b--\n")), "no empty line after the header in part 1")
        << "readers take the two delimiters for one";
    EXPECT_EQ(result(multipart("b", "--b\nX: y")), multipart("b", "--b\nX: y\n\n--b--\n"));
    EXPECT_EQ(
        result(multipart("o", "--o\nContent-Type: multipart/mixed; boundary=i\n\n--i\nX: y\n--o--\n")),
        multipart("o", "--o\nContent-Type: multipart/mixed; boundary=i\n\n--i\nX: y\n\n--i--\n--o--\n"));
    EXPECT_EQ(result(multipart("b", "--b\nContent-Transfer-Encoding: 8bit\n--b--\n")),
              multipart("b", "--b\nContent-Transfer-Encoding: 7bit\n\n--b--\n"));
    EXPECT_EQ(reason(multipart("b", "--b\nX: y\njunk\n--b--\n")), "no empty line after the header in part 1")
        << "where its content begins is for each reader to guess";
}

TEST(Transform, MboxLinesBeforeTheHeaderOfAForwardedMessageGo)
{
    const std::string before = "--b\nContent-Type: message/rfc822\n\n",
                      after = "Subject: x\n\nhello\n--b--\n";
    EXPECT_EQ(result(multipart("b", before + "From a@b Mon Nov 23 12:00:00 2026\n" + after)),
              multipart("b", before + after));
    EXPECT_EQ(reason(multipart("b", before + ">From - Fri Dec 13\n" + after)),
              "no empty line after the header in part 1.1")
        << "readers disagree";
    EXPECT_EQ(result(multipart("b", "--b\n\nFrom me\n--b--\n")),
              multipart("b", "--b\nContent-Transfer-Encoding: quoted-printable\n\n=46rom me\n--b--\n"))
        << "in text it is content";
}

TEST(Transform, LongHeaderLinesOfPartsAreFolded)
{
    std::string words;
    for (int i = 0; i < 200; ++i) words += " word" + std::to_string(i);
    const std::string made = result(multipart("b", "--b\nX-Words:" + words + "\n\nA\n--b--\n"));
    EXPECT_EQ(octet_hazard(made), std::nullopt);
    const Parsed after(made);
    ASSERT_EQ(after[1].header.fields.size(), 1U);
    EXPECT_EQ(" " + unfold(after[1].header.fields[0].value), words);
    EXPECT_EQ(reason(multipart("b", "--b\nX: " + std::string(990, 'x') + "\n\nA\n--b--\n")),
              "a line of 993 octets in the field X in part 1");
}

TEST(Transform, DefectsInWhatIsNotOursToChangeAreRefused)
{
    EXPECT_EQ(reason(multipart("s", "--s\n\nA\n--s \n\nB\n--s--\n", "signed")),
              "blanks after a delimiter in the body, which is signed or encrypted");
    EXPECT_EQ(reason(multipart("s", "--s\n\nA\n--s\n\nB\n", "signed")),
              "no close delimiter in the body, which is signed or encrypted");
    EXPECT_EQ(reason(multipart("s", "--s\nX: y\n--s\n\nB\n--s--\n", "signed")),
              "no empty line after the header in part 1, which is signed or encrypted");
    EXPECT_EQ(reason("Content-Type : text/plain\r\n\r\nA"),
              "blank before the colon of a header field in the body");
}

TEST(Transform, DeepAndWideEntitiesEndInARefusalInLinearTime)
{
    std::string deep;
    for (int i = 0; i < 500; ++i)
        deep += "Content-Type: multipart/signed; boundary=b" + std::to_string(i) + "\r\n\r\n--b" +
                std::to_string(i) + "\r\n";
    EXPECT_NE(reason(deep), "");
    std::string wide = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
    for (int i = 0; i < 9000; ++i) wide += "--b\r\n\r\n\xe4 text\r\n";
    const Stopwatch watch;
    EXPECT_EQ(seven_bit(wide + "--b--\r\n").encoded, 9000);
    for (int i = 0; i < 2000; ++i) wide += "--b\r\n\r\n\xe4 text\r\n";
    EXPECT_NE(reason(wide + "--b--\r\n").find("over the limit"), std::string::npos);
    EXPECT_LT(watch.seconds(), 5);
}

TEST(Transform, NestedSignedPartsAreReadOnce)
{
    std::string deep, ends;
    for (int i = 0; i < 40; ++i) {
        const std::string b = "b" + std::to_string(i) + "x";
        deep.append("Content-Type: multipart/signed; boundary=").append(b);
        deep.append("\r\n\r\n--").append(b).append("\r\n");
        ends.insert(0, "\r\n--" + b + "--\r\n");
    }
    deep += "\r\n";
    for (int i = 0; i < 100'000; ++i) deep += "a line of text that is long enough to count\r\n";
    const Stopwatch watch;
    expect_untouched(deep + ends);
    EXPECT_LT(watch.seconds(), 5);
}

}  // namespace
