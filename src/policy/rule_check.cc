// What the keys of one rule say together.
#include <algorithm>

#include "policy/rule_parse.h"

namespace policy
{
namespace
{

constexpr std::string_view signing_keys[] = {
    "sign_required", "certificate",        "allow_mismatch", "digest",   "padding",
    "on_no_cert",    "on_untransformable", "sign_relayed",   "sign_also"};
constexpr std::string_view either_keys[] = {"break_dkim"};
constexpr std::string_view encrypting_keys[] = {
    "encrypt_keyword",        "encrypt_sensitivity", "cipher",  "key_transport",    "encrypt_bcc",
    "recipient_certificates", "prefer_domain",       "archive", "header_protection"};
constexpr std::string_view decrypting_keys[] = {"decrypt_3des", "tag_decrypted"};
constexpr std::string_view verifying_keys[] = {"strip",        "on_invalid",        "on_untrusted",
                                               "on_temperror", "require_signature", "signer_headers"};

bool is_pattern(const std::string& text) { return text.find_first_of("*?") != std::string::npos; }

class Check
{
public:
    Check(RuleDraft& draft, const Config& config, std::vector<base::Problem>& problems)
        : draft_(draft), rule_(draft.rule), seen_(draft.seen), config_(config), problems_(problems)
    {
    }

    void run()
    {
        if (!draft_.unclear) {  // else these would name consequences of the mistake
            action();
            direction();
            without_effect(signing_keys, rule_.signs(), "sign = clear or opaque");
            without_effect(verifying_keys, rule_.verify, "verify = yes");
            without_effect(encrypting_keys, rule_.encrypts(), "encrypt = on_request or more");
            without_effect(decrypting_keys, rule_.decrypt, "decrypt = yes");
            if (!rule_.encrypts()) without_effect(either_keys, rule_.signs(), "sign = clear or opaque");
            resigning();
            conversion();
        }
        required();
        certificate();
        client();
        recipients_of_strip();
        senders();
        blind_copies();
        keyword();
    }

private:
    [[nodiscard]] bool is_set(std::string_view key) const { return seen_.find(key) != seen_.end(); }
    [[nodiscard]] std::string place(std::string_view key) const
    {
        const auto found = seen_.find(key);
        return found == seen_.end() ? rule_.at() : found->second.where;
    }
    [[nodiscard]] std::string title() const { return "[rule " + rule_.name + "]"; }
    void error(std::string_view key, std::string what, std::string remedy)
    {
        report(problems_, base::Severity::error, place(key), std::move(what), std::move(remedy));
    }
    void warning(std::string_view key, std::string what, std::string remedy)
    {
        report(problems_, base::Severity::warning, place(key), std::move(what), std::move(remedy));
    }

    void action()
    {
        if (rule_.signs() || rule_.verify || rule_.treats_signed() || rule_.decrypt || rule_.encrypts() ||
            rule_.convert_tnef || is_set("sign") || is_set("verify") || is_set("encrypt") ||
            is_set("decrypt") || seen_.empty())
            return;
        warning("", title() + " has no action: mail that it matches is left alone",
                "give it one, or write sign = no or verify = no if that is meant");
    }

    void direction()
    {
        const bool sends = rule_.signs() || rule_.encrypt != Encrypt::no;
        const bool receives = rule_.verify || rule_.decrypt;
        if (!is_set("direction")) {
            if (sends && receives)
                error("",
                      title() + (rule_.signs() ? " signs and " : " encrypts and ") +
                          (rule_.verify ? "verifies" : "decrypts") + ", but has no direction",
                      "name it: direction = any, or make two rules");
            else if (!sends && !receives && is_set("sign"))
                warning("sign", title() + " does not sign and has no direction, so it is for incoming mail",
                        "if it exempts outgoing mail, write direction = outgoing");
            rule_.direction = sends ? Direction::outgoing : Direction::incoming;
        } else if (rule_.direction == Direction::incoming && rule_.signs()) {
            error("sign", "sign is not for incoming mail: nobody there may be signed for",
                  "write direction = outgoing, or remove sign");
        } else if (rule_.direction == Direction::incoming && sends) {
            error("encrypt", "encrypt is not for incoming mail",
                  "write direction = outgoing, or remove encrypt");
        } else if ((rule_.direction == Direction::outgoing || rule_.direction == Direction::internal) &&
                   rule_.verify) {
            error("verify", "verify is not for outgoing mail", "write direction = incoming (or any)");
        } else if ((rule_.direction == Direction::outgoing || rule_.direction == Direction::internal) &&
                   rule_.decrypt) {
            error("decrypt", "decrypt is not for outgoing mail", "write direction = incoming (or any)");
        }
        if (rule_.direction == Direction::internal && config_.local_domains.empty())
            error("direction", "no mail is internal without local_domains", "set local_domains in [milter]");
        if (rule_.direction == Direction::incoming && !rule_.login.empty())
            warning("login", title() + " never applies: mail of a client that has logged in is outgoing",
                    "remove login, or write direction = outgoing");
    }

    // A key that does nothing is a key whose author believes it does something.
    void without_effect(std::span<const std::string_view> keys, bool effective, const std::string& needed)
    {
        if (effective) return;
        for (const auto key : keys) {
            const auto found = seen_.find(key);
            if (found == seen_.end() || found->second.value == find_key("rule", key)->fallback) continue;
            error(key, std::string(key) + " does nothing without " + needed,
                  "add that, or remove " + std::string(key));
        }
    }

    // A new signature needs somebody who may make it.
    void resigning()
    {
        if (rule_.signs() || !rule_.resigns()) return;
        const bool already = rule_.already_signed == AlreadySigned::resign;
        error(already ? "already_signed" : "eightbit_signed",
              std::string(already ? "already_signed" : "eightbit_signed") +
                  " = resign does nothing without sign = clear or opaque",
              "add that (in a rule for outgoing mail), or choose opaque or strip");
    }

    // On its way out a message is converted for the sake of a signature or an envelope.
    void conversion()
    {
        if (!rule_.convert_tnef || rule_.signs() || rule_.encrypts()) return;
        if (rule_.direction == Direction::outgoing || rule_.direction == Direction::internal)
            error("tnef", "tnef = convert does nothing for outgoing mail without sign or encrypt",
                  "add that, or write direction = incoming to convert what comes in");
    }

    void required()
    {
        if (!rule_.sign_required || !rule_.signs()) return;
        if (!is_set("on_no_cert"))
            rule_.on_no_cert = OnNoCertificate::reject;
        else if (rule_.on_no_cert == OnNoCertificate::pass)
            error("on_no_cert", "on_no_cert = pass contradicts sign_required = yes",
                  "wanted tempfail or reject");
        if (!is_set("on_untransformable"))
            rule_.on_untransformable = OnUntransformable::reject;
        else if (rule_.on_untransformable == OnUntransformable::skip)
            error("on_untransformable", "on_untransformable = skip contradicts sign_required = yes",
                  "wanted opaque or reject");
    }

    void certificate()
    {
        if (!rule_.signs()) return;
        if (rule_.certificate == "by_sender") {
            if (rule_.allow_mismatch)
                warning("allow_mismatch", "allow_mismatch does nothing with certificate = by_sender",
                        "name a certificate, or remove it");
            return;
        }
        std::vector<std::string_view> known{"by_sender"};
        for (const auto& key : config_.keys)
            if (!key.name.empty()) known.push_back(key.name);
        if (std::find(known.begin(), known.end(), rule_.certificate) == known.end()) {
            const auto near = nearest(rule_.certificate, known);
            error("certificate",
                  "there is no [key " + rule_.certificate + "]" +
                      (near.empty() ? "" : " (did you mean " + quoted(near) + "?)"),
                  "wanted by_sender or the NAME of a [key NAME] section");
        }
        const bool wildcard =
            rule_.sender.empty() || std::any_of(rule_.sender.begin(), rule_.sender.end(), is_pattern);
        if (wildcard && !rule_.allow_mismatch)
            error(
                "certificate",
                "one certificate for " +
                    (rule_.sender.empty() ? std::string("every sender") : "sender " + rule_.sender.front()) +
                    ": receivers compare it with From",
                "name the sender, or write certificate = by_sender; allow_mismatch = yes if it is meant");
    }

    // Who is named here may sign as any sender of the rule (semantics: authority).
    void client()
    {
        if (!rule_.signs() && !rule_.encrypts()) return;
        for (const auto& network : rule_.client)
            if (too_wide(network))
                error(
                    "client",
                    "client " + network.text + " lets too many " + (rule_.signs() ? "sign" : "send as ours"),
                    "name the hosts, at most a /8 (IPv6: /7)");
    }

    // Without them everybody would be local, and mail on its way to others lose
    // its signature.
    void recipients_of_strip()
    {
        if (!config_.local_domains.empty()) return;
        const bool incoming = rule_.direction == Direction::incoming;
        if (rule_.decrypt) {
            error("decrypt",
                  "mail is decrypted for local recipients only, and nobody is local without local_domains",
                  "set local_domains in [milter], or remove decrypt");
            return;
        }
        if (rule_.convert_tnef && incoming) {
            error("tnef",
                  "winmail.dat is converted for local recipients only, and nobody is local without "
                  "local_domains",
                  "set local_domains in [milter], or remove tnef");
            return;
        }
        const char* key = rule_.strip != Strip::never                                  ? "strip"
                          : incoming && rule_.already_signed == AlreadySigned::strip   ? "already_signed"
                          : incoming && rule_.eightbit_signed == EightBitSigned::strip ? "eightbit_signed"
                                                                                       : nullptr;
        if (key == nullptr) return;
        error(key,
              "signatures are taken off for local recipients only, and nobody is local without "
              "local_domains",
              "set local_domains in [milter], or remove " + std::string(key));
    }

    void blind_copies()
    {
        if (rule_.encrypt == Encrypt::mandatory && rule_.encrypt_bcc == EncryptBcc::plain)
            error("encrypt_bcc", "encrypt_bcc = plain contradicts encrypt = mandatory",
                  "wanted reject, or leak if each may know of the others");
    }

    void keyword()
    {
        if (rule_.encrypt_keyword.size() == 1)
            error("encrypt_keyword", "encrypt_keyword is one letter: it would be taken out of every Subject",
                  "use a word such as [secure]");
    }

    // Authority needs a local author, so such a sender is never signed for.
    void senders()
    {
        if (!rule_.signs() || config_.local_domains.empty()) return;
        for (const auto& pattern : rule_.sender) {
            const auto at = pattern.rfind('@');
            if (at == std::string::npos || is_pattern(pattern.substr(at)) || config_.is_local(pattern))
                continue;
            warning("sender",
                    "nobody is signed for as " + quoted(pattern) + ": its domain is not in local_domains",
                    "add the domain to local_domains in [milter], or remove it here");
        }
    }

    const RuleDraft& draft_;
    Rule& rule_;
    const Seen& seen_;
    const Config& config_;
    std::vector<base::Problem>& problems_;
};

}  // namespace

void check_rule(RuleDraft& draft, const Config& config, std::vector<base::Problem>& problems)
{
    Check(draft, config, problems).run();
}

}  // namespace policy
