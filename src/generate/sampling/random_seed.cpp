#include "generate/sampling/random_seed.hpp"

#include <random>

namespace linnet {

std::uint64_t random_seed() { return std::random_device()(); }

}  // namespace linnet
