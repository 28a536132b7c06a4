// The configuration: what the files say, checked, with types.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "cms/encrypt.h"
#include "cms/sign.h"
#include "cms/trust.h"
#include "policy/network.h"
#include "policy/rule_index.h"
#include "store/harvest.h"
#include "store/key_store.h"
#include "store/source.h"
#include "store/trust_store.h"

namespace policy
{

enum class Direction { incoming, outgoing, internal, any };  // of a rule; a message is never `any`
enum class SignForm { no, clear, opaque };
enum class Strip { never, valid, any };
// What happens to a message whose signature did not pass; milder ones first.
enum class OnResult { accept, mark, tag, quarantine, reject };
enum class OnTemporary { accept, tempfail };
enum class OnNoCertificate { pass, tempfail, reject };
enum class OnUntransformable { skip, opaque, reject };
enum class AlreadySigned { keep, opaque, strip, resign };
enum class EightBitSigned { pass, opaque, strip, resign, reject };
// Whether copies are encrypted; stricter ones later.
enum class Encrypt {
    no,             // not by this rule; who asks for it is refused
    never,          // their copies go in clear, whatever the author asks for
    on_request,     // when the author asks for it
    opportunistic,  // when every copy can be
    mandatory,      // or the message is refused
};
// What becomes of a message for several of whom some are in neither To nor Cc:
// encrypted as one, it would tell each of them of the others.
enum class EncryptBcc { reject, plain, leak };
enum class HeaderProtection { off, baseline };

// Kinds of mail that are not signed unless a rule says so (semantics A.5).
enum class Exemption { report, automatic_reply, mailing_list, resent, calendar, tnef };

struct HeaderPattern {
    std::string name;
    std::string pattern;  // `*` and `?`, over the unfolded value
};

struct SignerFor {
    std::string fingerprint;  // SHA-256, lower-case hex
    std::string pattern;      // of addresses
};

struct SizeCondition {
    bool larger = true;  // "size = >10M" or "size = <10M"
    std::uint64_t octets = 0;
};

// One [rule NAME].  Conditions that are empty hold always; several values of
// one condition are alternatives; different conditions must all hold.
struct Rule {
    std::string name;
    std::string file;
    int line = 0;
    bool fallback = false;

    Direction direction = Direction::any;
    std::vector<std::string> sender;  // the author
    std::vector<std::string> mail_from;
    std::vector<std::string> recipient;
    std::vector<Network> client;
    std::vector<std::string> login;
    std::vector<std::string> listener;
    std::vector<HeaderPattern> header;
    std::vector<std::string> subject;
    std::vector<SizeCondition> size;

    SignForm sign = SignForm::no;
    bool sign_required = false;
    std::string certificate = "by_sender";  // or the NAME of a [key NAME]
    bool allow_mismatch = false;
    cms::Digest digest = cms::Digest::automatic;
    cms::Padding padding = cms::Padding::pkcs1;
    OnNoCertificate on_no_cert = OnNoCertificate::pass;
    OnUntransformable on_untransformable = OnUntransformable::skip;
    bool break_dkim = false;
    std::vector<Exemption> sign_also;
    bool sign_relayed = false;

    bool verify = false;
    Strip strip = Strip::never;
    OnResult on_invalid = OnResult::mark;      // fail, permerror
    OnResult on_untrusted = OnResult::accept;  // policy
    OnTemporary on_temperror = OnTemporary::accept;
    bool require_signature = false;  // what does not pass is refused, unsigned mail too
    bool signer_headers = false;     // X-SMIME-Result, -Signer and so on

    AlreadySigned already_signed = AlreadySigned::keep;
    EightBitSigned eightbit_signed = EightBitSigned::pass;

    Encrypt encrypt = Encrypt::no;
    std::string encrypt_keyword;        // in the Subject, any case: the author asks for it
    bool encrypt_sensitivity = false;   // and so does "Sensitivity: Company-Confidential"
    std::optional<cms::Cipher> cipher;  // nullopt: as the certificates ask
    cms::KeyTransport key_transport = cms::KeyTransport::pkcs1;
    EncryptBcc encrypt_bcc = EncryptBcc::reject;
    bool all_certificates = false;     // of a recipient, not only the newest
    bool prefer_domain = false;        // a certificate of the domain before one of the recipient
    std::vector<std::string> archive;  // files of certificates that can read it, too
    HeaderProtection header_protection = HeaderProtection::off;

    bool decrypt = false;
    bool decrypt_3des = false;
    bool tag_decrypted = false;

    bool convert_tnef = false;

    bool dry_run = false;
    std::optional<base::Level> log_level;

    [[nodiscard]] std::string at() const;  // "file:line"
    [[nodiscard]] bool signs() const { return sign != SignForm::no; }
    [[nodiscard]] bool encrypts() const { return encrypt >= Encrypt::on_request; }
    [[nodiscard]] bool treats_signed() const
    {
        return already_signed != AlreadySigned::keep || eightbit_signed != EightBitSigned::pass;
    }
    [[nodiscard]] bool resigns() const
    {
        return already_signed == AlreadySigned::resign || eightbit_signed == EightBitSigned::resign;
    }
};

// Who may sign as whom when the client has logged in.
struct LoginMap {
    enum class Mode { equal, map, mta } mode = Mode::equal;
    struct Line {
        std::string login;                   // case-insensitive
        std::vector<std::string> addresses;  // `*@domain` allowed
    };
    std::vector<Line> lines;
    std::string domain;  // login_domain: completes a login without "@"

    void add(Line line);  // the only way into `lines`; a login met again gets further addresses

    // May whoever has logged in as `login` sign as `address`?  (Mode::equal and
    // Mode::map; Mode::mta depends on the envelope.)  Constant time in `lines`.
    [[nodiscard]] bool allows(std::string_view login, std::string_view address) const;

private:
    [[nodiscard]] std::string completed(std::string_view login) const;
    std::unordered_map<std::string, std::size_t> index_;  // lower-case login -> line
};

// A verified TLS client certificate is as good as a login.  Names as the MTA
// writes them, compared octet by octet.
struct TlsLogin {
    std::string login, subject;
    std::string issuer;  // "": of anybody whom the MTA trusts
};

// What may be asked over the network about revocation, and for how long.
struct Revocation {
    bool fetch_crls = false;
    cms::CrlMode ocsp = cms::CrlMode::off;
    unsigned timeout = 5;  // seconds, for all questions of a message
    std::uint64_t max_size = 10U << 20;
    std::vector<Network> networks;  // beside public addresses

    [[nodiscard]] bool asks() const { return fetch_crls || ocsp != cms::CrlMode::off; }
};

// Messages whose recipients need different copies go through the MTA once more,
// for each recipient apart (smime-milter.conf(5), "Splitting").
struct Split {
    std::string key;                    // file with what authenticates them on their way; "": no splitting
    std::vector<std::string> entrance;  // listeners whose mail may be split
    std::string reentry;                // the listener where the copies come back
    std::string hand_over;  // its "HOST:PORT" when we bring them there ourselves; "": the MTA does
};

// Where other people's certificates are; "" when there is no such directory.
struct Certificates {
    std::string path;
    std::string pinned;                          // ADDRESS.pem: trusted for this address
    std::vector<store::SourceSettings> sources;  // in the order of their lines
    store::Harvest harvest = store::Harvest::off;

    // Where what is learned goes: the first source that can take it.
    [[nodiscard]] const store::SourceSettings* learns_into() const;
    [[nodiscard]] bool any() const { return !path.empty() || !pinned.empty() || !sources.empty(); }
};

// How signatures are judged, beside anchors and revocation data.
struct Judging {
    // Certificates that speak for addresses they do not name; of domains too.
    std::vector<SignerFor> signer_for;
    bool accept_sender = false;         // the signer may be the one of Sender
    bool strict_display_name = false;   // another address in From's name is a finding
    std::vector<std::string> policies;  // certificate policies one of which a path must have: dotted
                                        // OIDs, or "any"; empty: none is asked for
    unsigned expired_grace = 0;         // hours after which an expired certificate is a finding
    bool accept_octet_stream = false;   // application/octet-stream named *.p7m is S/MIME, too
};

// Which Authentication-Results of others go.
enum class ResultsRemoval {
    smime,  // those with our name and the method smime
    own,    // those with our name
    all,
};

struct Config {
    // [milter]
    std::string socket;
    std::string control_socket;
    std::string authserv_id;  // "" = the MTA's own name
    std::vector<std::string> local_domains;
    std::vector<Network> internal_hosts;
    std::vector<Network> trusted_relays;  // Authentication-Results from here are kept
    ResultsRemoval ar_remove = ResultsRemoval::smime;
    LoginMap sender_login;
    std::vector<TlsLogin> tls_logins;
    std::uint64_t max_message_size = 64U << 20;
    std::uint64_t max_in_flight = 0;  // 0: a quarter of the machine's memory
    unsigned crypto_slots = 0;        // 0: two for each processor
    unsigned decrypt_failures = 0;    // of a client in an hour; 0: no limit
    unsigned drain_seconds = 30;
    std::string user;
    base::Level log_level = base::Level::info;
    base::LogFormat log_format = base::LogFormat::text;
    std::string metrics_file;        // "": none
    unsigned metrics_interval = 15;  // seconds, from 1
    std::string metrics_listen;      // as `socket`, a unix socket or a loopback address; "": nowhere
    bool report_none = false;

    // [keys], [key NAME], [certificates], [trust]
    std::vector<store::KeySource> keys;
    Certificates certificates;
    Split split;
    store::TrustSource trust;
    cms::CrlMode crl = cms::CrlMode::off;
    Judging judging;
    Revocation revocation;

    std::vector<Rule> rules;  // in the order in which they are tried
    RuleIndex rule_index;     // of them

    std::string file;  // the main file
    // What the files set, for smimectl config: "section.key" or "rule NAME.key" -> text, in file order.
    struct Setting {
        std::string section, name, key, value, where;
    };
    std::vector<Setting> settings;

    [[nodiscard]] bool is_local(std::string_view address) const;  // domain in local_domains
    // "" when the certificate is nobody's.
    [[nodiscard]] std::string login_of(std::string_view tls_subject, std::string_view tls_issuer) const;
};

// Reads `file` and conf.d/*.conf beside it (name order).  All mistakes of all
// files are reported at once; with an error among them there is no Config.
[[nodiscard]] std::optional<Config> load_config(const std::string& file,
                                                std::vector<base::Problem>& problems);

inline constexpr const char* default_config_file = "/etc/smime-milter/smime-milter.conf";

}  // namespace policy
