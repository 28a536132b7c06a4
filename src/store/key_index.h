// What the key files held when they were last opened, so that a daemon with the keys of
// ten thousand senders need not open them all again when it starts: a PFX costs
// milliseconds, most of them meant to slow down those who guess passwords.
//
// The index holds certificates, what is known about them, and hashes of public keys;
// nothing secret.  It is a cache: whoever removes it loses nothing but time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "cms/certificate.h"

namespace store
{

class KeyIndex
{
public:
    struct Entry {
        base::Stamp stamp;
        bool legacy = false;                         // outdated encryption
        std::vector<cms::Certificate> certificates;  // in file order
        std::vector<std::string> keys;               // PrivateKey::key_fingerprint(), in file order
    };

    // Below this many files in a directory an index is not worth it: their keys are all
    // opened when the daemon starts, and stay open.
    static constexpr std::size_t worthwhile = 100;

    // From that file; empty when it is not there, damaged, or could have been written by
    // anybody but this user.
    [[nodiscard]] static KeyIndex read(const std::string& file, std::size_t from_files = worthwhile);
    [[nodiscard]] bool serves(std::size_t files) const { return files > from_files_; }
    // The same file, mode 0600, when anything has changed: what was found or put.
    [[nodiscard]] base::Result<> write() const;

    // nullptr when the file has changed since, or was never there.
    [[nodiscard]] const Entry* find(const std::string& path, const base::Stamp& stamp);
    void put(const std::string& path, Entry entry);

private:
    struct Known {
        Entry entry;
        bool seen = false;
    };
    std::string file_;
    std::size_t from_files_ = worthwhile;
    std::map<std::string, Known> known_;
    bool changed_ = false;
};

}  // namespace store
