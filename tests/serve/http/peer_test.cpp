#include "serve/http/peer.hpp"

#include <gtest/gtest.h>

namespace linnet::serve {
namespace {

Peer at(const char* address) { return peer_at(boost::asio::ip::make_address(address)); }

TEST(Peer, EachAddressIsAClient) {
  EXPECT_EQ(at("192.0.2.1").address, "192.0.2.1");
  EXPECT_EQ(at("192.0.2.1").client, at("192.0.2.1").client);
  EXPECT_NE(at("192.0.2.1").client, at("192.0.2.2").client);
  EXPECT_NE(at("192.0.2.1").client, 0u);
}

TEST(Peer, ANetworkOfIpV6IsOneClient) {
  EXPECT_EQ(at("2001:db8:0:1::1").client, at("2001:db8:0:1:ffff::2").client);
  EXPECT_NE(at("2001:db8:0:1::1").client, at("2001:db8:0:2::1").client);
  EXPECT_EQ(at("2001:db8::1").address, "2001:db8::1");
}

// As a socket that listens for both kinds of addresses has them.
TEST(Peer, AnAddressOfIpV4MayComeAsOneOfIpV6) {
  EXPECT_EQ(at("::ffff:192.0.2.1").address, "192.0.2.1");
  EXPECT_EQ(at("::ffff:192.0.2.1").client, at("192.0.2.1").client);
}

TEST(Peer, ProgramsOfThisMachineAreNotToldApart) {
  for (const char* const address : {"127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_EQ(at(address).client, 0u) << address;
  }
}

}  // namespace
}  // namespace linnet::serve
