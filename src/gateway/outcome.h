// What is to become of a message: computed whole before the first edit.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/log.h"
#include "base/octets.h"
#include "gateway/message.h"
#include "store/harvest.h"

namespace gateway
{

// In the order of the list they are applied; for one name, changes come before
// removals and removals go from the highest index down (Postfix shifts the
// indices of later fields at once, Sendmail does not).
struct HeaderEdit {
    enum class Kind {
        insert,  // at the very top, above the MTA's own Received
        append,  // after the last field
        change,  // the index-th field of that name
        remove,
    };
    Kind kind;
    std::string name;
    int index = 1;      // 1-based among the fields of that name as received
    std::string value;  // without the leading blank; folded with LF and a blank or tab
};

// A piece of a new body: octets of the message, an owned string, or something
// that writes itself out in runs (false from the sink means: stop).
using Sink = std::function<bool(base::Octets)>;
using Generator = std::function<bool(const Sink&)>;
using BodyPiece = std::variant<base::Octets, std::string, Generator>;

enum class Action { accept, reject, tempfail, quarantine };

// Where something went wrong that is not the message's fault alone: what somebody has to
// look after, as against a verdict.  For metrics; the reason is in the log.
enum class Stage {
    admission,    // too much mail at once
    receive,      // no memory, or the MTA ended what it had not begun
    certificate,  // none to sign with or to encrypt for somebody, and it had to be
    sign,
    encrypt,
    decrypt,   // encrypted mail stays as it is
    verify,    // it cannot be told at the moment
    split,     // sealing, and copies that come back
    edit,      // the MTA did not take the result
    internal,  // a bug
};
inline constexpr std::size_t stages = static_cast<std::size_t>(Stage::internal) + 1;
[[nodiscard]] const char* name(Stage stage);

// Copies that the daemon gives to the MTA by SMTP before the message is answered; the
// message itself then goes nowhere.
struct HandOver {
    struct Copy {
        std::string to;
        std::string id;  // the same when the same message comes again for the same recipient
    };
    std::string server;  // "127.0.0.1:10027"
    std::string from;    // "" for the null sender
    std::vector<Copy> copies;
    std::string octets;       // of each, wire form
    bool identified = false;  // by a Message-ID: no other message is like it
};

struct Outcome {
    Action action = Action::accept;
    // For reject and tempfail; text without details that help an attacker.
    std::string reply_code;      // "550"
    std::string reply_enhanced;  // "5.7.7"
    std::string reply_text;
    std::string quarantine_reason;

    std::vector<HeaderEdit> header;
    // A report of non-delivery must not bring the text back to whoever sent it: what was
    // decrypted would then be theirs (and nothing may tell whether it was).
    bool confidential = false;
    bool replace_body = false;
    std::vector<BodyPiece> body;                 // when replace_body
    std::vector<std::size_t> remove_recipients;  // indices into Envelope::recipients
    std::optional<HandOver> hand_over;           // without any edit

    // For the log line, metrics and --json, in the order in which they are shown.
    struct Fact {
        std::string key, value;
        bool is_address = false;
    };
    std::vector<Fact> facts;
    base::Level level = base::Level::info;
    // What the message teaches about its author; for the daemon to remember.
    std::optional<store::Lesson> lesson;
    std::optional<Stage> failed;

    [[nodiscard]] bool edits() const { return !header.empty() || replace_body || !remove_recipients.empty(); }
    [[nodiscard]] const std::string* fact(std::string_view key) const;
};

// "4bXyz: action=sign rule=staff status=ok ..." (queue id first).
[[nodiscard]] base::LogLine log_record(const Envelope& envelope, const Outcome& outcome);
[[nodiscard]] std::string log_line(const Envelope& envelope, const Outcome& outcome);

// The message as it is after the edits, wire form: what the MTA would queue
// (without its own Received).
[[nodiscard]] std::string render(const Message& message, const Outcome& outcome);

}  // namespace gateway
