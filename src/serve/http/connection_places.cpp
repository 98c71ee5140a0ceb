#include "serve/http/connection_places.hpp"

namespace linnet::serve {

std::optional<ConnectionPlaces::Place> ConnectionPlaces::take(std::uint64_t client) {
  if (open_ >= most_) return std::nullopt;
  if (client != 0) {
    std::size_t& of_client = open_of_[client];  // of which there is one only while it is not 0
    if (of_client >= most_of_client_) return std::nullopt;
    ++of_client;
  }
  ++open_;
  return Place(*this, client);
}

void ConnectionPlaces::leave(std::uint64_t client) {
  --open_;
  const auto found = open_of_.find(client);
  if (found != open_of_.end() && --found->second == 0) open_of_.erase(found);
}

}  // namespace linnet::serve
