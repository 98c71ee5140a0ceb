#include "serve/http/peer.hpp"

#include <sys/socket.h>

#include <algorithm>

namespace linnet::serve {
namespace {

namespace ip = boost::asio::ip;

// Made of the first 64 bits, and not 0.
std::uint64_t client_of(const ip::address_v6& address) {
  const auto bytes = address.to_bytes();
  std::uint64_t network = 0;
  for (std::size_t i = 0; i < 8; ++i) network = network << 8 | bytes[i];
  return std::max<std::uint64_t>(network, 1);
}

}  // namespace

Peer peer_at(ip::address address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = ip::make_address_v4(ip::v4_mapped, address.to_v6());
  }
  Peer peer{address.to_string()};
  if (address.is_loopback()) return peer;
  peer.client = address.is_v4() ? address.to_v4().to_uint() : client_of(address.to_v6());
  return peer;
}

Peer peer_of(ip::tcp::socket& socket) {
  int domain = 0;
  socklen_t size = sizeof domain;
  getsockopt(socket.native_handle(), SOL_SOCKET, SO_DOMAIN, &domain, &size);
  if (domain == AF_UNIX) return {"unix"};
  boost::system::error_code error;
  const auto endpoint = socket.remote_endpoint(error);
  return error ? Peer() : peer_at(endpoint.address());
}

}  // namespace linnet::serve
