// Digests of content that is signed or verified.
#pragma once

#include <memory>
#include <string>

#include "base/octets.h"

namespace cms
{

enum class Digest { automatic, sha256, sha384, sha512 };  // automatic: by the key (semantics A.8)

struct ContentDigest {
    std::string algorithm;  // "sha256"
    std::string octets;     // raw
};

// Of octets that come one after the other.  Not thread-safe, but bound to no thread.
class RunningDigest
{
public:
    explicit RunningDigest(Digest algorithm);  // automatic: SHA-256
    ~RunningDigest();
    RunningDigest(const RunningDigest&) = delete;
    RunningDigest& operator=(const RunningDigest&) = delete;

    void add(base::Octets octets);
    // The digest of all that was added; empty when the library failed, or the second time.
    [[nodiscard]] std::string finish();

private:
    struct State;
    std::unique_ptr<State> state_;  // nullptr: failed, or finished
};

}  // namespace cms
