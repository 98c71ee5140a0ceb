#pragma once

#include <cstdint>

// Included inside a region that is compiled for an instruction set: see isa_*.cpp.

namespace linnet::cpu {

/// tile.operator()<rows>(first) for 1 <= rows <= kMost.
template <int kMost, class Tile>
void call_tile(std::int64_t rows, const Tile& tile, std::int64_t first) {
  if (rows == kMost) return tile.template operator()<kMost>(first);
  if constexpr (kMost > 1) call_tile<kMost - 1>(rows, tile, first);
}

/// Cuts `count` rows into as few tiles of at most kMost rows as there can be, of nearly the same
/// size. What a row gets does not depend on its tile.
template <int kMost, class Tile>
void for_tiles(std::int64_t count, const Tile& tile) {
  for (std::int64_t first = 0; first < count;) {
    const std::int64_t rest = count - first, tiles = (rest + kMost - 1) / kMost;
    const std::int64_t rows = (rest + tiles - 1) / tiles;
    call_tile<kMost>(rows, tile, first);
    first += rows;
  }
}

}  // namespace linnet::cpu
