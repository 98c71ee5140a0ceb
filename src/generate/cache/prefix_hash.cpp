#include "generate/cache/prefix_hash.hpp"

#include <bit>
#include <random>

#include "base/splitmix64.hpp"

namespace linnet {
namespace {

std::uint64_t extend(std::uint64_t hash, std::uint32_t value) {
  return spread_bits(hash + value + kSplitMixStep);
}

}  // namespace

std::uint64_t empty_prefix_hash() {
  static const std::uint64_t kSecret = [] {
    std::random_device device;
    return std::uint64_t{device()} << 32 | device();
  }();
  return kSecret;
}

std::uint64_t empty_prefix_hash(std::span<const float> adapter_strengths) {
  std::uint64_t hash = empty_prefix_hash();
  for (const float strength : adapter_strengths) {
    hash = extend(hash, std::bit_cast<std::uint32_t>(strength + 0.0f));  // -0 is 0
  }
  return hash;
}

std::uint64_t extend_prefix_hash(std::uint64_t hash, std::span<const TokenId> tokens) {
  for (const TokenId token : tokens) {
    hash = extend(hash, static_cast<std::uint32_t>(token));
  }
  return hash;
}

}  // namespace linnet
