// winmail.dat: what is read of it, and what is not.
#include <gtest/gtest.h>

#include "mime/tnef.h"
#include "mime/tnef_charset.h"
#include "mime/tnef_meeting.h"
#include "mime/tnef_stream.h"
#include "tnef_support.h"

namespace
{

using namespace tnef_test;
using mime::TnefLimits;

// For as long as a test needs it: the result borrows.
struct Read {
    explicit Read(std::string o, const TnefLimits& limits = {})
        : octets(std::move(o)), result(mime::read_tnef(octets, limits))
    {
    }
    const mime::TnefMessage& operator*() const { return result.value(); }
    const mime::TnefMessage* operator->() const { return &result.value(); }
    [[nodiscard]] std::string why() const { return result ? "nothing" : result.error(); }
    std::string octets;
    tl::expected<mime::TnefMessage, std::string> result;
};

Read read(const Tnef& tnef, const TnefLimits& limits = {}) { return Read(tnef.octets(), limits); }

constexpr unsigned body = 0x1000, html = 0x1013, rtf = 0x1009, internet_code_page = 0x3fde;
constexpr unsigned data = 0x3701, method = 0x3705, long_name = 0x3707, mime_tag = 0x370e, content_id = 0x3712;

TEST(Tnef, TextOfAnAttributeIsInTheCodePageThatTheMessageNames)
{
    const auto m = read(
        Tnef("IPM.Microsoft Mail.Note", 1251).subject("\xcf\xf0\xe8\xe2\xe5\xf2").body("\xe4\xe0\nno\r"));
    EXPECT_EQ(m->subject, "Привет");
    EXPECT_EQ(m->text, "да\r\nno\r\n") << "with the line ends of mail";
}

TEST(Tnef, UnicodePropertiesComeBeforeOldAttributes)
{
    Properties p;
    p.add(0x1f, body, "\x3d\xd8\x00\xde!\0\0\0"s).text(0x0037, "new");
    const auto m = read(Tnef().subject("old").body("old").properties(p));
    EXPECT_EQ(m->text, "\U0001F600!");
    EXPECT_EQ(m->subject, "new");
}

TEST(Tnef, OctetsThatHaveNoMeaningInTheirCodePageAreLeftAlone)
{
    EXPECT_EQ(read(Tnef("IPM.Note", 932).body("\x81")).why(), "a text is not in the code page that it names");
    EXPECT_EQ(read(Tnef("IPM.Note", 12345).body("\xe4")).why(),
              "a text is not in the code page that it names");
    EXPECT_EQ(read(Tnef("IPM.Note", 737).body("plain"))->text, "plain") << "of a page of DOS ASCII is known";
    EXPECT_EQ(read(Tnef("IPM.Note", 28606).body("plain"))->text, "plain") << "and of one of ISO 8859";
    EXPECT_EQ(read(Tnef("IPM.Note", 65000).body(""))->text, "") << "no text is in any code page";
    EXPECT_EQ(read(Tnef("IPM.Note", 65000).body("+ADw-")).why(),
              "a text is not in the code page that it names");
}

TEST(Tnef, OneOctetThatBecomesThreeIsCountedAsThree)
{
    const auto octets = Tnef()
                            .properties(Properties().binary(rtf, compressed("{\\rtf1\\ansi\\ansicpg874 " +
                                                                            std::string(400, '\xb0') + "}")))
                            .octets();
    mime::TnefLimits limits;
    mime::CodePages pages;
    limits.expanded = 1200;
    EXPECT_TRUE(mime::read_tnef_within(octets, limits, pages));
    EXPECT_LT(limits.expanded, 50U);
    limits.expanded = 1150;
    EXPECT_EQ(mime::read_tnef_within(octets, limits, pages).error(), "its text is too large");
}

TEST(Tnef, HtmlKeepsItsOctetsAndItsCharset)
{
    Properties p;
    p.binary(html, "<p>\xfc").number(internet_code_page, 28591);
    const auto m = read(Tnef().properties(p));
    EXPECT_EQ(m->html->octets, "<p>\xfc");
    EXPECT_EQ(m->html->charset, "iso-8859-1");
    EXPECT_EQ(read(Tnef().properties(Properties().binary(html, "\xfc").number(internet_code_page, 1))).why(),
              "HTML in an unknown code page");
    EXPECT_EQ(read(Tnef().properties(Properties().text(html, "<p>hi")))->html->charset, "utf-8");
}

TEST(Tnef, HtmlInsideRtfComesOutAsItWas)
{
    const std::string rich =
        R"({\rtf1\ansi\ansicpg1252\fromhtml1 \deff0{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset204 Arial;}})"
        R"({\*\htmltag64 <p title="\'e4">}\htmlrtf {\b\htmlrtf0 5 \{\'80\} \f1 \'e4\'e0\f0 \u8364?\u-10179?\u-8704?)"
        R"({\*\mhtmltag8 <x>}\~\lquote x\par\htmlrtf }\htmlrtf0{\*\htmltag72 </p>}})";
    const auto m = read(Tnef().properties(Properties().binary(rtf, compressed(rich))));
    EXPECT_EQ(m->html->octets, "<p title=\"ä\">5 {€} да€\U0001F600&nbsp;&lsquo;x\r\n</p>");
    EXPECT_EQ(m->html->charset, "utf-8");
    EXPECT_FALSE(m->rich);
    EXPECT_FALSE(m->text);
}

TEST(Tnef, TextInsideRtfComesOutAsItWas)
{
    const std::string rich =
        R"({\rtf1\ansi\fromtext{\fonttbl{\f0 x;}}\uc1\pard\plain\f0 one\par two\tab\\\line{\pict 00ff}})";
    const auto m = read(Tnef().properties(Properties().binary(rtf, compressed(rich))));
    EXPECT_EQ(m->text, "one\r\ntwo\t\\\r\n");
    EXPECT_FALSE(m->text_from_rich);
    EXPECT_FALSE(m->rich);
}

TEST(Tnef, RichTextIsKeptAndItsWordsAreRead)
{
    const std::string rich =
        R"({\rtf1\ansi{\stylesheet{\s0 Normal;}}{\b bold} and {\field{\*\fldinst x}{\fldrslt link}}\bin3 {{{\cell\row})";
    const auto m = read(Tnef().properties(Properties().binary(rtf, compressed(rich))));
    EXPECT_EQ(m->text, "bold and link\t\r\n");
    EXPECT_TRUE(m->text_from_rich);
    EXPECT_EQ(m->rich, rich);
    const auto with_text = read(Tnef().body("own").properties(Properties().binary(rtf, compressed(rich))));
    EXPECT_EQ(with_text->text, "own");
}

TEST(Tnef, CompressedTextIsBelievedOnlyWhenItIsWhole)
{
    const auto why = [](const std::string& octets) {
        return read(Tnef().properties(Properties().binary(rtf, octets))).why();
    };
    const std::string good = compressed(R"({\rtf1 some text that is long enough})");
    EXPECT_EQ(why(good), "nothing");
    std::string changed = good;
    changed[20] ^= 1;
    EXPECT_EQ(why(changed), "the checksum of its compressed text is wrong");
    EXPECT_EQ(why(good.substr(0, good.size() - 1)), "its compressed text is cut off");
    changed = good;
    ++changed[4];
    EXPECT_EQ(why(changed), "its compressed text is shorter than it says");
    changed = good;
    changed[4] = 1;
    EXPECT_EQ(why(changed), "its compressed text is longer than it says");
    changed = good;
    changed[8] = 'X';
    EXPECT_EQ(why(changed), "its text is compressed in an unknown way");
    EXPECT_EQ(why(compressed(R"({\rtf1 {open)")), "its text does not come to its end");
}

TEST(Tnef, ReferencesIntoTheDictionaryAreFollowed)
{
    // Of what the dictionary holds at first "{\rtf1\ansi", then "ab", then ten octets from
    // where this "ab" stands, "}", and the reference that ends it; flags, least bit first.
    const std::string stream = "\x29\x00\x09"s + "ab" + "\x0d\xa8" + "}" + "\x0e\x70";
    const std::string packed =
        with_checksum(little_endian(0, 4) + little_endian(24, 4) + "LZFu" + little_endian(0, 4) + stream);
    const auto m = read(Tnef().properties(Properties().binary(rtf, packed)));
    EXPECT_EQ(m.why(), "nothing");
    EXPECT_EQ(m->rich, "{\\rtf1\\ansiabababababab}") << "a run that reads what it has just written";
}

TEST(Tnef, ABombOfCompressedTextIsRefusedBeforeItIsUnpacked)
{
    std::string packed = compressed("{\\rtf1 x}");
    packed.replace(4, 4, little_endian(0x7fffffff, 4));
    EXPECT_EQ(read(Tnef().properties(Properties().binary(rtf, packed))).why(), "its text is too large");
    TnefLimits limits;
    limits.expanded = 30;
    const auto one = Tnef().properties(Properties().binary(rtf, compressed("{\\rtf1 twenty octets}")));
    EXPECT_EQ(read(one, limits).why(), "nothing");
    EXPECT_EQ(read(Tnef(one).object(Properties().object(data, message_iid, one.octets())), limits).why(),
              "its text is too large")
        << "all together";
    const auto octets = one.octets();
    mime::CodePages pages;
    EXPECT_TRUE(mime::read_tnef_within(octets, limits, pages));
    const auto second = mime::read_tnef_within(octets, limits, pages);
    ASSERT_FALSE(second) << "however many there are in a message";
    EXPECT_EQ(second.error(), "its text is too large");
}

TEST(Tnef, AttachmentsHaveTheirNamesTypesAndOctets)
{
    Properties p;
    p.text(long_name, "a long name.pdf").text(mime_tag, "Application/PDF").text(content_id, "<x@y>");
    const auto m = read(Tnef().file("ALONGN~1.PDF", "%PDF", p).file("C:\\tmp\\b.txt", "").file("", "x"));
    ASSERT_EQ(m->attachments.size(), 3U);
    EXPECT_EQ(m->attachments[0].name, "a long name.pdf");
    EXPECT_EQ(m->attachments[0].type, "application/pdf");
    EXPECT_EQ(m->attachments[0].content_id, "x@y");
    EXPECT_EQ(m->attachments[0].data, "%PDF");
    EXPECT_EQ(m->attachments[1].name, "b.txt") << "no path";
    EXPECT_EQ(m->attachments[1].data, "");
    EXPECT_EQ(m->attachments[2].name, "");
}

TEST(Tnef, ContentOfAPropertyComesBeforeThatOfAnAttribute)
{
    const auto m = read(Tnef().file("a", "a mere notice", Properties().binary(data, "content")));
    EXPECT_EQ(m->attachments.front().data, "content");
}

TEST(Tnef, AnObjectOfAProgramIsItsStorage)
{
    const auto m =
        read(Tnef().object(Properties().object(data, storage_iid, "\xd0\xcf\x11\xe0").number(method, 6)));
    EXPECT_TRUE(m->attachments.front().opaque);
    EXPECT_EQ(m->attachments.front().data, "\xd0\xcf\x11\xe0");
}

TEST(Tnef, AMessageInTheMessageIsReadToo)
{
    Properties p;
    p.text(0x0037, "re: a/b")
        .text(0x0c1a, "Carol")
        .text(0x0c1e, "SMTP")
        .text(0x0c1f, "carol@partner.example");
    const auto inner = Tnef().properties(p).body("inside").file("x", "y").octets();
    const auto m = read(Tnef().object(Properties().object(data, message_iid, inner)));
    const auto& attached = m->attachments.front();
    ASSERT_NE(attached.message, nullptr);
    EXPECT_EQ(attached.name, "re: a_b") << "its subject";
    EXPECT_EQ(attached.message->from.address, "carol@partner.example");
    EXPECT_EQ(attached.message->text, "inside");
    EXPECT_EQ(attached.message->attachments.front().data, "y");
}

TEST(Tnef, MessagesInMessagesEndSomewhere)
{
    auto inner = Tnef().body("core");
    for (int i = 0; i < 5; ++i) inner = Tnef().object(Properties().object(data, message_iid, inner.octets()));
    EXPECT_EQ(read(inner).why(), "nothing");
    inner = Tnef().object(Properties().object(data, message_iid, inner.octets()));
    EXPECT_NE(read(inner).why().find("messages in messages, too deeply"), std::string::npos);
}

TEST(Tnef, WhatIsNoMailOrNotWholeIsLeftAlone)
{
    const auto why = [](const Tnef& t) { return read(t).why(); };
    EXPECT_EQ(why(Tnef("IPM.Contact")), "its class is ipm.contact");
    EXPECT_EQ(why(Tnef("IPM.TaskRequest\n forged=yes")), "its class is ipm.taskrequest??forged=yes");
    EXPECT_EQ(why(Tnef("IPM.Microsoft Mail.Read Receipt")), "its class is report.ipm.note.ipnrn");
    EXPECT_EQ(why(Tnef("IPM.Note.SMIME.MultipartSigned")), "its class is ipm.note.smime.multipartsigned");
    EXPECT_EQ(why(Tnef("IPM.Note.Custom")), "nothing");
    EXPECT_EQ(why(Tnef("")), "nothing");
    EXPECT_EQ(why(Tnef().object(Properties().number(method, 4))),
              "an attachment that is kept somewhere else");
    EXPECT_EQ(why(Tnef().object(Properties().number(method, 1))), "an attachment without content");
}

TEST(Tnef, BrokenFormIsNamed)
{
    const std::string good = Tnef().body("text").octets();
    const auto why = [](const std::string& octets) { return Read(octets).why(); };
    EXPECT_EQ(why(""), "it does not begin like TNEF");
    EXPECT_EQ(why("x" + good), "it does not begin like TNEF");
    EXPECT_EQ(why(good.substr(0, good.size() - 1)), "an attribute is cut off");
    EXPECT_EQ(why(good + std::string(8, '\0')), "nothing") << "too few for another attribute";
    EXPECT_EQ(why(good + std::string(20, '\0')), "an attribute of no known level");
    std::string changed = good;
    changed[good.size() - 1] ^= 1;
    EXPECT_EQ(why(changed), "the checksum of an attribute is wrong");
    EXPECT_EQ(why(Tnef().attribute(1, 0x00069003, little_endian(2, 4)).octets()), "properties are cut off");
    EXPECT_EQ(why(Tnef().attribute(1, 0x00069003, little_endian(0xffffffff, 4)).octets()),
              "properties are cut off");
    EXPECT_EQ(why(Tnef().attribute(1, 0x00069003, little_endian(1, 4) + "\x77\x07\0\0"s).octets()),
              "a property of no known type");
}

TEST(Tnef, EveryNumberHasItsLimit)
{
    TnefLimits limits;
    limits.attachments = 2;
    EXPECT_EQ(read(Tnef().file("a", "").file("b", ""), limits).why(), "nothing");
    EXPECT_EQ(read(Tnef().file("a", "").file("b", "").file("c", ""), limits).why(), "too many attachments");
    limits = {};
    limits.properties = 2;
    EXPECT_EQ(read(Tnef().properties(Properties().number(1, 1).number(2, 2)), limits).why(), "nothing");
    EXPECT_EQ(read(Tnef().properties(Properties().number(1, 1).number(2, 2).number(3, 3)), limits).why(),
              "too many properties");
    limits = {};
    limits.recipients = 1;
    const auto row = Properties().text(0x39fe, "a@example.org").octets();
    EXPECT_EQ(read(Tnef().attribute(1, 0x00069004, little_endian(1, 4) + row), limits).why(), "nothing");
    EXPECT_EQ(read(Tnef().attribute(1, 0x00069004, little_endian(2, 4) + row + row), limits).why(),
              "too many recipients");
}

// --- meetings ------------------------------------------------------------------

const base::Time noon = base::parse_time("2026-11-23T12:00:00Z").value();

Properties meeting_properties()
{
    Properties p;
    p.time(0x820d, noon, appointment_set)
        .time(0x820e, noon + std::chrono::hours(1), appointment_set)
        .text(0x8208, "Room 1; left, \\ back", appointment_set)
        .number(0x8201, 3, appointment_set)
        .binary(0x0003, global_id("\x01\x02"), meeting_set);
    return p;
}

TEST(TnefMeeting, ARequestHasItsTimeItsPlaceAndItsIdentification)
{
    const auto m =
        read(Tnef("IPM.Schedule.Meeting.Request").subject("Plan").properties(meeting_properties()));
    ASSERT_TRUE(m->meeting);
    EXPECT_EQ(m->meeting->method, mime::TnefMeeting::Method::request);
    EXPECT_EQ(m->meeting->start, noon);
    EXPECT_EQ(m->meeting->end, noon + std::chrono::hours(1));
    EXPECT_EQ(m->meeting->uid,
              "040000008200E00074C5B7101A82E00800000000000000000000000000000000"
              "00000000020000000102");
    const auto text = mime::calendar_of(
        *m->meeting,
        {{"Alice \"A\"", "alice@example.org"}, {{mime::TnefRecipient::Kind::cc, {"", "bob@x.example"}}}},
        "Plan", "two\r\nlines", noon);
    for (const char* line :
         {"METHOD:REQUEST\r\n", "DTSTART:20261123T120000Z\r\n", "DTEND:20261123T130000Z\r\n",
          "SEQUENCE:3\r\n", "LOCATION:Room 1\\; left\\, \\\\ back\r\n", "DESCRIPTION:two\\nlines\r\n",
          "ORGANIZER;CN=\"Alice 'A'\":mailto:alice@example.org\r\n",
          "ATTENDEE;ROLE=OPT-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:bob@x.\r\n example\r\n"})
        EXPECT_NE(text.find(line), std::string::npos) << line << text;
}

TEST(TnefMeeting, CancellationsAndAnswersSayWhatTheyAre)
{
    using Method = mime::TnefMeeting::Method;
    using Answer = mime::TnefMeeting::Answer;
    const auto of = [](const std::string& name) {
        const auto m = read(Tnef(name).properties(meeting_properties()));
        return std::pair(m->meeting->method, m->meeting->answer);
    };
    EXPECT_EQ(of("IPM.Microsoft Schedule.MtgCncl"), std::pair(Method::cancel, Answer::none));
    EXPECT_EQ(of("IPM.Schedule.Meeting.Resp.Pos"), std::pair(Method::reply, Answer::accepted));
    EXPECT_EQ(of("IPM.Schedule.Meeting.Resp.Neg"), std::pair(Method::reply, Answer::declined));
    EXPECT_EQ(of("IPM.Microsoft Schedule.MtgRespA"), std::pair(Method::reply, Answer::tentative));
}

TEST(TnefMeeting, AnIdentificationThatCameFromElsewhereIsAsItWas)
{
    Properties p;
    p.time(0x820d, noon, appointment_set).time(0x820e, noon, appointment_set);
    p.binary(0x0003, global_id("vCal-Uid\x01\0\0\0abc@partner.example\0"s), meeting_set);
    EXPECT_EQ(read(Tnef("IPM.Schedule.Meeting.Request").properties(p))->meeting->uid, "abc@partner.example");
}

TEST(TnefMeeting, OneOfASeriesNeedsToSayWhich)
{
    Properties p;
    p.time(0x820d, noon, appointment_set).time(0x820e, noon, appointment_set);
    p.binary(0x0003, global_id("x", "\x07\xea\x0b\x17"), meeting_set);
    const Tnef without = Tnef("IPM.Schedule.Meeting.Request").properties(p);
    EXPECT_EQ(read(without).why(), "one of a series of meetings, and not which");
    p.time(0x8228, noon - std::chrono::hours(2), appointment_set);
    const auto m = read(Tnef("IPM.Schedule.Meeting.Request").properties(p));
    EXPECT_EQ(m->meeting->instance, noon - std::chrono::hours(2));
    EXPECT_EQ(m->meeting->uid.substr(32, 8), "00000000") << "the series has one identification";
}

TEST(TnefMeeting, WhatCannotBeSaidWholeIsLeftAlone)
{
    const auto why = [](const Properties& p) {
        return read(Tnef("IPM.Schedule.Meeting.Request").properties(p)).why();
    };
    EXPECT_EQ(why(meeting_properties()), "nothing");
    EXPECT_EQ(why(meeting_properties().boolean(0x8223, true, appointment_set)), "a meeting that recurs");
    EXPECT_EQ(why(meeting_properties().boolean(0x0005, true, meeting_set)), "a meeting that recurs");
    EXPECT_EQ(why(Properties()), "a meeting without its time");
    EXPECT_EQ(why(Properties().time(0x820d, noon, appointment_set).time(0x820e, noon, appointment_set)),
              "a meeting without identification");
}

TEST(TnefMeeting, NoTextCanAddALineToTheCalendar)
{
    mime::TnefMeeting m;
    m.uid = "u\r\nEVIL:1";
    m.location = "a\rEVIL:1\nEVIL:2";
    const auto text =
        mime::calendar_of(m, {{"x\r\nEVIL:1", "a@b\r\nEVIL:1"}, {}}, "s\nEVIL:1", "d\r\nEVIL:1\0", noon);
    EXPECT_EQ(text.find("\nEVIL"), std::string::npos) << text;
    EXPECT_EQ(text.find("\rEVIL"), std::string::npos) << text;
    EXPECT_EQ(text.find("ORGANIZER"), std::string::npos);
}

}  // namespace
