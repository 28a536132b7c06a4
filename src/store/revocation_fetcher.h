// Fetched CRLs and OCSP responses for everybody, with a cache.
//
// A few threads of its own do the waiting; whoever asks waits for them no
// longer than its budget.  A question that is under way is not asked twice, and
// goes on when nobody waits any more, so that the next message finds the
// answer.  Answers are kept until their nextUpdate, at least a minute and at most an
// hour; failures for a minute.  What does not fit any more pushes out what was used longest ago.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "base/clock.h"
#include "cms/revocation.h"
#include "store/http.h"

namespace store
{

struct FetchLimits {
    std::chrono::milliseconds budget{5000};  // for all questions of one message
    HttpLimits http;                         // of a single one
};

// What is done for a message while an answer is waited for; both may be empty.
struct Meanwhile {
    std::function<void()> waiting;  // now and then
    std::function<void()> resume;   // once after that, before anything is computed again
};

// Thread-safe.  Threads start with the first question, and end with the object,
// which makes questions under way give up and waits for them.
class RevocationFetcher
{
public:
    struct Bounds {
        std::size_t threads = 4;
        std::size_t waiting = 64;         // questions; beyond that they fail at once
        std::size_t answers = 2048;       // in the cache
        std::size_t octets = 256U << 20;  // of memory that these take, about; more when two large CRLs do
    };
    explicit RevocationFetcher(const base::Clock& clock) : RevocationFetcher(clock, Bounds{}) {}
    RevocationFetcher(const base::Clock& clock, Bounds bounds);
    ~RevocationFetcher();
    RevocationFetcher(const RevocationFetcher&) = delete;
    RevocationFetcher& operator=(const RevocationFetcher&) = delete;

    // For one message: its budget begins now and ends at `deadline` at the latest.
    [[nodiscard]] std::unique_ptr<cms::RevocationSource> source(
        FetchLimits limits,
        std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max(),
        Meanwhile meanwhile = {});

    // For good: questions under way give up, their threads end, every later
    // question fails at once.  Waits for the threads.
    void stop();

    struct Counts {
        std::uint64_t fetched = 0, failed = 0, from_cache = 0;
        std::size_t answers = 0, octets = 0;
    };
    [[nodiscard]] Counts counts() const;

private:
    class Shared;
    class Source;
    std::shared_ptr<Shared> shared_;
};

}  // namespace store
