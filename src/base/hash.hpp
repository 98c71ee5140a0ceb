#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace linnet {

/// A 64-bit hash of bytes that come piece by piece, at the speed of memory. The same bytes give the
/// same hash however they are cut; a change within one word always changes it. It guards against
/// accidents, not against somebody who looks for collisions.
class Hash64 {
 public:
  void add(std::span<const std::byte> bytes);
  /// The hash of all that was added so far.
  std::uint64_t value() const;

 private:
  static constexpr std::size_t kLanes = 8;
  static constexpr std::size_t kBlockBytes = kLanes * sizeof(std::uint64_t);
  using Lanes = std::array<std::uint64_t, kLanes>;

  static void mix(Lanes& lanes, const std::byte* block);

  Lanes lanes_ = {1, 2, 3, 4, 5, 6, 7, 8};
  std::array<std::byte, kBlockBytes> rest_{};  // of a block that is not full
  std::uint64_t size_bytes_ = 0;
};

}  // namespace linnet
