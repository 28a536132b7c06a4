#include "policy/schema.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/ascii.h"

namespace policy
{
namespace
{

constexpr bool list = true;  // may be repeated; the values add up

// Order: as in smime-milter.conf(5), which says more about each.
constexpr KeySpec table[] = {
    {"milter", "socket", "socket", "unix:/var/spool/postfix/smime-milter/smime-milter.sock",
     "where the MTA finds the milter"},
    {"milter", "control_socket", "path", "/run/smime-milter/control.sock", "where smimectl finds the daemon"},
    {"milter", "authserv_id", "text", "",
     "name in Authentication-Results; without it the MTA's own (macro j)"},
    {"milter", "local_domains", "domains", "", "the domains whose mail is ours", list},
    {"milter", "internal_hosts", "networks", "", "clients whose mail is outgoing without a login", list},
    {"milter", "trusted_relays", "networks", "", "clients whose Authentication-Results are kept", list},
    {"milter", "ar_remove", "smime|own|all", "smime", "which Authentication-Results of other clients go"},
    {"milter", "sender_login", "path|mta", "",
     "who may sign as whom; without it a login signs for itself only"},
    {"milter", "tls_login", "LOGIN: SUBJECT", "", "a TLS client certificate that stands for a login", list},
    {"milter", "login_domain", "domain", "", "completes a login that has no @"},
    {"milter", "max_message_size", "size", "64M", "larger messages pass unprocessed"},
    {"milter", "max_in_flight", "size", "0", "octets of all messages in work; 0 for a quarter of the memory"},
    {"milter", "crypto_slots", "number", "0",
     "messages in cryptographic work at a time; 0 for two for each processor"},
    {"milter", "decrypt_failures", "number", "1000", "messages of one client in an hour; 0 for no limit"},
    {"milter", "drain_seconds", "number", "30", "how long a stop waits for messages in work"},
    {"milter", "user", "text", "smime-milter", "user to become when started as root"},
    {"milter", "log_level", "debug|info|notice|warning|error", "info", "the mildest lines to log"},
    {"milter", "log_format", "text|json", "text", "key=value, or an object for each line"},
    {"milter", "metrics_file", "path", "", "figures for Prometheus, for node_exporter to read"},
    {"milter", "metrics_interval", "number", "15", "seconds between two versions of this file"},
    {"milter", "metrics_listen", "socket", "", "where the same figures are given to who asks by HTTP"},
    {"milter", "report_none", "yes|no", "no", "Authentication-Results also for mail without a signature"},

    {"keys", "path", "path", "", "directory of *.p12, *.pfx and *.pem files to sign with"},
    {"keys", "password", "password", "", "where the password of these files is"},
    {"keys", "activation_delay", "number", "0",
     "hours for which an older certificate is preferred to a new one"},

    {"key", "file", "path", "", "one PFX or PEM file, for certificate = NAME"},
    {"key", "password", "password", "", "where its password, or the PIN of its token, is"},
    {"key", "uri", "text", "", "instead of file: a key in a token or a TPM"},
    {"key", "module", "path", "", "the PKCS#11 module of the token; without it p11-kit's"},
    {"key", "decrypts_for", "patterns", "", "whose mail the key decrypts, beside those its certificate names",
     list},
    {"key", "certificate", "path", "", "the certificate of the key in a token, and its chain"},

    {"certificates", "path", "path", "", "directory of correspondents' certificates, to encrypt to"},
    {"certificates", "pinned", "path", "", "directory of certificates that are trusted for one address each"},
    {"certificates", "source", "uri|NAME", "", "where else certificates are, or the NAME of a [source NAME]",
     list},
    {"certificates", "harvest", "off|pending|auto", "",
     "whether verified mail teaches its author's certificate; without it pending where a source can learn"},

    {"source", "uri", "uri", "", "what it is, and where: sqlite:/PATH, ldaps://HOST/BASE and so on"},
    {"source", "timeout", "number", "3", "seconds a message waits for an answer"},
    {"source", "keep", "number", "", "hours an answer is kept; without it as the kind of source asks"},
    {"source", "keep_none", "number", "", "minutes for which there being no certificate is kept"},
    {"source", "recipients", "patterns", "", "the recipients that are asked for; without it all", list},
    {"source", "user", "text", "", "whom to log in as"},
    {"source", "password", "password", "", "where its password is"},
    {"source", "ca", "path", "", "certificates of the CAs that the server's certificate may come from"},
    {"source", "base", "text", "", "where to search in an LDAP directory, for a uri that does not say"},
    {"source", "filter", "text", "(|(mail=%a)(proxyAddresses=smtp:%a))",
     "what to search for in an LDAP directory"},
    {"source", "starttls", "yes|no", "", "TLS for ldap://; without it yes, and no on this machine"},
    {"source", "trust_anchor", "path", "/usr/share/dns/root.key", "the keys of the DNS root, for smimea:"},
    {"source", "resolver", "text", "", "whom to ask for smimea:, without it as /etc/resolv.conf says"},

    {"split", "key", "path", "", "file with the secret of messages on their way to be split"},
    {"split", "entrance", "patterns", "", "listeners (macro daemon_name) whose mail may be split", list},
    {"split", "reentry", "text", "", "the listener where the copies come back, one for each recipient"},
    {"split", "hand_over", "socket", "",
     "where that listener is, when the MTA cannot bring the copies itself"},

    {"trust", "anchors", "paths", "", "files or directories of trust anchors", list},
    {"trust", "intermediates", "paths", "", "files or directories that only help to build paths", list},
    {"trust", "crls", "paths", "", "files or directories of CRLs", list},
    {"trust", "crl", "off|local|fetch", "off", "whether CRLs are looked at, and fetched"},
    {"trust", "ocsp", "off|on", "off", "whether OCSP responders are asked"},
    {"trust", "revocation_fail", "soft|hard", "soft", "what an unknown revocation status means"},
    {"trust", "revocation_timeout", "number", "5", "seconds a message waits for CRLs and OCSP"},
    {"trust", "revocation_max_size", "size", "10M", "octets of a CRL that is fetched"},
    {"trust", "revocation_networks", "networks", "",
     "networks that may be asked although they are not public", list},
    {"trust", "signer_for", "fingerprint: pattern", "",
     "a certificate that may sign for addresses it does not name", list},
    {"trust", "accept_sender", "yes|no", "no", "a signature by the address in Sender passes, too"},
    {"trust", "display_name_check", "note|strict", "note",
     "From's display name shows another address than From"},
    {"trust", "policies", "oids", "", "certificate policies of which a path must have one", list},
    {"trust", "expired_grace", "number", "0", "hours for which an expired certificate still passes"},
    {"trust", "accept_octet_stream", "yes|no", "no", "application/octet-stream named *.p7m is S/MIME, too"},

    {"rule", "direction", "incoming|outgoing|internal|any", "",
     "which mail; without it outgoing when the rule signs or encrypts, else incoming"},
    {"rule", "sender", "patterns", "", "the author, the one address of From", list},
    {"rule", "mail_from", "patterns", "", "the envelope sender; <> is the null sender", list},
    {"rule", "recipient", "patterns", "", "an envelope recipient", list},
    {"rule", "client", "networks", "", "the SMTP client; with sign it is also granted to sign", list},
    {"rule", "login", "patterns", "", "the name the client has logged in with", list},
    {"rule", "listener", "patterns", "", "the MTA's name for where the mail came in (macro daemon_name)",
     list},
    {"rule", "header", "Name: pattern", "", "a header field", list},
    {"rule", "subject", "pattern", "", "the Subject as a reader sees it", list},
    {"rule", "size", ">size|<size", "", "octets of the whole message", list},
    {"rule", "fallback", "yes|no", "no", "not reported when earlier rules cover it"},

    {"rule", "sign", "no|clear|opaque", "no", "sign as multipart/signed or as application/pkcs7-mime"},
    {"rule", "sign_required", "yes|no", "no", "refuse what cannot be signed"},
    {"rule", "certificate", "by_sender|NAME", "by_sender",
     "the newest valid one for the author, or that of [key NAME]"},
    {"rule", "allow_mismatch", "yes|no", "no", "the certificate need not name the author"},
    {"rule", "digest", "automatic|sha256|sha384|sha512", "automatic", "automatic: as the key asks"},
    {"rule", "padding", "pkcs1|pss", "pkcs1", "of RSA signatures"},
    {"rule", "on_no_cert", "pass|tempfail|reject", "pass", "no usable certificate for the author"},
    {"rule", "on_untransformable", "skip|opaque|reject", "skip",
     "mail that a clear signature would not survive on its way"},
    {"rule", "sign_also", "report|automatic_reply|mailing_list|resent|calendar|tnef", "",
     "kinds of mail that are left unsigned otherwise", list},
    {"rule", "break_dkim", "yes|no", "no", "sign although a DKIM or ARC signature would break"},
    {"rule", "sign_relayed", "yes|no", "no", "sign what an internal host has only passed on"},

    {"rule", "verify", "yes|no", "no", "verify signatures and record the result"},
    {"rule", "strip", "never|valid|any", "never", "take the signature off"},
    {"rule", "on_invalid", "accept|mark|tag|quarantine|reject", "mark",
     "the signature is broken (fail, permerror)"},
    {"rule", "on_untrusted", "accept|mark|tag|quarantine|reject", "accept",
     "the signature holds, its signer is not trusted (policy)"},
    {"rule", "on_temperror", "accept|tempfail", "accept", "it cannot be told at the moment"},
    {"rule", "require_signature", "yes|no", "no", "refuse what has no signature that passes"},
    {"rule", "signer_headers", "yes|no", "no", "tell the result and the signer in X-SMIME-* fields"},

    {"rule", "already_signed", "keep|opaque|strip|resign", "keep", "mail that the sender has signed"},
    {"rule", "eightbit_signed", "pass|opaque|strip|resign|reject", "pass", "signed mail with 8-bit content"},

    {"rule", "encrypt", "no|never|on_request|opportunistic|mandatory", "no", "encrypt to the recipients"},
    {"rule", "encrypt_keyword", "text", "", "in the Subject, it asks for encryption; it is removed"},
    {"rule", "encrypt_sensitivity", "yes|no", "no", "Sensitivity: Company-Confidential asks for encryption"},
    {"rule", "cipher", "automatic|aes128-cbc|aes192-cbc|aes256-cbc|aes128-gcm|aes256-gcm", "automatic",
     "automatic: as the recipients' certificates ask, else aes256-cbc"},
    {"rule", "key_transport", "pkcs1|oaep", "pkcs1", "how RSA recipients get the key"},
    {"rule", "encrypt_bcc", "reject|plain|leak", "reject",
     "mail for several, some of them in neither To nor Cc"},
    {"rule", "recipient_certificates", "newest|all", "newest", "which certificates of a recipient are used"},
    {"rule", "prefer_domain", "yes|no", "no", "a certificate of the recipient's domain comes first"},
    {"rule", "archive", "paths", "", "certificates that can read what is encrypted, too", list},
    {"rule", "header_protection", "off|baseline", "off", "hide the Subject of what is encrypted (RFC 9788)"},

    {"rule", "decrypt", "yes|no", "no", "decrypt what is encrypted to our keys"},
    {"rule", "decrypt_3des", "yes|no", "no", "also what is encrypted with triple DES"},
    {"rule", "tag_decrypted", "yes|no", "no", "put [decrypted] into the Subject"},

    {"rule", "tnef", "pass|convert", "pass", "make ordinary MIME of winmail.dat"},

    {"rule", "dry_run", "yes|no", "no", "log what would happen, change nothing"},
    {"rule", "log_level", "debug|info|notice|warning|error", "", "for messages of this rule"},
};

// Optimal string alignment: insertions, deletions, replacements and swaps of
// neighbours.  Keys are short; longer texts are near to nothing.
std::size_t distance(std::string_view a, std::string_view b)
{
    constexpr std::size_t limit = 32;
    if (a.size() >= limit || b.size() >= limit) return limit;
    std::array<std::array<std::size_t, limit>, limit> d{};
    for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
    for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i)
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, replaced});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
        }
    return d[a.size()][b.size()];
}

}  // namespace

std::span<const KeySpec> schema() { return table; }

const KeySpec* find_key(std::string_view section, std::string_view key)
{
    const auto found = std::find_if(std::begin(table), std::end(table),
                                    [&](const KeySpec& s) { return s.section == section && s.key == key; });
    return found == std::end(table) ? nullptr : found;
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> known)
{
    const auto lower = base::to_lower(word);
    std::string_view best;
    std::size_t least = std::min<std::size_t>(3, lower.size() / 3 + 1);  // that many or fewer
    for (const auto candidate : known) {
        const auto d = distance(lower, candidate);
        if (d < least || (d == least && best.empty())) {
            least = d;
            best = candidate;
        }
    }
    return best;
}

bool has_names(std::string_view section)
{
    return section == "key" || section == "source" || section == "rule";
}

std::string_view nearest_key(std::string_view section, std::string_view key)
{
    std::vector<std::string_view> keys;
    for (const KeySpec& s : table)
        if (s.section == section) keys.push_back(s.key);
    return nearest(key, keys);
}

}  // namespace policy
