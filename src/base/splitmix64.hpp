#pragma once

#include <cstdint>

namespace linnet {

/// What SplitMix64 adds to its state from number to number.
inline constexpr std::uint64_t kSplitMixStep = 0x9e3779b97f4a7c15u;

/// The finaliser of SplitMix64 (https://doi.org/10.1145/2714064.2660195): a bijection that spreads
/// each bit over all others.
constexpr std::uint64_t spread_bits(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

}  // namespace linnet
