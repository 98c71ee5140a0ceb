#include "generate/cache/prefix_hash.hpp"

#include <random>

#include "base/splitmix64.hpp"

namespace linnet {

std::uint64_t empty_prefix_hash() {
  static const std::uint64_t kSecret = [] {
    std::random_device device;
    return std::uint64_t{device()} << 32 | device();
  }();
  return kSecret;
}

std::uint64_t extend_prefix_hash(std::uint64_t hash, std::span<const TokenId> tokens) {
  for (const TokenId token : tokens) {
    hash = spread_bits(hash + static_cast<std::uint32_t>(token) + kSplitMixStep);
  }
  return hash;
}

}  // namespace linnet
