#pragma once

#include <cstdint>

// Included inside a region that is compiled for an instruction set: see isa_*.cpp.

namespace linnet::cpu {

/// Cuts `count` rows into tiles of kMost, then of half as many, down to 1:
/// tile.operator()<rows>(the first row). What a row gets does not depend on its tile.
template <int kMost, class Tile>
void for_tiles(std::int64_t count, const Tile& tile, std::int64_t first = 0) {
  for (; count >= kMost; count -= kMost, first += kMost) tile.template operator()<kMost>(first);
  if constexpr (kMost > 1) for_tiles<kMost / 2>(count, tile, first);
}

}  // namespace linnet::cpu
