#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <utility>

namespace linnet::serve {

/// How many connections may be open at a time: in all, and of one client, so that none of them can
/// take all places and keep them. Belongs to the I/O thread.
class ConnectionPlaces {
 public:
  /// Both at least 1.
  ConnectionPlaces(std::size_t most, std::size_t most_of_client)
      : most_(most), most_of_client_(most_of_client) {}

  /// A place, held as long as this lives. The places must outlive it.
  class Place {
   public:
    Place(Place&& other) noexcept
        : places_(std::exchange(other.places_, nullptr)), client_(other.client_) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (places_) places_->leave(client_);
    }

   private:
    friend class ConnectionPlaces;
    Place(ConnectionPlaces& places, std::uint64_t client) : places_(&places), client_(client) {}

    ConnectionPlaces* places_;
    std::uint64_t client_;
  };

  /// A place for a connection of Peer::client, or nothing if all that it may have are taken.
  /// Client 0 may have all: its connections are those of this machine, perhaps of a proxy.
  std::optional<Place> take(std::uint64_t client);

 private:
  void leave(std::uint64_t client);

  const std::size_t most_, most_of_client_;
  std::size_t open_ = 0;
  std::unordered_map<std::uint64_t, std::size_t> open_of_;  // of each client but 0
};

}  // namespace linnet::serve
