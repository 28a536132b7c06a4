// Where signing identities come from.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"
#include "cms/certificate.h"
#include "cms/private_key.h"
#include "store/certificate_store.h"
#include "store/key_index.h"

namespace store
{

// Certificates of issuers, found when they are first wanted: building a path is dear.
// Thread-safe; copies share what was found.
class Chain
{
public:
    using Find = std::function<std::vector<cms::Certificate>()>;

    Chain() : Chain(std::vector<cms::Certificate>()) {}
    Chain(std::vector<cms::Certificate> known)  // NOLINT(google-explicit-constructor)
        : Chain([known = std::move(known)] { return known; })
    {
    }
    explicit Chain(Find find) : state_(std::make_shared<State>()) { state_->find = std::move(find); }

    [[nodiscard]] const std::vector<cms::Certificate>& get() const
    {
        std::call_once(state_->once, [this] { state_->found = state_->find(); });
        return state_->found;
    }

private:
    struct State {
        std::once_flag once;
        Find find;
        std::vector<cms::Certificate> found;
    };
    std::shared_ptr<State> state_;
};

// A certificate with its private key and the certificates to put beside it.
struct Identity {
    std::string name;     // of the [key NAME] section, or the file's name
    std::string section;  // of the [key NAME] section, or ""
    std::string file;
    std::string certificate_file;  // the same, unless the certificate lies in a file of its own
    bool retired = false;          // decrypts and does nothing else, see retired_mark
    cms::Certificate certificate;
    cms::PrivateKeyHandle key;
    Chain chain;                                 // issuing intermediates, no self-signed root
    std::vector<std::string> decrypts_for = {};  // as in KeySource
    // Other files of the same source that hold the same key, the same certificate.
    std::vector<std::string> more_key_files = {}, more_certificate_files = {};
};

// Where a password comes from: "credential:NAME" ($CREDENTIALS_DIRECTORY/NAME),
// "file:PATH" (mode-checked), or "" for none.  One trailing line end is dropped.
struct PasswordSource {
    std::string text;
};
[[nodiscard]] bool has_credentials();  // $CREDENTIALS_DIRECTORY is set
[[nodiscard]] base::Result<std::optional<base::Secret>> read_password(const PasswordSource& source);

// One place to look: a directory of *.p12 *.pfx *.pem, one file with a name, or one key
// in a token with a name.
struct KeySource {
    std::string name;  // "" for the directory of [keys]
    std::string path;
    PasswordSource password;
    std::string origin;  // "file:line" of the configuration, for errors
    // Hours in which a certificate signs only if no older one can, so that those
    // who look at it by its directory or CRL know it by then.  Of [keys] only.
    unsigned activation_delay = 0;
    // Of a key in a token: see cms/token.h; `path` is empty, `password` is the PIN's.
    std::string uri = {}, module = {}, certificate = {};
    std::vector<std::string> decrypts_for = {};  // patterns: whose mail it decrypts, too
};

// How a file is called whose keys are kept for decrypting old mail only, "alice.retired.p12":
// every certificate with one of its public keys is retired, in whatever file it lies.
inline constexpr std::string_view retired_mark = ".retired";

// Immutable once loaded; safe to use from several threads.  As a CertificateStore
// it knows the certificates of our own users: to sign and decrypt with, and to
// encrypt to.
class KeyStore final : public CertificateStore
{
public:
    KeyStore() = default;

    // Loads every source; a file that cannot be used is reported in `problems`
    // and the others load.  `helpers` are certificates that may complete chains.
    // Files named by a source with a name are skipped in the directory.
    // Private keys of files are opened when they are used, and each was opened once
    // before: now, or when `index` was written.
    static KeyStore load(const std::vector<KeySource>& sources, const std::vector<cms::Certificate>& helpers,
                         base::Time now, std::vector<base::Problem>& problems, KeyIndex* index = nullptr);

    // Identities whose certificate names the address, best first: usable for
    // signing at `now` (validity, usages), newest notBefore first, but those in
    // their activation delay last.
    struct Candidates {
        std::vector<const Identity*> usable;
        std::vector<std::string> rejected;  // "serial 01ab: expired 2026-01-01", for the log
    };
    [[nodiscard]] Candidates for_signing(std::string_view address, base::Time now) const;

    // The identities of [key NAME].
    [[nodiscard]] Candidates named(std::string_view name, base::Time now) const;
    [[nodiscard]] bool has_name(std::string_view name) const;

    // Those that may open mail for all of `recipients`: the certificate names each
    // of them, or [key NAME] decrypts_for does; old and retired ones too.
    [[nodiscard]] std::vector<const Identity*> entitled(const std::vector<std::string>& recipients) const;

    [[nodiscard]] const std::vector<Identity>& all() const { return identities_; }

    [[nodiscard]] base::Result<std::vector<Found>> find(std::string_view address, base::Time at,
                                                        Purpose purpose) const override;
    [[nodiscard]] base::Result<std::vector<Found>> by_subject_key_id(base::Octets id) const override;
    [[nodiscard]] base::Result<std::vector<Found>> by_issuer_and_serial(
        base::Octets issuer, std::string_view serial) const override;
    [[nodiscard]] base::Result<std::optional<Found>> by_fingerprint(std::string_view hex) const override;

private:
    using Index = std::unordered_map<std::string, std::vector<std::size_t>>;
    void index();
    [[nodiscard]] std::vector<Found> pick(const Index& index, const std::string& key,
                                          bool retired_too = true) const;

    std::vector<Identity> identities_;
    std::chrono::hours activation_delay_{0};
    Index by_address_;  // lower case; certificates confirm the match
    Index by_name_;
    std::vector<std::size_t> shared_;  // those with `decrypts_for`
    Index by_key_id_, by_issuer_serial_, by_fingerprint_;
};

// unfit_for(Purpose::sign, ...)
[[nodiscard]] std::optional<std::string> unfit_for_signing(const cms::Certificate& certificate,
                                                           base::Time now);

}  // namespace store
