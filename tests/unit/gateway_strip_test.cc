// What is left when a signature has been taken off.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/strip.h"
#include "gateway_site.h"
#include "gateway_support.h"

namespace
{

using namespace fixture;
using testing::HasSubstr;
using testing::Not;

std::string stripped(const std::string& octets, bool any = false)
{
    const auto m = message(octets);
    const auto verdict = gateway::verify_message(m.header(), m.body(), request());
    auto rewrite = gateway::strip_signature(m, verdict, any);
    if (!rewrite) return "no: " + rewrite.error();
    gateway::Outcome outcome;
    outcome.header = std::move(rewrite->header);
    outcome.replace_body = true;
    outcome.body = std::move(rewrite->body);
    return gateway::render(m, outcome);
}

const std::string multipart =
    "Content-Type: multipart/alternative;\r\n\tboundary=\"in\"\r\nContent-Language: "
    "de\r\n\r\npreamble\r\n--in\r\n\r\n"
    "Noon? \r\n--in\r\nContent-Type: text/html\r\n\r\n<p>Noon?\r\n--in--\r\nepilogue";

TEST(Strip, WhatWasSignedComesBackOctetForOctetInBothForms)  // T02, T03
{
    const std::string want = head + multipart;
    EXPECT_EQ(stripped(head + clear_signed(multipart)), want);
    const std::string opaque = stripped(head + opaque_signed(multipart));
    EXPECT_EQ(opaque.substr(opaque.find("\r\n\r\n")), want.substr(want.find("\r\n\r\n")));
    EXPECT_THAT(opaque, HasSubstr("Content-Type: multipart/alternative;\r\n\tboundary=\"in\"\r\n"));
    EXPECT_THAT(opaque, HasSubstr("Content-Language: de\r\n"));
    EXPECT_THAT(opaque, Not(HasSubstr("Content-Transfer-Encoding")));
}

TEST(Strip, WhereTheMixtureOfRulesForbidsItTheLogSaysWhy)
{
    Site site;
    site.configure(
        "[rule list]\ndirection = incoming\nrecipient = list@example.org\nverify = yes\nstrip = valid\n"
        "[rule rest]\ndirection = incoming\nverify = yes\n");
    const auto done =
        site.run(head + clear_signed(multipart), Site::from_outside({"list@example.org", "bob@example.org"}));
    EXPECT_EQ(done.fact("status"), "pass") << done.log;
    EXPECT_EQ(done.fact("strip"), "no: [rule list] strips, but not for bob@example.org ([rule rest])")
        << done.log;
    EXPECT_THAT(done.octets, HasSubstr("multipart/signed"));
}

TEST(Strip, OnlyWhatPassedUnlessAnythingMayGo)  // T01
{
    const std::string changed = head + replaced(clear_signed(multipart), "Noon?", "Never");
    EXPECT_THAT(stripped(changed), HasSubstr("no: the signature did not pass: body hash mismatch"));
    EXPECT_THAT(stripped(changed, true), HasSubstr("Never"));
    EXPECT_THAT(stripped(head + "\r\nhello\r\n", true), HasSubstr("no: the message is not signed"));
    EXPECT_THAT(stripped(head + "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n" +
                             clear_signed(multipart) + "\r\n--o--\r\n",
                         true),
                HasSubstr("no: only a part of the message is signed"));
}

TEST(Strip, NothingButContentFieldsComesOut)  // T04
{
    const std::string evil =
        "Received: from evil\r\nAuthentication-Results: mx; smime=pass\r\nSubject: injected\r\nFrom: "
        "x@evil.example\r\n"
        "Bcc: x@evil.example\r\nX-Spam-Status: No\r\nReturn-Path: <x@evil.example>\r\nDKIM-Signature: v=1\r\n"
        "HP-Outer: Subject: x\r\nX-SMIME-Result: pass\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n"
        "Content-Disposition: inline\r\nContentious: yes\r\n\r\nNoon?\r\n";
    EXPECT_EQ(stripped(head + clear_signed(evil)),
              head + "Content-Type: text/plain\r\nContent-Disposition: inline\r\n\r\nNoon?\r\n");
}

TEST(Strip, FieldsThatCannotBeAHeadersKeepTheSignatureOn)  // T05
{
    const auto with = [](const std::string& fields) {
        return stripped(head + clear_signed(fields + "\r\nNoon?\r\n"));
    };
    const std::string type = "Content-Type: text/plain\r\n";
    const std::string refused = "no: the signed part has a header field that cannot be restored";
    EXPECT_EQ(with(type + "Content-Description: a\0b\r\n"s), refused);
    EXPECT_EQ(with(type + "Content-Description: a\rb\r\n"), refused);
    EXPECT_EQ(with(type + "Content-D_x: x\r\n"), refused);
    EXPECT_EQ(with(type + "Content-" + std::string(60, 'x') + ": x\r\n"), refused);
    EXPECT_EQ(with(type + "Content-X: " + std::string(17'000, 'x') + "\r\n"), refused);
    std::string many = type, large = type;
    for (int i = 0; i < 32; ++i) many += "Content-X" + std::to_string(i) + ": x\r\n";
    for (int i = 0; i < 5; ++i)
        large += "Content-X" + std::to_string(i) + ": " + std::string(15'000, 'x') + "\r\n";
    EXPECT_EQ(with(many), refused);
    EXPECT_EQ(with(large), refused);
    EXPECT_THAT(with(type + "Content-Type: text/html\r\n"),
                HasSubstr("no: the signed part has two Content-Type"));
    EXPECT_THAT(with(type + "Content-Transfer-Encoding: 7bit\r\ncontent-transfer-encoding: base64\r\n"),
                HasSubstr("no: the signed part has two Content-Type"));
    EXPECT_THAT(stripped(head + clear_signed("no header here")),
                HasSubstr("no: the signed part does not begin"));
}

TEST(Strip, MissingTypeIsWrittenOut)  // T07
{
    EXPECT_EQ(stripped(head + clear_signed("\r\nNoon?\r\n")),
              head + "Content-Type: text/plain; charset=us-ascii\r\n\r\nNoon?\r\n");
}

TEST(Strip, WhatSmtpCannotCarryIsEncoded)  // T08
{
    const auto with = [](const std::string& body, const std::string& more = "") {
        return stripped(head +
                        clear_signed("Content-Type: text/plain; charset=utf-8\r\n" + more + "\r\n" + body));
    };
    EXPECT_THAT(with("a\0b\r\n"s), HasSubstr("base64\r\n\r\nYQBiDQo=\r\n"));
    EXPECT_THAT(with("a\rb\r\n"), HasSubstr("quoted-printable\r\n\r\na=0Db\r\n"));
    EXPECT_THAT(with("a\nb\r\n"), HasSubstr("quoted-printable\r\n\r\na=0Ab\r\n"));
    EXPECT_THAT(with(std::string(2000, 'x') + "\r\n"),
                HasSubstr("quoted-printable\r\n\r\n" + std::string(75, 'x') + "=\r\n"));
    EXPECT_THAT(with("x\r\n", "Content-Transfer-Encoding: binary\r\n"), HasSubstr(": 7bit\r\n\r\nx\r\n"));
    // A signature inside would not survive it.
    const std::string inner = clear_signed("Content-Type: text/plain\r\n\r\na\0b\r\n"s, pki().bob, "=_i");
    EXPECT_THAT(stripped(head + clear_signed("Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n" +
                                             inner + "\r\n--m--\r\n")),
                HasSubstr("no: the signed part cannot be sent on: "));
    EXPECT_THAT(with("Gr\xc3\xbc\xc3\x9f"
                     "e\r\n",
                     "Content-Transfer-Encoding: 8bit\r\n"),
                HasSubstr("Gr\xc3\xbc\xc3\x9f"
                          "e\r\n"));
}

TEST(Strip, LayersGoOneByOneAsLongAsTheyPass)  // T09
{
    const std::string inner = "Content-Type: text/plain\r\n\r\nNoon?\r\n";
    EXPECT_EQ(stripped(head + clear_signed(clear_signed(inner, pki().alice, "=_in"))), head + inner);
    EXPECT_THAT(stripped(head + opaque_signed(clear_signed(inner))), HasSubstr("\r\n\r\nNoon?\r\n"));
    // The inner one is Bob's: what he has signed stays signed by him.
    const std::string bobs = clear_signed(inner, pki().bob, "=_in");
    EXPECT_EQ(stripped(head + clear_signed(bobs)), head + bobs);
}

TEST(Strip, ParametersOfHeaderProtectionStayBehind)  // T13
{
    const auto type = [](const std::string& value) {
        const std::string out = stripped(
            head + clear_signed("From: alice@example.org\r\nSubject: lunch\r\nContent-Type: " + value +
                                "\r\n\r\nNoon?\r\n"));
        const auto at = out.find("Content-Type: ");
        return at == std::string::npos ? out : out.substr(at + 14, out.find("\r\n\r\n") - at - 14);
    };
    EXPECT_EQ(type("text/plain; charset=\"utf-8\"; hp=\"clear\""), "text/plain; charset=\"utf-8\"");
    EXPECT_EQ(type("text/plain;\r\n hp=clear; charset=utf-8"), "text/plain; charset=utf-8");
    EXPECT_EQ(type("text/plain; HP = clear; format=flowed"), "text/plain; format=flowed");
    EXPECT_EQ(type("text/plain; name=\"a; hp=b\\\"\"; hp=\"clear\""), "text/plain; name=\"a; hp=b\\\"\"");
    EXPECT_EQ(type("text/plain (; hp=x); hp-legacy-display=\"1\"; hp=\"clear\""), "text/plain (; hp=x)");
    EXPECT_EQ(type("text/plain; charset=utf-8"), "text/plain; charset=utf-8");
}

TEST(Strip, ProtectedFromOfAnotherKeepsTheSignatureOn)  // V69
{
    const std::string octets =
        head +
        clear_signed("From: director@example.org\r\nContent-Type: text/plain; hp=\"clear\"\r\n\r\nx\r\n");
    EXPECT_THAT(stripped(octets), HasSubstr("no: the signature did not pass"));
    EXPECT_THAT(stripped(octets, true), HasSubstr("no: the signed header names another From"));
}

}  // namespace
