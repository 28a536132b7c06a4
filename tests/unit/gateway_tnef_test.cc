// winmail.dat at the gateway: what is signed, encrypted and delivered in its place.
#include <gtest/gtest.h>

#include "gateway/tnef.h"
#include "gateway_site.h"
#include "tnef_support.h"

namespace
{

using namespace fixture;
using namespace tnef_test;
using gateway::Action;

const std::string to_carol = "To: Carol <carol@partner.example>\r\n";

std::string root(const Tnef& tnef, const std::string& type = "application/ms-tnef")
{
    return head + to_carol + "Content-Type: " + type +
           "; name=\"winmail.dat\"\r\n"
           "Content-Transfer-Encoding: base64\r\n\r\n" +
           mime::base64_lines(tnef.octets());
}

std::string behind(const std::string& text, const Tnef& tnef)
{
    return head + to_carol + "Content-Type: multipart/mixed; boundary=\"=_x\"\r\n\r\n--=_x\r\n" + text +
           "\r\n--=_x\r\nContent-Type: application/ms-tnef\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
           mime::base64_lines(tnef.octets()) + "\r\n--=_x--\r\n";
}

Tnef with_html(const std::string& html = "<p>Lunch at noon, with <b>soup</b>?")
{
    return Tnef().properties(Properties().text(0x1013, html));
}

// The whole of it after conversion, as a message.
std::string converted(const std::string& octets)
{
    const auto m = message(octets);
    base::SeededRandom random(1);
    const auto made = gateway::convert_tnef(m, now, random);
    if (!made) return "no: " + made.error();
    if (!*made) return "nothing";
    gateway::Outcome outcome;
    outcome.header = (*made)->header;
    outcome.replace_body = true;
    outcome.body = (*made)->body;
    return gateway::render(m, outcome);
}

std::string outline(const std::string& octets)
{
    const auto m = message(octets);
    std::string out;
    for (const auto& p : mime::parse_structure(m.header(), m.body()).parts)
        out += "[" + p.section + "]" + p.content_type.type + "/" + p.content_type.subtype + " ";
    return out;
}

bool has(const std::string& octets, std::string_view words)
{
    return octets.find(words) != std::string::npos;
}

TEST(ConvertTnef, TextAndHtmlAndFilesBecomePartsOfTheirOwn)
{
    const auto made = converted(root(with_html().body("Lunch at noon, with soup?").file("menu.pdf", "%PDF")));
    EXPECT_EQ(outline(made),
              "[]multipart/mixed [1]multipart/alternative [1.1]text/plain [1.2]text/html "
              "[2]application/pdf ");
    EXPECT_TRUE(has(made, "Subject: lunch\r\n"));
    EXPECT_TRUE(has(made, "filename=\"menu.pdf\"")) << made;
    EXPECT_FALSE(has(made, "winmail.dat"));
}

TEST(ConvertTnef, ASmallMessageDoesNotBecomeALargeOne)
{
    const auto announcing = [](std::size_t octets) {
        std::string packed = compressed("{\\rtf1 x}");
        packed.replace(4, 4, little_endian(octets, 4));
        return Tnef().properties(Properties().binary(0x1009, packed));
    };
    EXPECT_TRUE(has(converted(root(announcing(300'000))), "its text is too large"));
    EXPECT_TRUE(has(converted(root(announcing(200'000))), "its compressed text is shorter than it says"));
    const auto large = announcing(300'000).file("picture.png", std::string(50'000, 'x'));
    EXPECT_TRUE(has(converted(root(large)), "its compressed text is shorter than it says"))
        << "of a larger one there may be more";
}

TEST(ConvertTnef, ATextAloneNeedsNoMultipart)
{
    const auto made = converted(root(Tnef().body("just \xfc"), "application/octet-stream"));
    EXPECT_EQ(outline(made), "[]text/plain ") << "known by its name";
    EXPECT_TRUE(has(made, "\r\n\r\njust =C3=BC")) << made;
    EXPECT_EQ(outline(converted(root(Tnef()))), "[]text/plain ");
}

TEST(ConvertTnef, PicturesThatTheHtmlNamesBelongToIt)
{
    Properties picture;
    picture.text(0x3712, "a@b").text(0x370e, "image/png");
    const auto made =
        converted(root(with_html("<img src=\"cid:a@b\">").file("a.png", "PNG", picture).file("b.png", "X")));
    EXPECT_EQ(outline(made),
              "[]multipart/mixed [1]multipart/related [1.1]text/html [1.2]image/png [2]image/png ");
    EXPECT_TRUE(has(made, "Content-ID: <a@b>\r\nContent-Disposition: inline;\r\n filename=\"a.png\""))
        << made;
}

TEST(ConvertTnef, TheTextThatExchangePutsBeforeItIsTheTextOfTheHtml)
{
    const std::string text =
        "Content-Type: text/plain; charset=\"iso-8859-1\"\r\n\r\nK\xe4se, \xfc\xdf\r\nsoup?";
    const auto made = converted(behind(text, with_html("<p>K&auml;se \xfc\xdf <b>soup</b>?").file("a", "b")));
    EXPECT_EQ(outline(made),
              "[]multipart/mixed [1]multipart/alternative [1.1]text/plain [1.2]text/html "
              "[2]application/octet-stream ");
    EXPECT_TRUE(has(made, "\r\n" + text + "\r\n--")) << "octet for octet";
}

TEST(ConvertTnef, AnotherTextIsNotHiddenBehindTheHtml)
{
    const auto made =
        converted(behind("Content-Type: text/plain\r\n\r\nSomething else entirely", with_html()));
    EXPECT_EQ(outline(made), "[]multipart/mixed [1]text/plain [2]text/html ");
}

// What is dropped has to be in what is kept, word for word: the other one is signed.
TEST(ConvertTnef, ATextThatSaysMoreThanTheOneBeforeItIsKept)
{
    const std::string text =
        "Content-Type: text/plain\r\n\r\nPlease pay Mr Smith 100 EUR today (see http://x)";
    EXPECT_EQ(outline(converted(behind(text, Tnef().body("Please pay\r\n Mr Smith 100 EUR, today!")))),
              "[]multipart/mixed [1]text/plain ");
    for (const auto* other : {"Please do NOT pay Mr Smith 100 EUR today", "Please pay Mr Smith 900 EUR today",
                              "today Please pay Mr Smith 100 EUR"}) {
        const auto made = converted(behind(text, Tnef().body(other)));
        EXPECT_EQ(outline(made), "[]multipart/mixed [1]text/plain [2]text/plain ");
        EXPECT_TRUE(has(made, other)) << made;
    }
    // Nor is a text hidden behind HTML because the TNEF's own says a part of it.
    EXPECT_EQ(
        outline(converted(behind("Content-Type: text/plain\r\n\r\nHi, something else entirely is said here",
                                 with_html("<p>Hi").body("Hi")))),
        "[]multipart/mixed [1]text/plain [2]multipart/alternative [2.1]text/plain [2.2]text/html ");
    std::string long_text = text;
    for (int n = 0; n < 20'000; ++n) long_text += " word";
    const auto made =
        converted(behind(long_text, Tnef().body(long_text.substr(28) + " and nine million more")));
    EXPECT_TRUE(has(made, "nine million more")) << "however long it is";
}

TEST(ConvertTnef, OtherPartsStayAsTheyAre)
{
    const std::string picture = "Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA";
    const auto made = converted(behind(picture, Tnef().body("hello").file("a", "b")));
    EXPECT_EQ(outline(made), "[]multipart/mixed [1]image/png [2]text/plain [3]application/octet-stream ");
    EXPECT_TRUE(has(made, "\r\n" + picture + "\r\n--"));
}

TEST(ConvertTnef, SignedEncryptedAndAttachedMessagesAreNotEntered)
{
    const auto inner = behind("Content-Type: text/plain\r\n\r\nx", with_html());
    EXPECT_EQ(
        converted(
            head +
            "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: message/rfc822\r\n\r\n" +
            inner + "\r\n--o--\r\n"),
        "nothing");
    std::string signed_one = inner;
    signed_one.replace(signed_one.find("multipart/mixed"), 15, "multipart/signed; protocol=\"x/y\"");
    EXPECT_EQ(converted(signed_one), "nothing");
}

TEST(ConvertTnef, AMessageThatIsBrokenAroundItIsLeftAlone)
{
    std::string cut = behind("Content-Type: text/plain\r\n\r\nx", with_html());
    cut.resize(cut.size() - 8);
    EXPECT_EQ(converted(cut), "no: the message around it has a defect: no close delimiter");
    EXPECT_EQ(
        converted(head +
                  "Content-Type: application/ms-tnef\r\nContent-Transfer-Encoding: base64\r\n\r\n!\r\n"),
        "no: its transfer encoding is broken");
}

TEST(ConvertTnef, NamesBeyondAsciiAndLongOnesAreSaidByRfc2231)
{
    Properties name;
    name.add(0x1f, 0x3707,
             utf16("r") + "\xe9\0"s + utf16("sum") + "\xe9\0"s + utf16(std::string(70, 'x') + ".doc"));
    const auto made = converted(root(Tnef().file("a", "b", name)));
    EXPECT_TRUE(has(made, ";\r\n filename*0*=utf-8''r%C3%A9sum%C3%A9xxx")) << made;
    EXPECT_TRUE(has(made, ";\r\n filename*1*=xxxx")) << made;
}

TEST(ConvertTnef, WhatTheSenderWritesStaysInsideItsField)
{
    Properties file;
    file.text(0x3707, "a\"\r\nX-Evil: 1.txt")
        .text(0x370e, "text/x\r\nX-Evil: 1")
        .text(0x3712, "c\r\nX-Evil: 1");
    Properties inner;
    inner.text(0x0037, "s\r\nX-Evil: 1").text(0x0c1a, "n\r\nX-Evil: 1").text(0x0c1f, "a@b\r\nX-Evil: 1");
    inner.text(0x1035, "<i\r\nX-Evil: 1>");
    const auto made = converted(
        root(Tnef()
                 .file("a", "b", file)
                 .object(Properties().object(0x3701, message_iid, Tnef().properties(inner).octets()))));
    EXPECT_FALSE(has(made, "\nX-Evil")) << made;
    EXPECT_TRUE(has(made, "Content-Type: application/octet-stream\r\n")) << made;
}

TEST(ConvertTnef, AMessageInsideIsAMessage)
{
    Properties p;
    p.text(0x0037, "inner").text(0x0c1a, "Eve, \"E\"").text(0x0c1f, "eve@x.example").time(0x0039, now);
    const auto row =
        Properties().text(0x3001, "Frank").text(0x39fe, "frank@x.example").number(0x0c15, 1).octets();
    const auto blind = Properties().text(0x39fe, "hidden@x.example").number(0x0c15, 3).octets();
    const auto inner =
        Tnef().properties(p).body("deep").attribute(1, 0x00069004, little_endian(2, 4) + row + blind);
    const auto made = converted(
        root(Tnef().body("see below").object(Properties().object(0x3701, message_iid, inner.octets()))));
    EXPECT_EQ(outline(made), "[]multipart/mixed [1]text/plain [2]message/rfc822 [2.1]text/plain ");
    for (const char* words :
         {"From: \"Eve, \\\"E\\\"\"\r\n <eve@x.example>\r\n", "To: \"Frank\"\r\n <frank@x.example>\r\n",
          "Subject: inner\r\n", "filename=\"inner.eml\"", "\r\n\r\ndeep\r\n"})
        EXPECT_TRUE(has(made, words)) << words << made;
    EXPECT_FALSE(has(made, "hidden@x.example"));
}

Properties meeting()
{
    Properties p;
    p.time(0x820d, now, appointment_set).time(0x820e, now, appointment_set);
    return p.binary(0x0003, global_id("x"), meeting_set);
}

TEST(ConvertTnef, ManyMeetingsDoNotRepeatALargeHeader)
{
    const auto invited = [](int people, int meetings) {
        std::string octets = head + to_carol + "Cc: b0@example.org";
        for (int i = 1; i < people; ++i) octets += ",\r\n b" + std::to_string(i) + "@example.org";
        octets += "\r\nContent-Type: multipart/mixed; boundary=\"=_x\"\r\n\r\n";
        const auto tnef = Tnef("IPM.Schedule.Meeting.Request").body("come").properties(meeting()).octets();
        for (int i = 0; i < meetings; ++i)
            octets +=
                "--=_x\r\nContent-Type: application/ms-tnef\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
                mime::base64_lines(tnef) + "\r\n";
        return converted(octets + "--=_x--\r\n");
    };
    EXPECT_TRUE(has(invited(5'000, 1), "text/calendar"));
    EXPECT_TRUE(has(invited(50, 20), "text/calendar"));
    EXPECT_TRUE(has(invited(5'000, 20), "no: it would become many times as large"));
}

TEST(ConvertTnef, NamesAreBoundedAllTogether)
{
    const auto named = [](int files, std::size_t length) {
        auto tnef = Tnef().body("x");
        for (int i = 0; i < files; ++i) tnef.file(std::string(length, 'n') + ".txt", "y");
        return converted(root(tnef));
    };
    EXPECT_TRUE(has(named(500, 100), "filename"));
    EXPECT_TRUE(has(named(1, 90'000), "filename"));
    EXPECT_TRUE(has(named(500, 200), "no: its names are too long"));
    EXPECT_TRUE(has(converted(root(Tnef().properties(Properties().text(0x0037, std::string(100'000, 's'))))),
                    "no: its names are too long"));
}

TEST(ConvertTnef, AMeetingTakesItsPeopleFromTheHeader)
{
    const Properties p = meeting();
    const auto request = converted(root(Tnef("IPM.Schedule.Meeting.Request").body("come").properties(p)));
    EXPECT_EQ(outline(request), "[]multipart/alternative [1]text/plain [2]text/calendar ");
    EXPECT_TRUE(has(request, "Content-Type: text/calendar; method=REQUEST; charset=us-ascii\r\n")) << request;
    EXPECT_TRUE(has(request, "ORGANIZER;CN=\"Alice\":mailto:alice@example.org\r\n"));
    EXPECT_TRUE(has(request, "PARTSTAT=NEEDS-ACTION;"));
    EXPECT_TRUE(has(request, "SUMMARY:lunch\r\n")) << "from the header, too";
    const auto answer = converted(root(Tnef("IPM.Schedule.Meeting.Resp.Pos").properties(p)));
    EXPECT_EQ(outline(answer), "[]text/calendar ");
    EXPECT_TRUE(has(answer, "ORGANIZER:mailto:bob@example.org\r\n")) << answer;
    EXPECT_TRUE(has(answer, "PARTSTAT=ACCEPTED"));
}

// --- with rules ----------------------------------------------------------------

class GatewayTnef : public testing::Test
{
protected:
    void SetUp() override { site.knows(carol()); }
    [[nodiscard]] Site::Done send(const std::string& octets, const std::string& keys)
    {
        site.configure("[rule out]\ndirection = outgoing\n" + keys);
        return site.run(octets, Site::from_alice({"carol@partner.example"}));
    }
    [[nodiscard]] Site::Done receive(const std::string& octets, const std::string& keys,
                                     std::vector<std::string> to = {"alice@example.org"})
    {
        site.configure("[rule in]\ndirection = incoming\n" + keys);
        return site.run(octets, Site::from_outside(std::move(to)));
    }
    Site site;
    const std::string mail = root(with_html().body("Lunch at noon, with soup?"));
};

TEST_F(GatewayTnef, WhatIsSignedIsWhatItSays)
{
    const auto done = send(mail, "sign = clear\ntnef = convert\n");
    EXPECT_EQ(done.fact("action"), "sign") << done.log;
    EXPECT_EQ(done.fact("tnef"), "converted");
    EXPECT_EQ(done.at_header.need, gateway::Need::body);
    EXPECT_EQ(judged(done.octets), "pass");
    EXPECT_EQ(outline(done.octets),
              "[]multipart/signed [1]multipart/alternative [1.1]text/plain [1.2]text/html "
              "[2]application/pkcs7-signature ");
}

TEST_F(GatewayTnef, AndWhatIsEncrypted)
{
    const auto done =
        send(mail, "sign = clear\nencrypt = mandatory\nheader_protection = baseline\ntnef = convert\n");
    EXPECT_EQ(done.fact("action"), "encrypt") << done.log;
    const auto inner = opened(done.octets, carol());
    EXPECT_TRUE(has(outline(inner), "text/html")) << outline(inner);
    EXPECT_FALSE(has(inner, "ms-tnef"));
}

TEST_F(GatewayTnef, WithoutTheKeyItIsLeftUnsigned)
{
    const auto done = send(mail, "sign = clear\n");
    EXPECT_FALSE(done.outcome.edits());
    EXPECT_EQ(done.fact("reason"), "TNEF (winmail.dat)");
    const auto asked = send(mail, "sign = clear\nsign_also = tnef\n");
    EXPECT_EQ(asked.fact("action"), "sign");
    EXPECT_TRUE(asked.has("ms-tnef"));
}

TEST_F(GatewayTnef, WhatEndsUnsignedGoesOutAsItCame)
{
    site.configure("[rule out]\ndirection = outgoing\nsign = clear\ntnef = convert\n");
    auto from_bob = mail;
    from_bob.replace(from_bob.find("alice@"), 5, "bobby");
    auto envelope = Site::from_alice({"carol@partner.example"});
    envelope.login = envelope.mail_from = "bobby@example.org";
    const auto done = site.run(from_bob, envelope);
    EXPECT_FALSE(done.outcome.edits()) << done.log;
    EXPECT_EQ(done.octets, from_bob);
    EXPECT_EQ(done.fact("tnef"), "no: neither signed nor encrypted");
    EXPECT_NE(done.fact("reason").find("no certificate for bobby@example.org"), std::string::npos);
}

TEST_F(GatewayTnef, AMeetingIsNotSignedUnlessTheRuleSaysSo)
{
    Properties p;
    p.time(0x820d, now, appointment_set).time(0x820e, now, appointment_set);
    p.binary(0x0003, global_id("x"), meeting_set);
    const auto request = root(Tnef("IPM.Schedule.Meeting.Request").properties(p));
    const auto left = send(request, "sign = clear\ntnef = convert\n");
    EXPECT_FALSE(left.outcome.edits());
    EXPECT_EQ(left.fact("reason"), "calendar request");
    const auto done = send(request, "sign = clear\ntnef = convert\nsign_also = calendar\n");
    EXPECT_EQ(done.fact("action"), "sign") << done.log;
    EXPECT_TRUE(done.has("text/calendar; method=REQUEST"));
}

TEST_F(GatewayTnef, WhatCannotBeConvertedIsLeftAsItWasWithTheReason)
{
    const auto contact = root(Tnef("IPM.Contact"));
    const auto done = send(contact, "sign = clear\ntnef = convert\n");
    EXPECT_EQ(done.octets, contact);
    EXPECT_EQ(done.fact("tnef"), "no: its class is ipm.contact");
    EXPECT_EQ(done.fact("reason"), "TNEF (winmail.dat)");
    const auto refused = send(contact, "sign = clear\nsign_required = yes\ntnef = convert\n");
    EXPECT_EQ(refused.outcome.action, Action::reject);
    EXPECT_EQ(refused.fact("tnef"), "no: its class is ipm.contact");
    const auto carried = send(behind("Content-Type: text/plain\r\n\r\nx", Tnef("IPM.Contact")),
                              "sign = clear\ntnef = convert\n");
    EXPECT_EQ(carried.fact("action"), "sign") << "with winmail.dat in it, as without the key";
    EXPECT_TRUE(carried.has("ms-tnef"));
}

TEST_F(GatewayTnef, ARequiredSignatureIsMadeOverTheConvertedMessage)
{
    const auto done = send(mail, "sign = clear\nsign_required = yes\ntnef = convert\n");
    EXPECT_EQ(done.fact("action"), "sign") << done.log;
}

TEST_F(GatewayTnef, TheRulesDecideAgainOnTheConvertedMessage)
{
    site.configure(
        "[rule raw]\ndirection = outgoing\nheader = Content-Type: *ms-tnef*\nsign = clear\ntnef = convert\n"
        "[rule rest]\ndirection = outgoing\nsign = opaque\n");
    const auto done = site.run(mail, Site::from_alice({"carol@partner.example"}));
    EXPECT_EQ(done.fact("rule"), "rest") << done.log;
    EXPECT_EQ(done.fact("form"), "opaque");
}

TEST_F(GatewayTnef, WhoMayNotSignGetsNothingConverted)
{
    site.configure("[rule out]\ndirection = outgoing\nsign = clear\ntnef = convert\n");
    auto envelope = Site::from_alice({"carol@partner.example"});
    envelope.login = "mallory@example.org";
    const auto done = site.run(mail, envelope);
    EXPECT_FALSE(done.outcome.edits());
    EXPECT_EQ(done.fact("tnef"), "");
}

TEST_F(GatewayTnef, WhatComesInIsDeliveredConverted)
{
    const auto done = receive(mail, "tnef = convert\n");
    EXPECT_EQ(done.fact("action"), "convert") << done.log;
    EXPECT_EQ(outline(done.octets), "[]multipart/alternative [1]text/plain [2]text/html ");
    EXPECT_TRUE(done.has("Subject: lunch\r\n"));
    const auto verified = receive(mail, "verify = yes\ntnef = convert\n");
    EXPECT_EQ(outline(verified.octets), "[]multipart/alternative [1]text/plain [2]text/html ")
        << verified.log;
    const auto plain = receive(head + "\r\nhi\r\n", "tnef = convert\n");
    EXPECT_FALSE(plain.outcome.edits());
}

TEST_F(GatewayTnef, ADryRunSaysSoAndChangesNothing)
{
    const auto done = receive(mail, "tnef = convert\ndry_run = yes\n");
    EXPECT_EQ(done.octets, mail);
    EXPECT_EQ(done.fact("tnef"), "converted");
    EXPECT_EQ(done.fact("dry_run"), "yes");
}

TEST_F(GatewayTnef, NotForWhoIsNotLocalAndNotForSomeOnly)
{
    const auto relayed = receive(mail, "tnef = convert\n", {"dave@other.example"});
    EXPECT_FALSE(relayed.outcome.edits());
    EXPECT_EQ(relayed.fact("tnef"), "no: recipient dave@other.example is not local");
    site.configure(
        "[rule a]\ndirection = incoming\nrecipient = alice@example.org\ntnef = convert\n"
        "[rule b]\ndirection = incoming\nverify = yes\n");
    const auto mixed = site.run(mail, Site::from_outside({"alice@example.org", "bob@example.org"}));
    EXPECT_FALSE(mixed.outcome.edits());
    EXPECT_EQ(mixed.fact("tnef"), "no: [rule a] converts, but not for bob@example.org ([rule b])");
}

TEST_F(GatewayTnef, SignedMailIsNeverConverted)
{
    const std::string inner =
        "Content-Type: application/ms-tnef\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
        mime::base64_lines(with_html().octets());
    const auto done = receive(head + clear_signed(inner), "verify = yes\ntnef = convert\n");
    EXPECT_EQ(done.fact("status"), "pass") << done.log;
    EXPECT_FALSE(done.outcome.replace_body);
}

}  // namespace
