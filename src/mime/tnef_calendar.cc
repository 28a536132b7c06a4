#include <algorithm>

#include "base/ascii.h"
#include "mime/tnef_meeting.h"

namespace mime
{
namespace
{

using Method = TnefMeeting::Method;

// RFC 5545 section 3.3.11; other controls than line ends and tabs have no place.
std::string escaped(std::string_view text)
{
    std::string out;
    out.reserve(text.size() + text.size() / 8);
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '\\' || c == ';' || c == ',')
            out += {'\\', c};
        else if (c == '\n' || (c == '\r' && text.substr(i + 1, 1) != "\n"))
            out += "\\n";
        else if (!base::is_control(c) || c == '\t')
            out += c;
    }
    return out;
}

// RFC 5545 section 3.2: a quoted value cannot hold its quotes.
std::string parameter(std::string_view text)
{
    std::string out = "\"";
    for (const char c : text)
        if (!base::is_control(c)) out += c == '"' ? '\'' : c;
    return out + '"';
}

// "20261123T120000Z", from "2026-11-23T12:00:00Z".
std::string utc(base::Time t)
{
    std::string out = base::iso8601(t);
    std::erase_if(out, [](char c) { return c == '-' || c == ':'; });
    return out;
}

class Calendar
{
public:
    // Folded before the 76th octet, between characters (RFC 5545 section 3.1).
    void line(std::string_view content)
    {
        constexpr std::size_t most = 75;
        const auto goes_on = [&](std::size_t at) {  // a character of UTF-8
            return (static_cast<unsigned char>(content[at]) & 0xc0U) == 0x80;
        };
        for (std::size_t room = most; content.size() > room; room = most - 1) {
            std::size_t size = room;
            while (size > 1 && goes_on(size)) --size;
            out_ += content.substr(0, size);
            out_ += "\r\n ";
            content.remove_prefix(size);
        }
        out_ += content;
        out_ += "\r\n";
    }

    // Addresses that could not stand in a line are nobody's.
    void person(std::string_view property, const TnefAddress& who, const std::string& parameters = {})
    {
        if (who.address.empty() || std::any_of(who.address.begin(), who.address.end(),
                                               [](char c) { return base::is_control(c) || c == ' '; }))
            return;
        line(std::string(property) + (who.name.empty() ? "" : ";CN=" + parameter(who.name)) + parameters +
             ":mailto:" + who.address);
    }

    [[nodiscard]] std::string take() { return std::move(out_); }

private:
    std::string out_;
};

const char* participation(TnefMeeting::Answer answer)
{
    switch (answer) {
        case TnefMeeting::Answer::accepted: return "ACCEPTED";
        case TnefMeeting::Answer::declined: return "DECLINED";
        case TnefMeeting::Answer::tentative: return "TENTATIVE";
        case TnefMeeting::Answer::none: return "NEEDS-ACTION";
    }
    return "NEEDS-ACTION";
}

}  // namespace

const char* name(Method method)
{
    switch (method) {
        case Method::request: return "REQUEST";
        case Method::cancel: return "CANCEL";
        case Method::reply: return "REPLY";
        case Method::counter: return "COUNTER";
        case Method::publish: return "PUBLISH";
    }
    return "REQUEST";
}

std::string calendar_of(const TnefMeeting& meeting, const CalendarPeople& people, std::string_view summary,
                        std::string_view description, base::Time now)
{
    Calendar out;
    out.line("BEGIN:VCALENDAR");
    out.line("PRODID:-//smime-milter//TNEF//EN");
    out.line("VERSION:2.0");
    out.line(std::string("METHOD:") + name(meeting.method));
    out.line("BEGIN:VEVENT");
    out.line("UID:" + escaped(meeting.uid));
    out.line("DTSTAMP:" + utc(meeting.made.value_or(now)));
    if (meeting.instance) out.line("RECURRENCE-ID:" + utc(*meeting.instance));
    out.line("DTSTART:" + utc(meeting.start));
    out.line("DTEND:" + utc(meeting.end));
    // Where the sender's days begin is not told: the time is right for everybody.
    if (meeting.all_day) out.line("X-MICROSOFT-CDO-ALLDAYEVENT:TRUE");
    out.line("SEQUENCE:" + std::to_string(meeting.sequence));
    out.line("SUMMARY:" + escaped(summary));
    if (!meeting.location.empty()) out.line("LOCATION:" + escaped(meeting.location));
    if (!description.empty()) out.line("DESCRIPTION:" + escaped(description));
    out.person("ORGANIZER", people.organizer);
    for (const auto& attendee : people.attendees) {
        std::string parameters =
            attendee.kind == TnefRecipient::Kind::to ? ";ROLE=REQ-PARTICIPANT" : ";ROLE=OPT-PARTICIPANT";
        parameters += std::string(";PARTSTAT=") + participation(meeting.answer);
        if (meeting.method == Method::request && meeting.answer_wanted) parameters += ";RSVP=TRUE";
        out.person("ATTENDEE", attendee.who, parameters);
    }
    if (meeting.method == Method::cancel) out.line("STATUS:CANCELLED");
    out.line(meeting.free ? "TRANSP:TRANSPARENT" : "TRANSP:OPAQUE");
    if (meeting.is_private) out.line("CLASS:PRIVATE");
    if (meeting.reminder && meeting.method != Method::cancel) {
        out.line("BEGIN:VALARM");
        out.line("ACTION:DISPLAY");
        out.line("DESCRIPTION:" + escaped(summary));
        out.line("TRIGGER:-PT" + std::to_string(*meeting.reminder) + "M");
        out.line("END:VALARM");
    }
    out.line("END:VEVENT");
    out.line("END:VCALENDAR");
    return out.take();
}

}  // namespace mime
