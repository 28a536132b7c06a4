#include "mime/tnef_meeting.h"

#include <array>
#include <utility>

#include "base/ascii.h"

namespace mime
{
namespace
{

using Method = TnefMeeting::Method;
using Answer = TnefMeeting::Answer;
using property_set::appointment;
using property_set::common;
using property_set::meeting;

struct Kind {
    std::string_view message_class;
    Method method;
    Answer answer;
};
constexpr Kind kinds[] = {{"ipm.schedule.meeting.request", Method::request, Answer::none},
                          {"ipm.schedule.meeting.canceled", Method::cancel, Answer::none},
                          {"ipm.schedule.meeting.resp.pos", Method::reply, Answer::accepted},
                          {"ipm.schedule.meeting.resp.neg", Method::reply, Answer::declined},
                          {"ipm.schedule.meeting.resp.tent", Method::reply, Answer::tentative},
                          {"ipm.appointment", Method::publish, Answer::none}};

const Kind* kind_of(std::string_view message_class)
{
    for (const auto& kind : kinds)
        if (kind.message_class == message_class) return &kind;
    return nullptr;
}

tl::unexpected<std::string> cannot(const char* why) { return tl::make_unexpected(std::string(why)); }

// PidLidGlobalObjectId (MS-OXCICAL section 2.1.3.1.1.20.26): a UID that came from
// iCalendar as it was, others in hexadecimal without the date of the instance.
struct GlobalId {
    std::string uid;
    std::optional<base::Time> day;
};

std::optional<GlobalId> read_global_id(base::Octets id)
{
    constexpr std::size_t date = 16, data = 40;
    constexpr base::Octets foreign("vCal-Uid\x01\0\0\0", 12);
    if (id.size() < data || id.size() > 4096) return std::nullopt;
    GlobalId out;
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(id[i]); };
    const int year = at(date) << 8 | at(date + 1);
    const std::chrono::year_month_day day{std::chrono::year(year), std::chrono::month(at(date + 2)),
                                          std::chrono::day(at(date + 3))};
    if (year != 0) {
        if (!day.ok()) return std::nullopt;
        out.day = std::chrono::sys_days(day);
    }
    if (id.substr(data).starts_with(foreign)) {
        out.uid = without_nul(id.substr(data + foreign.size()));
        for (const char c : out.uid)
            if (base::is_control(c)) return std::nullopt;
        return out;
    }
    std::string cleaned(id);
    cleaned.replace(date, 4, 4, '\0');
    out.uid = base::hex(cleaned);
    for (char& c : out.uid) c = c >= 'a' ? static_cast<char>(c - 32) : c;
    return out;
}

}  // namespace

bool is_meeting_class(std::string_view message_class) { return kind_of(message_class) != nullptr; }

tl::expected<TnefMeeting, std::string> read_meeting(std::string_view message_class, const MapiProperties& p,
                                                    const std::string& spare_id, CodePages& pages,
                                                    unsigned code_page)
{
    constexpr std::uint16_t start_date = 0x0060, end_date = 0x0061, sensitivity = 0x0036,
                            reply_requested = 0x0063;
    const auto* kind = kind_of(message_class);
    if (kind == nullptr) return cannot("it is no meeting");
    TnefMeeting out;
    out.method = kind->method;
    out.answer = kind->answer;
    const auto number = [&](base::Octets set, std::uint32_t id) {
        return MapiProperties::number(p.find(set, id));
    };
    const auto time = [&](base::Octets set, std::uint32_t id) {
        return MapiProperties::time(p.find(set, id));
    };

    if (number(appointment, 0x8223).value_or(0) != 0 || p.find(appointment, 0x8216) != nullptr)
        return cannot("a meeting that recurs");
    if (out.method == Method::reply && number(appointment, 0x8257).value_or(0) != 0)
        out.method = Method::counter;

    const bool counter = out.method == Method::counter;
    auto start = time(appointment, counter ? 0x8250 : 0x820d),
         end = time(appointment, counter ? 0x8251 : 0x820e);
    if (!start) start = time(common, 0x8516);
    if (!end) end = time(common, 0x8517);
    if (!start) start = MapiProperties::time(p.find(start_date));
    if (!end) end = MapiProperties::time(p.find(end_date));
    if (!start || !end || *end < *start) return cannot("a meeting without its time");
    out.start = *start;
    out.end = *end;
    out.all_day = number(appointment, 0x8215).value_or(0) != 0;

    if (const auto id = MapiProperties::binary(p.find(meeting, 0x0003))) {
        auto global = read_global_id(*id);
        if (!global || global->uid.empty()) return cannot("a meeting whose identification is broken");
        out.uid = std::move(global->uid);
        if (global->day) {
            out.instance = time(appointment, 0x8228);
            if (!out.instance) return cannot("one of a series of meetings, and not which");
        } else if (number(meeting, 0x0005).value_or(0) != 0) {
            return cannot("a meeting that recurs");
        }
    } else if (out.method == Method::publish && !spare_id.empty()) {
        out.uid = spare_id;
    } else {
        return cannot("a meeting without identification");
    }

    for (const auto& [set, id] : {std::pair{appointment, 0x8208U}, std::pair{meeting, 0x0002U}}) {
        const auto* where = p.find(set, id);
        if (!MapiProperties::is_text(where)) continue;
        auto text = MapiProperties::text(where, pages, code_page);
        if (!text) return cannot("a text is not in the code page that it names");
        if (out.location.empty()) out.location = std::move(*text);
    }
    out.sequence = number(appointment, 0x8201).value_or(0) & 0x7fffffffU;
    const bool answers = out.method == Method::reply || counter;
    out.made = answers ? time(meeting, 0x0001) : time(meeting, 0x001a);
    if (number(common, 0x8503).value_or(0) != 0)
        if (const auto minutes = number(common, 0x8501); minutes && *minutes <= 60U * 24 * 366)
            out.reminder = minutes;
    out.free = number(appointment, out.method == Method::request ? 0x8224 : 0x8205).value_or(2) == 0;
    out.is_private = MapiProperties::number(p.find(sensitivity)).value_or(0) >= 2;
    out.answer_wanted = MapiProperties::number(p.find(reply_requested)).value_or(1) != 0;
    return out;
}

}  // namespace mime
