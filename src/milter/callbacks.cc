#include "milter/callbacks.h"

#include <algorithm>
#include <exception>
#include <new>
#include <optional>

#include "milter/envelope.h"
#include "milter/session.h"

namespace milter
{
namespace
{

constexpr unsigned long needed_actions = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_CHGBODY;
// Always asked for: a reload may bring the first rule that needs them, and open
// connections cannot negotiate again.  Without them such a rule ends in a
// temporary failure.
constexpr unsigned long wanted_actions = needed_actions | SMFIF_QUARANTINE | SMFIF_DELRCPT | SMFIF_CHGFROM;

// An answer is wanted at end-of-header (mail that no rule wants is accepted
// there, before its body is sent) and at end-of-message; every other step
// without one halves the cost of a message.  That rules out SMFIP_SKIP, which is
// the answer to a body chunk.
constexpr unsigned long silent_steps =
    SMFIP_NR_CONN | SMFIP_NR_MAIL | SMFIP_NR_RCPT | SMFIP_NR_HDR | SMFIP_NR_BODY;
constexpr unsigned long wanted_protocol =
    silent_steps | SMFIP_HDR_LEADSPC | SMFIP_NOHELO | SMFIP_NOUNKNOWN | SMFIP_NODATA;

Runtime* the_runtime = nullptr;
std::atomic<std::int64_t> running = 0;
std::atomic<std::int64_t> waiting = 0;
std::atomic<std::uint64_t> finished = 0;

struct Ending {
    Ending() = default;
    Ending(const Ending&) = delete;
    Ending& operator=(const Ending&) = delete;
    ~Ending() { ++finished; }
};

// What belongs to one connection.
struct Connection {
    explicit Connection(Runtime& runtime) : session(runtime) {}
    Session session;
    unsigned long protocol = 0, actions = 0;  // what was negotiated
};

// The MTA behind one connection.
class LibmilterMta final : public Mta
{
public:
    LibmilterMta(SMFICTX* context, const Connection& connection)
        : context_(context),
          leading_blank_(connection.protocol & SMFIP_HDR_LEADSPC),
          changes_sender_(connection.actions & SMFIF_CHGFROM)
    {
    }

    std::string macro(const char* name) const override
    {
        const char* value = smfi_getsymval(context_, const_cast<char*>(name));
        return value == nullptr ? std::string() : value;
    }
    // That the MTA is kept patient does not mean that work goes on.
    bool progress() override
    {
        std::optional<Counted> here;
        if (!waits_) here.emplace(waiting);
        return smfi_progress(context_) == MI_SUCCESS;
    }
    void computes(bool yes) override
    {
        if (yes && waits_) ++finished;
        if (!yes && !waits_)
            waits_.emplace(waiting);
        else if (yes)
            waits_.reset();
    }
    bool insert_field(const std::string& name, const std::string& value) override
    {
        return done([&] { return smfi_insheader(context_, 0, text(name), text(blank(value))); });
    }
    bool append_field(const std::string& name, const std::string& value) override
    {
        return done([&] { return smfi_addheader(context_, text(name), text(blank(value))); });
    }
    bool change_field(const std::string& name, int index, const std::string& value) override
    {
        return done([&] { return smfi_chgheader(context_, text(name), index, text(blank(value))); });
    }
    bool remove_field(const std::string& name, int index) override
    {
        return done([&] { return smfi_chgheader(context_, text(name), index, nullptr); });
    }
    bool remove_recipient(const std::string& as_given) override
    {
        return done([&] { return smfi_delrcpt(context_, text(as_given)); });
    }
    bool change_sender(const std::string& address, const std::string& parameters) override
    {
        return !changes_sender_ ||
               done([&] { return smfi_chgfrom(context_, text(address), text(parameters)); });
    }
    bool quarantine(const std::string& reason) override
    {
        return done([&] { return smfi_quarantine(context_, text(reason)); });
    }
    bool replace_body(base::Octets run) override
    {
        // libmilter only reads what it is given.
        auto* octets = reinterpret_cast<unsigned char*>(const_cast<char*>(run.data()));
        return done([&] { return smfi_replacebody(context_, octets, static_cast<int>(run.size())); });
    }
    bool set_reply(const SmtpReply& reply) override
    {
        return done([&] {
            return smfi_setreply(context_, text(reply.code), text(reply.enhanced), text(reply.text));
        });
    }

private:
    // The call is made while it counts as waiting for the MTA.
    template <class Call>
    static bool done(Call call)
    {
        const Counted here(waiting);
        const bool right = call() == MI_SUCCESS;
        ++finished;
        return right;
    }
    static char* text(const std::string& string) { return const_cast<char*>(string.c_str()); }
    // An MTA that shows us the blank after the colon expects it from us too.  An
    // empty value would mean removal.
    [[nodiscard]] std::string blank(const std::string& value) const
    {
        return leading_blank_ || value.empty() ? " " + value : value;
    }

    SMFICTX* context_;
    bool leading_blank_, changes_sender_;
    std::optional<Counted> waits_;  // for somebody who is neither the MTA nor ourselves
};

// Created by whichever callback comes first: libmilter delivers MAIL without
// CONNECT after a bad sequence and after QUIT_NC.
Connection& connection_of(SMFICTX* context)
{
    auto* connection = static_cast<Connection*>(smfi_getpriv(context));
    if (connection == nullptr) {
        connection = new Connection(*the_runtime);
        smfi_setpriv(context, connection);
    }
    return *connection;
}

void log_fault(const char* what, const char* callback, const std::string& more = {})
{
    the_runtime->log.write(base::Level::error, std::string(what) + " in " + callback + more);
}

using Fault = Session::Fault;
void abort_session(Session& session, Fault) { session.abort(); }
void fail_session(Session& session, Fault fault) { session.fail(fault); }
void lose_client(Session& session, Fault fault) { session.lose_client(fault); }
void lose_session(Session& session, Fault fault) { session.lose(fault); }

// The one place where exceptions end; through libmilter's C they would be
// std::terminate().  Then `recover` is done to the session, and `otherwise` is
// the answer.
template <class Callback>
sfsistat guarded(SMFICTX* context, const char* name, sfsistat otherwise, void (*recover)(Session&, Fault),
                 Callback callback) noexcept
{
    const Ending at_the_end;
    const Counted here(running);
    // Recovering comes first: reporting may fail for want of memory, too, and then the
    // message would pass as if nothing had happened.
    const auto settle = [&](Fault fault, const char* what, const char* more) {
        if (auto* connection = static_cast<Connection*>(smfi_getpriv(context)))
            recover(connection->session, fault);
        log_fault(what, name, *more == '\0' ? std::string() : ": " + base::printable(more));
    };
    try {
        try {
            return callback();
        } catch (const std::bad_alloc&) {
            settle(Fault::memory, "out of memory", "");
        } catch (const std::exception& e) {
            settle(Fault::bug, "internal error", e.what());
        } catch (...) {
            settle(Fault::bug, "internal error", "unknown exception");
        }
    } catch (...) {
        // Out of memory while reporting it: the answer is all that is left.
        return otherwise;
    }
    return otherwise;
}

// A step for which the MTA was asked not to wait.  libmilter sends the "continue"
// itself where the MTA cannot do that.
template <class Step>
sfsistat silent_step(SMFICTX* context, const char* name, unsigned long silence, Step step,
                     void (*recover)(Session&, Fault) = fail_session) noexcept
{
    // Also when the session could not be made: then end-of-header finds no
    // message and answers with a temporary failure.
    const auto* known = static_cast<const Connection*>(smfi_getpriv(context));
    sfsistat answer = known != nullptr && (known->protocol & silence) == 0 ? SMFIS_CONTINUE : SMFIS_NOREPLY;
    return guarded(context, name, answer, recover, [&] {
        step(connection_of(context));
        return answer;
    });
}

template <class Step>
sfsistat answered_step(SMFICTX* context, const char* name, Step step) noexcept
{
    return guarded(context, name, SMFIS_TEMPFAIL, lose_session, [&]() -> sfsistat {
        auto& connection = connection_of(context);
        LibmilterMta mta(context, connection);
        switch (step(connection.session, mta)) {
            case Answer::proceed: return SMFIS_CONTINUE;
            case Answer::accept: return SMFIS_ACCEPT;
            case Answer::reject: return SMFIS_REJECT;
            case Answer::discard: return SMFIS_DISCARD;
            case Answer::tempfail: break;
        }
        return SMFIS_TEMPFAIL;
    });
}

void ask_for_macros(SMFICTX* context)
{
    const auto ask = [context](int stage, const char* names) {
        // A refusal changes nothing: the MTA then sends what it sends by default.
        (void)smfi_setsymlist(context, stage, const_cast<char*>(names));
    };
    ask(SMFIM_CONNECT, "j v {daemon_name} {client_addr}");
    ask(SMFIM_ENVFROM, "i j {daemon_name} {auth_type} {auth_authen} {verify} {cert_subject} {cert_issuer}");
    ask(SMFIM_EOH, "i");
    ask(SMFIM_EOM, "i");
}

sfsistat on_negotiate(SMFICTX* context, unsigned long actions, unsigned long protocol, unsigned long,
                      unsigned long, unsigned long* our_actions, unsigned long* our_protocol,
                      unsigned long* reserved2, unsigned long* reserved3)
{
    return guarded(context, "negotiate", SMFIS_REJECT, abort_session, [&]() -> sfsistat {
        if (the_runtime->draining()) return SMFIS_REJECT;
        if ((actions & needed_actions) != needed_actions) {
            the_runtime->log.write(base::Level::error,
                                   "the MTA does not let us add and change header fields and replace bodies "
                                   "(milter actions " +
                                       std::to_string(actions) + "); connection refused");
            return SMFIS_REJECT;
        }
        *our_actions = wanted_actions & actions;
        *our_protocol = wanted_protocol & protocol;
        *reserved2 = *reserved3 = 0;
        if ((actions & SMFIF_SETSYMLIST) != 0) {
            ask_for_macros(context);
            *our_actions |= SMFIF_SETSYMLIST;
        }
        connection_of(context).protocol = *our_protocol;
        connection_of(context).actions = *our_actions;
        return SMFIS_CONTINUE;
    });
}

sfsistat on_connect(SMFICTX* context, char* host, _SOCK_ADDR* address)
{
    return silent_step(
        context, "connect", SMFIP_NR_CONN,
        [&](Connection& connection) {
            connection.session.connect(host == nullptr ? "" : host, address_text(address));
        },
        lose_client);
}

sfsistat on_mail(SMFICTX* context, char** arguments)
{
    return silent_step(context, "mail", SMFIP_NR_MAIL, [&](Connection& connection) {
        connection.session.mail_from(arguments[0] == nullptr ? "" : arguments[0],
                                     LibmilterMta(context, connection));
    });
}

sfsistat on_recipient(SMFICTX* context, char** arguments)
{
    return silent_step(context, "recipient", SMFIP_NR_RCPT, [&](Connection& connection) {
        connection.session.recipient(arguments[0] == nullptr ? "" : arguments[0]);
    });
}

sfsistat on_field(SMFICTX* context, char* name, char* value)
{
    return silent_step(context, "header", SMFIP_NR_HDR, [&](Connection& connection) {
        // Without LEADSPC the MTA has taken away the one blank that almost surely was there.
        if ((connection.protocol & SMFIP_HDR_LEADSPC) != 0)
            connection.session.field(name, value);
        else
            connection.session.field(name, std::string(" ") + value);
    });
}

sfsistat on_body(SMFICTX* context, unsigned char* octets, size_t length)
{
    return silent_step(context, "body", SMFIP_NR_BODY, [&](Connection& connection) {
        connection.session.body({reinterpret_cast<const char*>(octets), length});
    });
}

sfsistat on_end_of_header(SMFICTX* context)
{
    return answered_step(context, "end-of-header",
                         [](Session& session, Mta& mta) { return session.end_of_header(mta); });
}

sfsistat on_end_of_message(SMFICTX* context)
{
    return answered_step(context, "end-of-message", [](Session& session, Mta& mta) {
        // For the MTA the two are the same here.  libmilter forgets on "accept" where it
        // is and then overlooks that another client comes over this connection.
        const Answer answer = session.end_of_message(mta);
        return answer == Answer::accept ? Answer::proceed : answer;
    });
}

sfsistat on_abort(SMFICTX* context)
{
    return guarded(context, "abort", SMFIS_CONTINUE, abort_session, [&] {
        if (auto* connection = static_cast<Connection*>(smfi_getpriv(context))) connection->session.abort();
        return SMFIS_CONTINUE;
    });
}

sfsistat on_close(SMFICTX* context)
{
    return guarded(context, "close", SMFIS_CONTINUE, abort_session, [&] {
        delete static_cast<Connection*>(smfi_getpriv(context));
        smfi_setpriv(context, nullptr);
        return SMFIS_CONTINUE;
    });
}

}  // namespace

std::int64_t callbacks_running() { return running; }

std::int64_t callbacks_computing() { return running - waiting; }
std::uint64_t callbacks_finished() { return finished; }

void serve(Runtime& runtime) { the_runtime = &runtime; }

smfiDesc callbacks()
{
    smfiDesc description{};
    static char name[] = "smime-milter";
    description.xxfi_name = name;
    description.xxfi_version = SMFI_VERSION;
    description.xxfi_flags = wanted_actions;
    description.xxfi_connect = on_connect;
    description.xxfi_envfrom = on_mail;
    description.xxfi_envrcpt = on_recipient;
    description.xxfi_header = on_field;
    description.xxfi_eoh = on_end_of_header;
    description.xxfi_body = on_body;
    description.xxfi_eom = on_end_of_message;
    description.xxfi_abort = on_abort;
    description.xxfi_close = on_close;
    description.xxfi_negotiate = on_negotiate;
    return description;
}

}  // namespace milter
