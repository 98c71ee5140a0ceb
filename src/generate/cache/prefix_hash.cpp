#include "generate/cache/prefix_hash.hpp"

#include <random>

namespace linnet {

std::uint64_t empty_prefix_hash() {
  static const std::uint64_t kSecret = [] {
    std::random_device device;
    return std::uint64_t{device()} << 32 | device();
  }();
  return kSecret;
}

std::uint64_t extend_prefix_hash(std::uint64_t hash, std::span<const std::int32_t> tokens) {
  for (const std::int32_t token : tokens) {
    // The finaliser of SplitMix64 (https://doi.org/10.1145/2714064.2660195).
    std::uint64_t x = hash + static_cast<std::uint32_t>(token) + 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    hash = x ^ (x >> 31);
  }
  return hash;
}

}  // namespace linnet
