#include "generate/sampling/random_seed.hpp"

#include <limits>
#include <random>

namespace linnet {

std::uint64_t random_seed() { return std::random_device()(); }

std::uint64_t seed_or_random(std::int64_t seed) {
  const bool is_random = seed == -1 || seed == std::numeric_limits<std::uint32_t>::max();
  return is_random ? random_seed() : static_cast<std::uint64_t>(seed);
}

}  // namespace linnet
