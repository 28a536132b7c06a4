// Asking sources that have to be waited for, for everybody, with a cache.
//
// Each source has a few threads of its own, which do the waiting; whoever asks
// waits for them no longer than the source's timeout.  What is under way is not
// asked twice, and goes on when nobody waits any more, so that the next message
// finds the answer.  A source that does not answer is left alone for a while, and
// then asked once; meanwhile questions to it fail at once.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "store/source.h"

namespace store
{

// What a source said about an address.
struct Answer {
    std::vector<Found> found;          // those that name the address, newest first, whatever they are fit for
    std::vector<std::string> remarks;  // why others are not among them
    std::vector<cms::Association> associations{};
    std::optional<std::chrono::seconds> keep_at_most{};
};

// Thread-safe.  Threads start with the first question to a source, and end with
// the object, or when the source is no longer in the configuration.
class Sources
{
public:
    struct Bounds {
        std::size_t waiting = 64;               // questions of a source; beyond that they fail at once
        std::size_t answers = 20'000;           // in the cache, of all sources: certificates
        std::size_t none = 50'000;              // and that there is none
        std::size_t octets = 64U << 20;         // of both
        std::size_t certificates = 256;         // of one answer that are looked at
        std::size_t largest = 16U << 10;        // octets of a certificate; larger ones are passed over
        unsigned failures = 3;                  // in a row, before a source is left alone
        std::chrono::seconds rest{2};           // for that long, twice as long each time,
        std::chrono::seconds longest_rest{60};  // up to this
    };
    // A source has failed, or answers again: once each time, not for each question.
    using Tell = std::function<void(base::Level, const std::string&)>;

    // Instead of the kind's, for tests.
    using Open = std::function<base::Result<std::unique_ptr<CertificateSource>>(const SourceSettings&)>;

    explicit Sources(const base::Clock& clock, Tell tell = {});
    Sources(const base::Clock& clock, Tell tell, Bounds bounds, Open open = {});
    ~Sources();
    Sources(const Sources&) = delete;
    Sources& operator=(const Sources&) = delete;

    // Waits until `until` and for the source's timeout, whatever is shorter, and
    // calls `progress` (may be empty) meanwhile.
    [[nodiscard]] base::Result<std::shared_ptr<const Answer>> ask(const SourceSettings& source,
                                                                  std::string_view address,
                                                                  std::chrono::steady_clock::time_point until,
                                                                  const std::function<void()>& progress);

    // What is known about an address is out of date: somebody has put it there.
    void forget(std::string_view address);
    // Others are not asked any more; their threads end, and those that have ended before are
    // waited for.
    void keep_only(const std::vector<SourceSettings>& sources);

    // For good: questions under way give up, threads end, every later question
    // fails at once.  Waits for the threads.
    void stop();

    struct Counts {
        std::uint64_t asked = 0, failed = 0, from_cache = 0, refused = 0;  // refused: at once, unasked
        std::size_t answers = 0, none = 0, octets = 0, threads = 0;
    };
    [[nodiscard]] Counts counts() const;

private:
    class Shared;
    class Line;
    std::unique_ptr<Shared> shared_;
};

// Why an address is not worth a question; nullopt when it is.
[[nodiscard]] std::optional<std::string> unfit_to_ask(const SourceSettings& source, std::string_view address);

}  // namespace store
