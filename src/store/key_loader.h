// Private to store/: reads key files and pairs keys with certificates.
#pragma once

#include <functional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "store/key_cache.h"
#include "store/key_store.h"

namespace store
{

// Collects what the files of one source hold, then makes identities of it.
// PEM directories may keep key and certificate in files of their own; they are
// paired by the public key.
class KeyLoader
{
public:
    KeyLoader(const KeySource& source, std::vector<base::Problem>& problems, KeyIndex* index,
              std::shared_ptr<KeyCache> cache)
        : source_(source), problems_(problems), index_(index), cache_(std::move(cache))
    {
    }

    // `skip`: canonical paths that belong to other sources.
    void read(const std::unordered_set<std::string>& skip);

    // Public keys (their fingerprints) of which a file says that they are retired, and
    // that file.  Whoever retires one copy of a key means the key.
    using Retired = std::unordered_map<std::string, std::string>;
    void note_retired(Retired& out) const;

    // `retired`: of all sources.
    void pair(const std::vector<cms::Certificate>& helpers, const Retired& retired, base::Time now,
              std::vector<Identity>& out);

private:
    struct Key {
        cms::PrivateKeyHandle key;
        std::string file;
        std::string print;  // PrivateKey::key_fingerprint(); "" of a token's
    };
    struct Held {
        cms::Certificate certificate;
        std::string file;
        bool used = false;  // belongs to a key, or a problem names it already
    };

    using FindIssuers = std::function<std::vector<cms::Certificate>(const cms::Certificate&)>;
    struct Pair {
        const Key* key;
        const Held* held;
    };
    [[nodiscard]] static Pair choose(const std::vector<const Key*>& keys,
                                     const std::vector<Held*>& certificates);
    void make_identities(const std::vector<const Key*>& keys, const std::vector<Held*>& mates,
                         const Retired& retired, const FindIssuers& issuers, base::Time now,
                         std::vector<Identity>& out);
    void read_directory(const std::unordered_set<std::string>& skip);
    void read_token();
    [[nodiscard]] bool remembered(const std::string& path);
    void keep(const std::string& path, KeyIndex::Entry entry);
    [[nodiscard]] cms::PrivateKeyHandle lazily(const std::string& path, const std::string& print) const;
    void warn_of_outdated_encryption(const std::string& path);
    void warn_of_missing_issuers(const std::vector<cms::Certificate>& helpers,
                                 const std::vector<cms::Certificate>& authorities,
                                 const std::vector<Identity>& made, std::size_t from);
    void read_file(const std::string& path);
    void explain_lone_key(const Key& key);
    void explain_lone_certificates();
    [[nodiscard]] bool check(const Identity& identity, base::Time now);
    void problem(base::Severity severity, base::Error error);
    void warn(const std::string& file, std::string what, std::string remedy);

    // A file that did not open says so itself: what lies beside it is not blamed.
    void failed(const std::string& path, base::Error error);
    [[nodiscard]] bool beside_a_failure(const std::string& path) const;

    const KeySource& source_;
    std::vector<base::Problem>& problems_;
    KeyIndex* index_;
    std::shared_ptr<KeyCache> cache_;
    bool large_ = false;            // keys are opened when they are used
    bool password_proved_ = false;  // it has opened a file
    std::optional<base::Secret> password_;
    bool password_failed_ = false;
    std::unordered_set<std::string> failed_stems_;
    std::vector<Key> keys_;
    std::vector<Held> certificates_;
};

// The path without symbolic links and dots, for telling files apart.
[[nodiscard]] std::string canonical(const std::string& path);

// "DIR/alice" of "DIR/alice.key.pem": what a key and its certificate have in common.
[[nodiscard]] std::string stem(const std::string& path);

}  // namespace store
