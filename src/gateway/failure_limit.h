// How often decryption may fail for one client: whoever sends mail by the thousand to see
// what becomes of it is not served for a while.  The gateway tells nobody whether it has
// opened a message, so this is defence in depth.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <mutex>
#include <string_view>

#include "base/clock.h"

namespace gateway
{

// Thread-safe.  Counts for an hour from a client's first failure; an IPv6 client is its
// /64.  At most ten thousand clients are remembered, then the oldest make room.
class FailureLimit
{
public:
    static constexpr std::size_t most_clients = 10'000;

    // Has it failed `most` times?  Never when `most` is 0.
    [[nodiscard]] bool reached(std::string_view client, base::Time now, unsigned most) const;
    void count(std::string_view client, base::Time now);

private:
    using Network = std::array<unsigned char, 16>;
    struct Failures {
        base::Time since{};
        unsigned number = 0;
    };
    static Network network_of(std::string_view client);
    void make_room(base::Time now);

    mutable std::mutex mutex_;
    std::map<Network, Failures> clients_;
};

}  // namespace gateway
