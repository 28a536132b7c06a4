// Rules -> plan: which rule applies to which recipient, and what follows for
// the message as a whole (smime-milter.conf(5), "How rules are applied").
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "policy/config.h"
#include "policy/facts.h"

namespace policy
{

// outgoing or incoming by the client, before any rule; `internal` is outgoing
// with every recipient in local_domains.  `why` says which test decided.
struct DirectionResult {
    Direction direction = Direction::incoming;
    std::string why;
};
[[nodiscard]] DirectionResult direction_of(const Config& config, const Facts& facts);

enum class Match { no, yes, maybe };  // maybe: the size is not known yet
struct RuleTrace {
    const Rule* rule = nullptr;
    Match match = Match::no;
    std::string why;  // "sender alice@example.org does not match ceo@example.org"; what matched when yes
};

// One recipient: the rules tried in order, and the one that applies.
struct RecipientTrace {
    std::string recipient;
    std::vector<RuleTrace> tried;
    const Rule* rule = nullptr;  // nullptr: no rule
    bool undecided = false;      // a rule before `rule` (or any) may match once the size is known
};

// Texts called `why` may hold what strangers wrote (shortened): escape them
// before they are printed.

// May the author be signed for?  One of three must hold: the author belongs to
// the login, the rule itself names the client, or the client is in
// internal_hosts, author and MAIL FROM are the same, and the message has no
// Received field (it starts there; sign_relayed lifts this).  Always: one
// author, MAIL FROM not empty, author in local_domains where they are set.
struct Authority {
    bool granted = false;
    std::string why;  // the test that failed, or the one that held
};
[[nodiscard]] Authority authority_for(const Config& config, const Facts& facts, const Rule& rule);

// What is to be done with the message.  Recipients may want different things:
// verifying and marking happen for all; a signature is made if one rule
// requires it or all want it; a strip or a decryption only if all want it;
// encryption only if every copy gets it, or the message can be split; of what differs, the
// mildest on_* (who does not verify is content with marks) and the most talkative
// log_level.  A dry-run rule counts as no rule beside others; the plan is a dry
// run when no other rule applies to anybody.
struct Plan {
    Direction direction = Direction::incoming;
    const Rule* rule = nullptr;  // the first in file order among those that apply: for log and facts

    // Signing: form, certificate, digest and the like come from `sign_rule`.
    SignForm sign = SignForm::no;
    bool sign_required = false;
    const Rule* sign_rule = nullptr;
    Authority authority;  // meaningful when sign_rule is set
    // Why some rule wanted a signature and none is made: the mixture; or a rule
    // that signs has everything but the right direction or a certain author.
    std::string no_sign_reason;

    bool verify = false;
    Strip strip = Strip::never;
    std::string no_strip_reason;  // why a strip some rule wants is not done: mixture
    OnResult on_invalid = OnResult::accept;
    OnResult on_untrusted = OnResult::accept;
    OnTemporary on_temperror = OnTemporary::accept;
    bool require_signature = false;  // all of them do
    bool signer_headers = false;     // one of them does

    // What is signed already: done only where all want the same.
    AlreadySigned already_signed = AlreadySigned::keep;
    EightBitSigned eightbit_signed = EightBitSigned::pass;
    std::string keep_signed_reason;  // why it is left alone although some rule wants it: mixture

    // Encryption, requests of the author considered: no, opportunistic or
    // mandatory.  How comes from `encrypt_rule`.
    Encrypt encrypt = Encrypt::no;
    const Rule* encrypt_rule = nullptr;
    std::string encrypt_request;    // how the author has asked for it; "" when not
    std::string no_encrypt_reason;  // why some rule wants it and it is not done
    bool may_split = false;         // each recipient can get a copy of their own
    bool encrypt_all = false;       // every copy is to be encrypted

    bool decrypt = false;  // all want it
    std::string no_decrypt_reason;

    // winmail.dat: what is signed or encrypted by a rule that says so; what comes in
    // where all want it.
    bool convert_tnef = false;
    std::string no_tnef_reason;  // why it is not done although some rule wants it: mixture

    bool dry_run = false;
    std::optional<base::Level> log_level;
};

struct Decision {
    DirectionResult direction;
    std::vector<RecipientTrace> recipients;
    Plan plan;
    // Set when encryption is demanded and cannot be done for this mixture of
    // recipients, or for this author: the text says who.  Signing alone never
    // comes to that: a signature that one rule requires is made for all.
    std::optional<std::string> refusal;

    [[nodiscard]] bool nothing_to_do() const;  // no rule applies to anybody, none may later
};

// Conditions that do not depend on the recipient are evaluated once for a
// message.  Traces are for people: without them RecipientTrace::tried stays
// empty, which saves time and memory for thousands of recipients.
enum class Trace { full, none };
[[nodiscard]] Decision decide(const Config& config, const Facts& facts, Trace trace = Trace::full);

// Rules that can never apply because an earlier one covers them.
struct Shadow {
    const Rule* rule = nullptr;
    const Rule* by = nullptr;
};
[[nodiscard]] std::vector<Shadow> shadowed_rules(const Config& config);

// Fallback rules that verify and never apply because a rule that does not verify covers
// them: whoever wrote that one thought of something else, and switched verifying off.
[[nodiscard]] std::vector<Shadow> unverified_fallbacks(const Config& config);

// Names as they are written in the configuration.
[[nodiscard]] const char* name(Direction d);
[[nodiscard]] const char* name(SignForm f);
[[nodiscard]] const char* name(Strip s);
[[nodiscard]] const char* name(OnResult r);
[[nodiscard]] const char* name(Encrypt e);
[[nodiscard]] const char* name(AlreadySigned a);
[[nodiscard]] const char* name(EightBitSigned e);

}  // namespace policy
