// IP addresses and networks.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace policy
{

// IPv4 addresses are kept as IPv4-mapped IPv6, so ::ffff:192.0.2.1 is 192.0.2.1.
struct Network {
    std::array<unsigned char, 16> address{};
    int prefix = 128;
    std::string text;  // as written

    // "192.0.2.1", "192.0.2.0/24", "2001:db8::/32", "[2001:db8::1]"; nullopt
    // otherwise, also when host bits are set.
    static std::optional<Network> parse(std::string_view text);
    [[nodiscard]] bool contains(std::string_view address) const;  // false for what is no address
};

// "192.0.2.0/24" for "192.0.2.10/24": what was probably meant where only host
// bits made parse() refuse; "" when something else is wrong.
[[nodiscard]] std::string without_host_bits(std::string_view text);

// Is every address of `inner` in `outer`?
[[nodiscard]] bool covers(const Network& outer, const Network& inner);

// Wider than any organisation's own network: more than an IPv4 /8 or an IPv6
// /7.  Such a network must not give rights.
[[nodiscard]] bool too_wide(const Network& network);

[[nodiscard]] bool any_contains(const std::vector<Network>& networks, std::string_view address);

}  // namespace policy
