#pragma once

#include <cstdint>

namespace linnet {

/// A seed by chance, of 32 bits: short enough to type it again, and exact in JSON.
std::uint64_t random_seed();

}  // namespace linnet
