#pragma once

#include <cstdint>

#include "backend/cpu/packed_layout.hpp"

// Included inside a region that is compiled for an instruction set: see isa_*.cpp.

namespace linnet::cpu {

/// Cuts `count` rows into tiles of kMost, then of half as many, down to 1. What a row gets does not
/// depend on its tile. `out` is [count][kStrips][16 rows].
template <int kMost, int kStrips, class Tile>
void for_tiles(const std::int32_t* rows, std::int64_t count, float* out, const Tile& tile) {
  while (count >= kMost) {
    tile.template operator()<kMost>(rows, out);
    rows += kMost;
    out += kMost * kStrips * kLanes;
    count -= kMost;
  }
  if constexpr (kMost > 1) for_tiles<kMost / 2, kStrips>(rows, count, out, tile);
}

}  // namespace linnet::cpu
