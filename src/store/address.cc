// Which addresses a stranger's certificate may make us call.
#include <arpa/inet.h>

#include <array>
#include <cstdint>
#include <cstring>

#include "store/http.h"

namespace store
{
namespace
{

struct Range {
    std::uint32_t first;
    int prefix;
};

// RFC 6890 and its successors: what is not globally reachable.
constexpr Range special[] = {
    {0x00000000, 8},   // "this network"
    {0x0a000000, 8},   // private use
    {0x64400000, 10},  // shared by carriers
    {0x7f000000, 8},   // loopback
    {0xa9fe0000, 16},  // link-local, metadata services
    {0xac100000, 12},  // private use
    {0xc0000000, 24},  // protocol assignments
    {0xc0000200, 24},  // documentation
    {0xc0586300, 24},  // 6to4 relays
    {0xc0a80000, 16},  // private use
    {0xc6120000, 15},  // benchmarking
    {0xc6336400, 24},  // documentation
    {0xcb007100, 24},  // documentation
    {0xe0000000, 3},   // multicast, reserved, broadcast
};

bool public_v4(std::uint32_t address)
{
    for (const Range& r : special)
        if ((address ^ r.first) >> (32 - r.prefix) == 0) return false;
    return true;
}

bool public_v6(const std::array<unsigned char, 16>& a)
{
    constexpr std::array<unsigned char, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (std::memcmp(a.data(), mapped.data(), mapped.size()) == 0)
        return public_v4(std::uint32_t{a[12]} << 24 | std::uint32_t{a[13]} << 16 | std::uint32_t{a[14]} << 8 |
                         a[15]);
    if ((a[0] & 0xe0) != 0x20) return false;                               // 2000::/3 is global unicast
    if (a[0] == 0x20 && a[1] == 0x01 && (a[2] & 0xfe) == 0) return false;  // 2001::/23, Teredo
    if (a[0] == 0x20 && a[1] == 0x01 && a[2] == 0x0d && a[3] == 0xb8) return false;  // documentation
    if (a[0] == 0x20 && a[1] == 0x02) return false;                                  // 6to4: any IPv4 inside
    return !(a[0] == 0x3f && a[1] == 0xff && (a[2] & 0xf0) == 0);  // documentation, RFC 9637
}

}  // namespace

bool is_public_address(std::string_view address)
{
    const std::string text(address);
    in_addr v4{};
    if (::inet_pton(AF_INET, text.c_str(), &v4) == 1) return public_v4(ntohl(v4.s_addr));
    std::array<unsigned char, 16> v6{};
    return ::inet_pton(AF_INET6, text.c_str(), v6.data()) == 1 && public_v6(v6);
}

}  // namespace store
