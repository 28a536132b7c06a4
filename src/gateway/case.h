// One message under decision, and the report that becomes its log line: what
// process.cc, outgoing.cc and incoming.cc share, and what smimectl explain shows
// so that it cannot drift from what happens.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gateway/header_protection.h"
#include "gateway/outcome.h"
#include "gateway/process.h"
#include "gateway/snapshot.h"
#include "gateway/verify.h"
#include "policy/decide.h"

namespace gateway
{

// Borrows everything; lives as long as one call of process().
struct Case {
    Case(const Envelope& e, const std::vector<mime::Field>& f, const Snapshot& s,
         std::optional<std::uint64_t> size, policy::Trace trace = policy::Trace::none);

    // What has been decided for a message, applied to what was found inside it.
    Case(const Case& outer, const Message& inner);

    const Envelope& envelope;
    const std::vector<mime::Field>& fields;
    const Snapshot& snapshot;
    policy::Facts facts;
    policy::Decision decision;
    // An envelope was looked into: the reply must not depend on what came of it, so
    // nothing that was found is refused, it is held instead (semantics E.6).
    bool discreet = false;

    [[nodiscard]] const policy::Plan& plan() const { return decision.plan; }
    [[nodiscard]] std::string authserv_id() const;
    [[nodiscard]] std::vector<HeaderEdit> forged() const;  // edits that remove forged fields
};

// What the log line will say.
// What was done with a message in the end; name() is the word in the log.
enum class Done {
    none,
    verify,
    sign,
    resign,
    strip,
    reencapsulate,
    convert,  // winmail.dat, and nothing else
    split,
    encrypt,
    decrypt,
    quarantine,
    reject,
    tempfail,
};
[[nodiscard]] const char* name(Done done);

struct Report {
    Done action = Done::none;
    std::string status;
    std::string reason;
    std::vector<Outcome::Fact> details;
    std::optional<Stage> failed;
};

// Each edit costs the MTA as much as those before it; after ten thousand Postfix's
// cleanup gives up on the message and on others with it.
inline constexpr std::size_t most_edits = 500;

// Turns the report into facts, applies dry_run and the rule's log_level.
void finish(Outcome& outcome, const Case& c, Report report);

// Makes the outcome a refusal; edits collected so far are dropped.
void refuse(Outcome& outcome, Report& report, Action action, std::string code, std::string enhanced,
            std::string text);
void refuse_unsigned(Outcome& outcome, Report& report, const std::string& reason);
// require_signature, and the result is not pass.
void refuse_without_signature(Outcome& outcome, Report& report, cms::Code code, const std::string& reason);

// --- outgoing.cc ---

// What the header alone says about signing.
struct SignOutlook {
    enum class Kind {
        not_wanted,           // no rule asks for a signature
        try_it,               // the body is needed
        leave_unsigned,       // the reason says why
        refuse,               // required, and impossible: the reason says why
        check_own_signature,  // required, and the client claims to have signed
    };
    Kind kind = Kind::not_wanted;
    std::string reason;
};
[[nodiscard]] SignOutlook sign_outlook(const Case& c);

// The certificate that would speak for the author at that time, borrowed from the
// snapshot; without one, why.
struct SignerChoice {
    const store::Identity* identity = nullptr;
    std::string reason;
};
[[nodiscard]] SignerChoice choose_signer(const Case& c, base::Time now);
// `protected_fields` are signed, too (RFC 9788).
void sign(const Case& c, const Message& message, const World& world, Outcome& outcome, Report& report,
          const std::string& protected_fields = {});

// --- outgoing_encrypt.cc ---

// Whether, for whom and how a message is encrypted; decided before it is signed,
// since what is signed says whether it hides its header.
struct Encryption {
    bool wanted = false;
    bool by_author = false;  // there is nothing left to encrypt
    std::string note;        // why not; "" when no rule wants it
    std::vector<cms::Certificate> certificates;
    std::size_t recipients = 0;  // of the certificates; the others are an archive's
    std::string used, not_used;  // which, from where, and which not; for the log
    cms::Cipher cipher = cms::Cipher::aes256_cbc;
    std::optional<Protected> hidden;  // the message to be signed and encrypted instead
};
// What must be encrypted and cannot be is refused here.
[[nodiscard]] Encryption prepare_encryption(const Case& c, const Message& message, const World& world,
                                            Outcome& outcome, Report& report);
// Encrypts what the outcome so far would send; the last step.
void encrypt(const Case& c, const Message& message, const Encryption& encryption, Outcome& outcome,
             Report& report);
// Refuses what must be encrypted, and cannot be: nothing of it leaves in clear.
void refuse_in_clear(Outcome& outcome, Report& report, const std::string& reason, bool temporary);
// Edits that take the author's request for encryption out of the header.
[[nodiscard]] std::vector<HeaderEdit> request_edits(const Case& c);

// --- incoming_decrypt.cc ---

enum class Opening {
    no_envelope,
    left,    // it stays as it came, and nothing of what was tried is to be seen
    opened,  // the outcome and the report are complete
};
[[nodiscard]] Opening decrypt(const Case& c, const Message& message, const World& world, Outcome& outcome,
                              Report& report);

// --- incoming.cc ---

void verify(const Case& c, const Message& message, const World& world, Outcome& outcome, Report& report);
// Why nothing is stripped for these recipients; nullopt when it may be.
[[nodiscard]] std::optional<std::string> unfit_for_strip(const Case& c);
// "recipient carol@example.com is not local", of the first one; nullopt when all are.
[[nodiscard]] std::optional<std::string> names_a_stranger(const Case& c);
// Header fields that say who had signed what is no longer signed.
void add_strip_evidence(const Verdict& verdict, Outcome& outcome);
[[nodiscard]] Verdict verdict_on(const Case& c, const Message& message, const World& world);
// Is the signature intact and the author's own, whoever vouches for it?
[[nodiscard]] bool is_authors_own(const Verdict& verdict);

// --- lesson.cc ---

// Can a message of this author, in this direction, teach anything at all?
[[nodiscard]] bool may_teach(const Case& c);
// What one teaches that was judged so; nullopt when it teaches nothing (semantics F).
[[nodiscard]] std::optional<store::Lesson> lesson_of(const Case& c, const Verdict& verdict, base::Time now);

// --- already_signed.cc ---

// Does the plan change signatures, and is there one?  The header alone says so.
[[nodiscard]] bool treats_signature(const Case& c);
// already_signed and eightbit_signed, on what is not stripped yet.
void treat_signature(const Case& c, const Message& message, const Verdict& verdict, const World& world,
                     Outcome& outcome, Report& report);

}  // namespace gateway
