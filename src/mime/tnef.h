// TNEF (MS-OXTNEF), the winmail.dat of Outlook and Exchange: what the message in it
// says, as parts that ordinary MIME can carry.
//
// Our own reader: the one library that Debian has (libytnef) allocates by what the
// message claims, prints to standard output and writes files named by the message.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "base/clock.h"
#include "base/octets.h"

namespace mime
{

struct TnefLimits {
    std::size_t depth = 5;  // of messages in messages
    std::size_t attachments = 1'000;
    std::size_t properties = 200'000;  // of everything together
    std::size_t recipients = 10'000;
    std::size_t expanded =
        16U << 20;  // octets of compressed text, all together, and what more they are in UTF-8
    std::size_t names = 96U << 10;  // octets of subjects and of attachments' names in UTF-8, all together
};

class CodePages;

struct TnefAddress {
    std::string name;     // UTF-8
    std::string address;  // addr-spec; "" when it is none of SMTP
};

struct TnefRecipient {
    enum class Kind { to, cc, bcc } kind = Kind::to;
    TnefAddress who;
};

// A request for a meeting, its cancellation or an answer (MS-OXOCAL).
struct TnefMeeting {
    enum class Method { request, cancel, reply, counter, publish } method = Method::request;
    enum class Answer { none, accepted, declined, tentative } answer = Answer::none;  // of a reply
    std::string uid;
    std::optional<base::Time> instance;  // of a series, when it is about that one only
    base::Time start, end;
    bool all_day = false;  // of the sender's days
    std::string location;
    unsigned sequence = 0;
    std::optional<base::Time> made;
    std::optional<unsigned> reminder;  // minutes before
    bool free = false;                 // it does not make its attendees busy
    bool is_private = false;
    bool answer_wanted = true;
};

struct TnefMessage;

struct TnefAttachment {
    std::string name;        // UTF-8, no path; "" when it has none
    std::string type;        // "image/png" as the sender's program said, lower case; or ""
    std::string content_id;  // what HTML calls it, without <>
    base::Octets data;       // borrowed
    bool opaque = false;     // an object of a program: `data` is its storage
    std::shared_ptr<const TnefMessage> message;  // instead of data
};

struct TnefMessage {
    std::string subject, message_id;
    TnefAddress from;
    std::optional<base::Time> date;
    std::vector<TnefRecipient> recipients;

    std::optional<std::string> text;  // UTF-8, line ends are CRLF
    bool text_from_rich = false;      // it was made from `rich`
    struct Html {
        std::string octets;
        std::string charset;  // they are in
    };
    std::optional<Html> html;
    std::optional<std::string> rich;  // RTF that is not HTML or text in disguise
    std::optional<TnefMeeting> meeting;
    std::vector<TnefAttachment> attachments;
};

// Everything that the message in `octets` says, or why it cannot be said in MIME whole,
// one lower-case phrase: a reader must not get less than the sender wrote.  That are
// contacts, tasks and others that are no mail, meetings that recur, attachments that are
// somewhere else.  Properties that only Outlook has use for (categories, flags, voting
// buttons) are left out.  The result borrows from `octets`.  Time and memory are linear
// in them and in limits.expanded.
[[nodiscard]] tl::expected<TnefMessage, std::string> read_tnef(base::Octets octets,
                                                               const TnefLimits& limits = {});
// The same for one of several in a message, which have `pages` in common: what it has used
// is taken off `left`.
[[nodiscard]] tl::expected<TnefMessage, std::string> read_tnef_within(base::Octets octets, TnefLimits& left,
                                                                      CodePages& pages);

}  // namespace mime
