#pragma once

#include <cstdint>

namespace linnet {

/// Ranks the float32 with these bits: a larger number has a larger rank, both zeros have the same,
/// and NaN has 0, below all numbers.
constexpr std::uint32_t rank_of_bits(std::uint32_t bits) {
  constexpr std::uint32_t kSign = 0x80000000u, kInfinity = 0x7f800000u;
  if ((bits & ~kSign) > kInfinity) return 0;
  if (bits == kSign) bits = 0;
  return bits & kSign ? ~bits : bits | kSign;
}

/// A key by the rank of its score.
struct RankedKey {
  std::uint32_t rank;
  std::int32_t key;
};

/// Puts `entry` into a heap of `count` keys, whose root ranks lowest, at `place` or as far below it
/// as keys rank no higher. Of two children that rank alike the second moves up. What is kept of
/// keys that rank alike follows from that: see pick_keys().
constexpr void sink(RankedKey* heap, std::int64_t count, std::int64_t place, RankedKey entry) {
  while (2 * place + 1 < count) {
    std::int64_t child = 2 * place + 1;
    if (child + 1 < count && heap[child + 1].rank <= heap[child].rank) ++child;
    if (heap[child].rank > entry.rank) break;
    heap[place] = heap[child];
    place = child;
  }
  heap[place] = entry;
}

}  // namespace linnet
