#include "generate/sampling/uniform.hpp"

#include "base/splitmix64.hpp"

namespace linnet {
namespace {

// The number of SplitMix64 after the state `x`.
std::uint64_t next_after(std::uint64_t x) { return spread_bits(x + kSplitMixStep); }

}  // namespace

double uniform(std::uint64_t seed, std::uint64_t counter) {
  return static_cast<double>(next_after(next_after(seed) ^ counter) >> 11) * 0x1p-53;
}

}  // namespace linnet
