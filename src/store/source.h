// Where other people's certificates can be asked for one address at a time:
// directories and databases, on this machine or behind a network.
//
// A source is a line of [certificates].  Its backend implements
// CertificateSource, and its kind stands in the table of source_kinds.cc; all
// waiting, caching and giving up is done around it, in sources.h.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cms/association.h"
#include "store/certificate_store.h"
#include "store/harvest.h"
#include "store/key_store.h"

namespace store
{

// One line `source =` of [certificates], with what its [source NAME] adds.
struct SourceSettings {
    std::string name;  // of [source NAME]; without one the uri.  In log and explain
    std::string uri;  // "sqlite:/var/lib/smime-milter/certificates.db", "ldaps://ldap.example.org/dc=example"
    std::string where;                    // file:line
    unsigned timeout = 3;                 // seconds a message waits for one answer
    unsigned keep = 24;                   // hours an answer is kept; its certificates may end earlier
    unsigned keep_none = 60;              // minutes for which there being none is kept
    std::vector<std::string> recipients;  // patterns; only these are asked for.  Empty: all
    std::string user;                     // to log in as; "": nobody in particular
    PasswordSource password;
    std::string ca;  // file of CA certificates that the server's one comes from
    // of an LDAP directory
    std::string base;              // distinguished name, for uris without one
    std::string filter;            // with %a, %u, %d; "": the default one
    std::optional<bool> starttls;  // without it: outside this machine
    // of SMIMEA records
    std::string trust_anchor;                // file with the keys of the root; "": the one of Debian
    std::string resolver;                    // addresses, or "recursive"; "": those of /etc/resolv.conf
    std::map<std::string, std::string> set;  // the keys of its section as they are written
    // Set by who opens it for learning: whoever waits then gives up when it becomes true.
    std::shared_ptr<const std::atomic<bool>> cancelled{};

    // All that makes a difference for what is asked: equal ones share a cache.
    [[nodiscard]] std::string identity() const;
};

// How long a backend may take.  It has to be back by `until`, and soon (some tenths
// of a second) after `cancelled` has become true: the daemon waits for that to stop.
struct Patience {
    std::chrono::steady_clock::time_point until;
    std::shared_ptr<const std::atomic<bool>> cancelled;

    // What is left, never negative, no more than `most`: for poll(2) in a loop.
    [[nodiscard]] std::chrono::milliseconds left(
        std::chrono::milliseconds most = std::chrono::milliseconds(100)) const;
    [[nodiscard]] bool over() const;  // no time left, or cancelled
};

// One certificate of an answer, and how far the source has judged it itself.
struct SourcedCertificate {
    std::string der;
    std::vector<std::string> issuers;  // DER; help to build its path
    // By something stronger than a path to an anchor, for this address (a name in
    // signed DNS).  Everything else about it is judged as ever.
    bool vouched = false;
    bool preferred = false;  // its owner wants this one of several (RFC 8551 section 2.5.3)
    std::string place;       // where in the source: "uid=carol,ou=people,dc=example", may be empty
};

struct SourceAnswer {
    std::vector<SourcedCertificate> certificates;  // in any order
    // Why something that was there is not among them, a phrase each.
    std::vector<std::string> remarks{};
    std::optional<std::vector<cms::Cipher>> capabilities{};  // see Found
    // What signed DNS says about certificates of the address, wherever they are found.
    std::vector<cms::Association> associations{};
    std::optional<std::chrono::seconds> keep_at_most{};
};

// A backend that has to wait.  One object serves one thread: it may hold a
// connection, and need not lock.  What it returns is a stranger's: number, size,
// address, times and usages are checked by who asked.
class CertificateSource
{
public:
    CertificateSource() = default;
    CertificateSource(const CertificateSource&) = delete;
    CertificateSource& operator=(const CertificateSource&) = delete;
    CertificateSource(CertificateSource&&) = delete;
    CertificateSource& operator=(CertificateSource&&) = delete;
    virtual ~CertificateSource() = default;

    // `address` as an envelope has it, a well-formed addr-spec of at most 320 octets.  An
    // empty answer: there is none.  An error: it could not be told.  Code::temporary and
    // Code::data are about this address only (its domain does not answer, for instance);
    // with any other code the source itself has failed: the backend is made anew for
    // the next question, and left alone after some of them.
    [[nodiscard]] virtual base::Result<SourceAnswer> find(std::string_view address,
                                                          const Patience& patience) = 0;
};

// What there is to know about a kind, "ldap" for instance.
struct SourceKind {
    std::string_view name;                      // the word in log and explain
    std::span<const std::string_view> schemes;  // of its uris, with ":"
    std::string_view example;                   // a uri, for messages
    bool waits = true;                          // has to be asked, and may take its time
    unsigned threads = 2;                       // that ask at a time, each with a backend of its own
    bool learns = false;                        // the daemon can put what it learns there
    std::string_view lacking{};                 // the library that this build lacks; "" when it is there
    std::span<const std::string_view> keys{};   // of [source NAME], beside uri and those for all that wait
    unsigned keep = 24, keep_none = 60;         // unless the configuration says otherwise
    bool vouches = false;                       // its answers may have associations
    bool asks_domains = false;                  // the servers of each address's domain, not its own
    // Whether the settings can work at all, without asking anybody.
    base::Result<> (*check)(const SourceSettings&) = nullptr;
    // With `waits`: makes a backend; does not connect.
    base::Result<std::unique_ptr<CertificateSource>> (*open)(const SourceSettings&) = nullptr;
    // Without: a store that answers by itself, at once; never null.
    std::shared_ptr<const CertificateStore> (*open_store)(const SourceSettings&,
                                                          std::vector<base::Problem>&) = nullptr;
    Provenance::Kind provenance = Provenance::Kind::file;
    // With `learns`: opens it for writing, for one thread; makes it when it is not there.
    base::Result<std::unique_ptr<LearnedStore>> (*open_learned)(const SourceSettings&, OnDamage,
                                                                std::vector<base::Problem>&) = nullptr;
};

[[nodiscard]] std::span<const SourceKind> source_kinds();
[[nodiscard]] const SourceKind* source_kind(std::string_view uri);  // nullptr: no such scheme

// The part of the uri after "scheme:".
[[nodiscard]] std::string_view after_scheme(std::string_view uri);

}  // namespace store
