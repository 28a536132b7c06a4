// Turns where many servers are asked by a few threads: DNS about the domain of each
// address, HTTP at the host that each certificate names.  One that does not answer must
// not take all threads, nor the queue, from others.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/clock.h"

namespace store
{

// For one thread at a time.  Names are in lower case.
class DomainTurns
{
public:
    explicit DomainTurns(unsigned at_once) : at_once_(at_once) {}

    // May one more question about the domain be under way?
    [[nodiscard]] bool free(const std::string& domain) const;
    // Why nothing is asked about it now: it has not answered twice in a row, within the
    // last minute.
    [[nodiscard]] std::optional<std::string> refusal(const std::string& domain, base::Time now) const;

    void begin(const std::string& domain);
    // It is not known whether it answers.
    void give_back(const std::string& domain) noexcept;
    // With `error`: the domain did not answer.  True: nothing is asked about it from now on.
    // Needs no memory.
    bool end(const std::string& domain, std::optional<std::string> error, base::Time now) noexcept;

private:
    struct Domain {
        unsigned under_way = 0, failures = 0;  // failures: in a row
        base::Time rests_until{};
        std::string last_error;
    };
    void make_room(base::Time now) noexcept;

    unsigned at_once_;
    std::unordered_map<std::string, Domain> domains_;  // those with something to tell
};

}  // namespace store
