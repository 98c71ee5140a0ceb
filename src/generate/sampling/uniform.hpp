#pragma once

#include <cstdint>

namespace linnet {

/// A uniform number in [0, 1) for the `counter`-th draw of `seed`: SplitMix64
/// (https://doi.org/10.1145/2714064.2660195) over both. It depends on nothing else, so the same
/// seed gives the same text on every machine, whatever else runs.
double uniform(std::uint64_t seed, std::uint64_t counter);

}  // namespace linnet
