#include "milter/apply.h"

#include <string>
#include <utility>
#include <variant>

namespace milter
{
namespace
{

using gateway::HeaderEdit;

// libmilter takes an int; one call also never holds its thread for long.
constexpr std::size_t longest_run = std::size_t{1} << 30;

// CR and NUL would stay in the queue file, and Sendmail takes an LF without a
// blank behind it for the end of the field.
bool well_formed(const HeaderEdit& edit)
{
    if (edit.name.empty() || edit.name.find_first_of(std::string_view(":\r\n\0 ", 5)) != std::string::npos)
        return false;
    const std::string& value = edit.value;
    if (value.find_first_of(std::string_view("\r\0", 2)) != std::string::npos) return false;
    for (auto at = value.find('\n'); at != std::string::npos; at = value.find('\n', at + 1))
        if (at + 1 == value.size() || (value[at + 1] != ' ' && value[at + 1] != '\t')) return false;
    return true;
}

bool apply(const HeaderEdit& edit, Mta& mta)
{
    if (!well_formed(edit)) return false;
    switch (edit.kind) {
        case HeaderEdit::Kind::insert: return mta.insert_field(edit.name, edit.value);
        case HeaderEdit::Kind::append: return mta.append_field(edit.name, edit.value);
        case HeaderEdit::Kind::change: return mta.change_field(edit.name, edit.index, edit.value);
        case HeaderEdit::Kind::remove: return mta.remove_field(edit.name, edit.index);
    }
    return false;
}

class BodyWriter
{
public:
    explicit BodyWriter(Mta& mta) : mta_(mta) {}

    bool write(base::Octets run)
    {
        if (pending_.size() + run.size() <= joined) {
            pending_ += run;
            return ok_;
        }
        return send(std::exchange(pending_, {})) && send(run);
    }

    bool write(const gateway::BodyPiece& piece)
    {
        if (const auto* span = std::get_if<base::Octets>(&piece)) return write(*span);
        if (const auto* text = std::get_if<std::string>(&piece)) return write(base::Octets(*text));
        // A generator that overlooks a failed sink must not turn it into a success.
        return std::get<gateway::Generator>(piece)([this](base::Octets run) { return write(run); }) && ok_;
    }

    bool finish() { return ok_ && send(pending_) && (wrote_ || mta_.replace_body({})); }

private:
    // Short pieces travel together: each packet costs more than copying so much.
    static constexpr std::size_t joined = 32U << 10;

    bool send(base::Octets run)
    {
        while (!run.empty()) {
            const auto slice = run.substr(0, longest_run);
            if (!mta_.replace_body(slice)) return ok_ = false;
            wrote_ = true;
            run.remove_prefix(slice.size());
        }
        return ok_;
    }

    Mta& mta_;
    std::string pending_;
    bool ok_ = true;
    bool wrote_ = false;
};

Applied failed(std::string what) { return {Answer::tempfail, std::move(what)}; }

Applied refuse(Answer answer, const SmtpReply& reply, Mta& mta)
{
    // Without its text the refusal still stands.
    (void)mta.set_reply(reply);
    return {answer, {}};
}

}  // namespace

Applied apply(const gateway::Outcome& outcome, const gateway::Message& message, Mta& mta)
{
    using gateway::Action;
    if (outcome.action == Action::reject)
        return refuse(Answer::reject,
                      permanent_reply(outcome.reply_code, outcome.reply_enhanced, outcome.reply_text), mta);
    if (outcome.action == Action::tempfail)
        return refuse(Answer::tempfail,
                      temporary_reply(outcome.reply_code, outcome.reply_enhanced, outcome.reply_text), mta);

    for (const auto& edit : outcome.header)
        if (!apply(edit, mta)) return failed("the MTA did not take the change of the field " + edit.name);
    const auto& recipients = message.envelope.recipients_as_given;
    for (const std::size_t index : outcome.remove_recipients)
        if (index >= recipients.size() || !mta.remove_recipient(recipients[index]))
            return failed("the MTA did not take the removal of a recipient");
    // RFC 3461 section 4.3: reports of failure then bring the header back only.
    const auto& sender = message.envelope.mail_from;
    if (outcome.confidential && !sender.empty() && !mta.change_sender("<" + sender + ">", "RET=HDRS"))
        return failed("the MTA did not take the change of the sender's parameters");
    if (outcome.action == Action::quarantine &&
        !mta.quarantine(outcome.quarantine_reason.empty() ? "held by smime-milter"
                                                          : outcome.quarantine_reason))
        return failed("the MTA did not take the quarantine");
    if (outcome.replace_body) {
        BodyWriter writer(mta);
        for (const auto& piece : outcome.body)
            if (!writer.write(piece)) return failed("the MTA did not take the new body");
        if (!writer.finish()) return failed("the MTA did not take the new body");
    }
    return {};
}

}  // namespace milter
