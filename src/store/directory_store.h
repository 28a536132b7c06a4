// Certificates in a directory of files, for people who use files and git.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/lru_cache.h"
#include "store/certificate_store.h"

namespace store
{

// Reads *.pem *.crt *.cer *.der *.p7b *.p7c once for an index of hashes (address,
// subject key id, issuer and serial, fingerprint); certificates are decoded on
// use and kept in a cache of bounded size.  A file that changes afterwards is
// noticed: what is no longer in it is not found.  There are no private keys here,
// so it never answers to Purpose::sign and decrypt.
class DirectoryStore final : public CertificateStore
{
public:
    struct Options {
        std::string path;
        // pinned: the file's name without its extension is the only address that
        // its certificates are for, whatever they name ("alice@example.org.pem").  Those
        // of "@example.org.pem" are for the gateway of that domain, and found by that
        // name only.
        Provenance::Kind kind = Provenance::Kind::file;
        std::size_t cached = 1024;  // decoded certificates to keep

        friend bool operator==(const Options&, const Options&) = default;
    };

    // What was there before a reload, and when that is.
    struct Before {
        std::vector<std::shared_ptr<const DirectoryStore>> stores;
        base::Time now;
    };

    // A file that cannot be used is a warning in `problems`, the others load; a
    // directory that cannot be read is an error, and the store is empty.
    // One of `before.stores` is given again, with what was found wrong with it, when it has the
    // same options and nothing in the directory has changed since, neither names nor what
    // stat(2) says of a file; unless a file could not be read, or has changed in the two
    // seconds before.
    [[nodiscard]] static std::shared_ptr<const DirectoryStore> open(Options options,
                                                                    std::vector<base::Problem>& problems,
                                                                    const Before& before = {});

    [[nodiscard]] base::Result<std::vector<Found>> find(std::string_view address, base::Time at,
                                                        Purpose purpose) const override;
    [[nodiscard]] base::Result<std::vector<Found>> by_subject_key_id(base::Octets id) const override;
    [[nodiscard]] base::Result<std::vector<Found>> by_issuer_and_serial(
        base::Octets issuer, std::string_view serial) const override;
    [[nodiscard]] base::Result<std::optional<Found>> by_fingerprint(std::string_view hex) const override;

    // See FileWriters.
    [[nodiscard]] const std::optional<base::Problem>& writers() const { return writers_; }
    [[nodiscard]] std::size_t size() const { return entries_.size(); }
    [[nodiscard]] std::size_t decoded() const
    {
        return cache_.size();
    }  // how many certificates are in the cache
    // All of them, in the order of the files' names; for listings.
    [[nodiscard]] std::vector<Found> all() const;

private:
    struct Entry {
        std::uint32_t file = 0;
        std::uint64_t fingerprint = 0;  // hash of it
    };
    using Index = std::unordered_multimap<std::uint64_t, std::uint32_t>;  // hash -> entry

    explicit DirectoryStore(Options options) : options_(std::move(options)), cache_(options_.cached) {}
    void read(const std::vector<std::string>& names);
    [[nodiscard]] base::Result<> add_file(const std::string& name);
    // nullopt: the file has been removed or is another one now.
    [[nodiscard]] base::Result<std::optional<cms::Certificate>> decode(std::uint32_t entry) const;
    [[nodiscard]] Found found(std::uint32_t entry, cms::Certificate certificate) const;
    template <class Wanted>
    [[nodiscard]] base::Result<std::vector<Found>> pick(const Index& index, std::uint64_t hash,
                                                        const Wanted& wanted) const;
    [[nodiscard]] std::string pinned_address(std::uint32_t entry) const;

    Options options_;
    std::optional<std::size_t> state_;  // of the directory before it was read, see look_at()
    std::optional<base::Problem> writers_;
    std::vector<base::Problem> problems_;
    std::vector<std::string> files_;  // names in the directory
    std::vector<Entry> entries_;
    Index by_address_, by_key_id_, by_issuer_serial_, by_fingerprint_;
    mutable base::LruCache<cms::Certificate, std::uint32_t> cache_;  // by entry
};

}  // namespace store
