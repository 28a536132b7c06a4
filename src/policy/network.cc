#include "policy/network.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/ascii.h"

namespace policy
{
namespace
{

using Address = std::array<unsigned char, 16>;

// Number of leading bits of an IPv4-mapped IPv6 address that are not the IPv4 address.
constexpr int mapped = 96;

struct Parsed {
    Address address{};
    bool ipv4 = false;
};

std::optional<Parsed> parse_address(std::string_view text)
{
    if (text.size() >= INET6_ADDRSTRLEN) return std::nullopt;
    const std::string terminated(text);
    Parsed parsed;
    if (inet_pton(AF_INET, terminated.c_str(), parsed.address.data() + 12) == 1) {
        parsed.address[10] = parsed.address[11] = 0xff;
        parsed.ipv4 = true;
        return parsed;
    }
    if (inet_pton(AF_INET6, terminated.c_str(), parsed.address.data()) == 1) return parsed;
    return std::nullopt;
}

bool same_prefix(const Address& a, const Address& b, int prefix)
{
    const auto whole = static_cast<std::size_t>(prefix / 8);
    if (!std::equal(a.begin(), a.begin() + prefix / 8, b.begin())) return false;
    if (prefix % 8 == 0) return true;
    const int rest = 8 - prefix % 8;
    return (a[whole] >> rest) == (b[whole] >> rest);
}

bool host_bits_set(const Address& address, int prefix)
{
    for (int bit = prefix; bit < 128; ++bit)
        if ((address[static_cast<std::size_t>(bit / 8)] >> (7 - bit % 8) & 1) != 0) return true;
    return false;
}

// The network with whatever host bits were written; parse() refuses them.
std::optional<Network> parse_loosely(std::string_view text)
{
    const auto slash = text.find('/');
    auto host = text.substr(0, slash);
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    const auto parsed = parse_address(host);
    if (!parsed || (bracketed && parsed->ipv4)) return std::nullopt;

    Network network;
    network.address = parsed->address;
    network.text = text;
    if (slash != std::string_view::npos) {
        const auto digits = text.substr(slash + 1);
        const auto prefix = base::parse_decimal(digits);
        if (!prefix || *prefix > (parsed->ipv4 ? 32U : 128U) || (digits.size() > 1 && digits.front() == '0'))
            return std::nullopt;
        network.prefix = static_cast<int>(*prefix) + (parsed->ipv4 ? mapped : 0);
    }
    return network;
}

bool is_ipv4(const Address& address)
{
    constexpr Address first{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return same_prefix(address, first, mapped);
}

}  // namespace

std::optional<Network> Network::parse(std::string_view text)
{
    auto network = parse_loosely(text);
    if (network && host_bits_set(network->address, network->prefix)) return std::nullopt;
    return network;
}

std::string without_host_bits(std::string_view text)
{
    const auto network = parse_loosely(text);
    if (!network || !host_bits_set(network->address, network->prefix)) return {};
    Address masked = network->address;
    for (int bit = network->prefix; bit < 128; ++bit)
        masked[static_cast<std::size_t>(bit / 8)] &= static_cast<unsigned char>(~(0x80U >> (bit % 8)));
    const bool ipv4 = is_ipv4(masked) && network->prefix >= mapped;
    char out[INET6_ADDRSTRLEN];
    if (inet_ntop(ipv4 ? AF_INET : AF_INET6, masked.data() + (ipv4 ? 12 : 0), out, sizeof out) == nullptr)
        return {};
    return std::string(out) + "/" + std::to_string(network->prefix - (ipv4 ? mapped : 0));
}

bool covers(const Network& outer, const Network& inner)
{
    return outer.prefix <= inner.prefix && same_prefix(outer.address, inner.address, outer.prefix);
}

bool too_wide(const Network& network)
{
    if (network.prefix < 7) return true;
    // An IPv6 prefix may hold the IPv4-mapped addresses, all or many of them.
    constexpr Address any_ipv4{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return network.prefix < mapped + 8 &&
           same_prefix(network.address, any_ipv4, std::min(network.prefix, mapped));
}

bool Network::contains(std::string_view other) const
{
    const auto parsed = parse_address(other);
    return parsed && same_prefix(address, parsed->address, prefix);
}

bool any_contains(const std::vector<Network>& networks, std::string_view address)
{
    if (networks.empty()) return false;
    const auto parsed = parse_address(address);
    return parsed && std::any_of(networks.begin(), networks.end(), [&](const Network& n) {
               return same_prefix(n.address, parsed->address, n.prefix);
           });
}

}  // namespace policy
