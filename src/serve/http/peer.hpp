#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <string>

namespace linnet::serve {

/// The other end of a connection.
struct Peer {
  std::string address;  ///< empty if the connection has ended already
  /// Tells clients apart that send no key: one for each address, for IPv6 for each network of 64
  /// bits, of which a client may have all addresses. 0: a program of this machine, where the
  /// address tells nothing.
  std::uint64_t client = 0;
};

Peer peer_at(boost::asio::ip::address address);
/// The same for a socket, also one in the file system.
Peer peer_of(boost::asio::ip::tcp::socket& socket);

}  // namespace linnet::serve
