#pragma once

#include <cstdint>

namespace linnet {

/// A seed by chance, of 32 bits: short enough to type it again, and exact in JSON.
std::uint64_t random_seed();

/// `seed`, or one by chance: -1 asks for that, and in llama.cpp, whose clients send back what its
/// server tells them, the largest number of 32 bits does.
std::uint64_t seed_or_random(std::int64_t seed);

}  // namespace linnet
