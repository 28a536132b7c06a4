// Ordinary MIME made of a TnefMessage: our own writer.
//
// An entity is its header, an empty line and its content, with CRLF line ends; what is
// written here is 7-bit with lines of at most 988 octets (mostly 76).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "mime/tnef.h"
#include "mime/tnef_meeting.h"

namespace gateway
{

using MimeEntity = std::string;

struct ComposeContext {
    base::Random* random = nullptr;  // for boundaries
    base::Time now{};                // DTSTAMP of a meeting that does not say when it was made
    mime::CalendarPeople people;     // of the message that arrived; those attached have their own
    std::string subject;             // where the TNEF does not say it again
};

// multipart/SUBTYPE with these parts, its boundary in none of them.  `parameters` stand
// behind the boundary: "; type=\"text/html\"" or nothing.
[[nodiscard]] MimeEntity multipart(const std::string& subtype, const std::vector<MimeEntity>& parts,
                                   base::Random& random, const std::string& parameters = {});

// The body, and then one entity for each attachment.  The body is the text, the HTML
// with the pictures it names (multipart/related), the meeting, or several of these
// (multipart/alternative).  `text`: stands for the text of the message, or before its HTML.
// RTF that is neither HTML nor text in disguise is an attachment, message.rtf.
[[nodiscard]] std::vector<MimeEntity> compose(const mime::TnefMessage& message,
                                              const std::optional<MimeEntity>& text,
                                              const ComposeContext& context);

}  // namespace gateway
