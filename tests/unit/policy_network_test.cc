#include <gtest/gtest.h>

#include "policy/network.h"

namespace
{

using namespace policy;

TEST(Network, ContainsItsAddressesAndNoOthers)
{
    const struct {
        const char *network, *inside, *outside;
    } table[] = {
        {"192.0.2.1", "192.0.2.1", "192.0.2.2"},
        {"192.0.2.0/24", "192.0.2.255", "192.0.3.0"},
        {"192.0.2.128/25", "192.0.2.129", "192.0.2.127"},
        {"10.0.0.0/8", "10.255.0.1", "11.0.0.1"},
        {"2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"},
        {"[2001:db8::1]", "2001:DB8:0::1", "2001:db8::2"},
        {"[2001:db8::]/33", "2001:db8:7fff::1", "2001:db8:8000::1"},
        {"::1", "::1", "127.0.0.1"},
    };
    for (const auto& row : table) {
        const auto network = Network::parse(row.network);
        ASSERT_TRUE(network) << row.network;
        EXPECT_EQ(network->text, row.network);
        EXPECT_TRUE(network->contains(row.inside)) << row.network << " " << row.inside;
        EXPECT_FALSE(network->contains(row.outside)) << row.network << " " << row.outside;
    }
}

TEST(Network, MappedAddressesAreIpv4Addresses)
{
    EXPECT_TRUE(Network::parse("192.0.2.0/24")->contains("::ffff:192.0.2.7"));
    EXPECT_TRUE(Network::parse("::ffff:192.0.2.7")->contains("192.0.2.7"));
    EXPECT_FALSE(Network::parse("::ffff:192.0.2.7")->contains("192.0.2.8"));
}

TEST(Network, WhatIsNoAddressIsInNoNetwork)
{
    const std::vector<Network> all{*Network::parse("0.0.0.0/0"), *Network::parse("::/0")};
    for (const char* text : {"", "localhost", "192.0.2", "192.0.2.1 ", "fe80::1%eth0", "[::1]", "256.1.1.1"})
        EXPECT_FALSE(any_contains(all, text)) << text;
    EXPECT_TRUE(any_contains(all, "192.0.2.1"));
    EXPECT_FALSE(any_contains({}, "192.0.2.1"));
}

TEST(Network, RefusesWhatIsNotExactlyANetwork)
{
    for (const char* text :
         {"", "/", "192.0.2.0/", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/024", "192.0.2.0/24/8",
          "192.0.2.1/24", "2001:db8::1/64", "2001:db8::/129", "[192.0.2.1]", "[2001:db8::1", "2001:db8::1]",
          "192.0.2.0/255.255.255.0", "host.example", "192.0.2", "01.2.3.4"})
        EXPECT_FALSE(Network::parse(text)) << text;
}

TEST(Network, HostBitsSuggestTheNetworkThatWasMeant)
{
    EXPECT_EQ(without_host_bits("192.0.2.10/24"), "192.0.2.0/24");
    EXPECT_EQ(without_host_bits("2001:db8::1/32"), "2001:db8::/32");
    EXPECT_EQ(without_host_bits("192.0.2.0/24"), "");
    EXPECT_EQ(without_host_bits("nonsense/24"), "");
}

TEST(Network, CoversSmallerOnesOnly)
{
    const auto covers_text = [](const char* a, const char* b) {
        return covers(*Network::parse(a), *Network::parse(b));
    };
    EXPECT_TRUE(covers_text("10.0.0.0/8", "10.1.0.0/16"));
    EXPECT_TRUE(covers_text("10.0.0.0/8", "10.0.0.0/8"));
    EXPECT_FALSE(covers_text("10.1.0.0/16", "10.0.0.0/8"));
    EXPECT_FALSE(covers_text("10.1.0.0/16", "10.2.0.1"));
    EXPECT_FALSE(covers_text("::1", "0.0.0.1"));
}

TEST(Network, TooWideIsWhatNoOrganisationOwns)
{
    for (const char* text :
         {"0.0.0.0/0", "128.0.0.0/1", "10.0.0.0/7", "::/0", "::/8", "::ffff:0.0.0.0/96", "2000::/3"})
        EXPECT_TRUE(too_wide(*Network::parse(text))) << text;
    for (const char* text : {"10.0.0.0/8", "192.0.2.1", "fc00::/7", "2001:db8::/32", "::1"})
        EXPECT_FALSE(too_wide(*Network::parse(text))) << text;
}

}  // namespace
