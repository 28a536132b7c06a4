// Meetings among MAPI properties (MS-OXOCAL), and as iCalendar (RFC 5545, RFC 5546).
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "mime/tnef.h"
#include "mime/tnef_stream.h"

namespace mime
{

// Does a message of this class hold one?  The class in lower case, by its modern name.
[[nodiscard]] bool is_meeting_class(std::string_view message_class);

// `spare_id`: the identification of an appointment that was never a meeting.
[[nodiscard]] tl::expected<TnefMeeting, std::string> read_meeting(std::string_view message_class,
                                                                  const MapiProperties& properties,
                                                                  const std::string& spare_id,
                                                                  CodePages& pages, unsigned code_page);

// Who takes part; of a message that came by mail its header says so.
struct CalendarPeople {
    TnefAddress organizer;
    std::vector<TnefRecipient> attendees;
};

[[nodiscard]] const char* name(TnefMeeting::Method method);  // "REQUEST", for METHOD and method=

// One VCALENDAR with one VEVENT, in UTF-8, lines of at most 75 octets that end in CRLF.
[[nodiscard]] std::string calendar_of(const TnefMeeting& meeting, const CalendarPeople& people,
                                      std::string_view summary, std::string_view description, base::Time now);

}  // namespace mime
