#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "generate/media/medium.hpp"

namespace linnet::serve {

/// The memory of pictures and sounds that requests hold until they are answered: a file of a few
/// bytes may become many MiB of pixels or samples, and many requests may wait. Safe to use from
/// several threads.
class MediaRoom {
 public:
  static constexpr std::int64_t kMostBytes = std::int64_t{512} << 20;

  explicit MediaRoom(std::int64_t most_bytes = kMostBytes) : most_bytes_(most_bytes) {}

  /// Counts the media of a request, if it has some, until nobody holds them any more. False if
  /// there is no room for them next to those of others.
  bool hold(Media& media);
  std::int64_t held_bytes() const { return *held_bytes_; }

 private:
  const std::int64_t most_bytes_;
  // Media may live longer than this.
  const std::shared_ptr<std::atomic<std::int64_t>> held_bytes_ =
      std::make_shared<std::atomic<std::int64_t>>(0);
};

}  // namespace linnet::serve
