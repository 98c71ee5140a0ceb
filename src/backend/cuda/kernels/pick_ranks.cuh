#pragma once

#include "backend/cuda/kernels/block_sum.cuh"
#include "backend/ranked_keys.hpp"

namespace linnet::cuda {

/// The threads of a block that picks the highest of many numbers.
inline constexpr int kPickThreads = 512;
inline constexpr int kPickWarps = kPickThreads / kWarp;

/// Leading digits of the number of some rank from the highest down.
struct RankDigits {
  std::uint32_t bits;   ///< the digits
  std::int32_t wanted;  ///< numbers that begin so, down to that rank
  std::int32_t count;   ///< all that begin so
};

/// Where the threads of a block find a digit.
struct DigitMemory {
  std::int32_t sums[kPickWarps];
  RankDigits picked;
};

/// The digit of the number of rank `wanted`, where counts[d] numbers have the digit d; 0 where
/// there are fewer numbers. The whole thread block; it may change `counts` when it returns.
template <int kValues>
__device__ inline RankDigits pick_digit(const std::int32_t* counts, std::int32_t wanted,
                                        DigitMemory& memory) {
  constexpr int kEach = (kValues + kPickThreads - 1) / kPickThreads;
  const int thread = static_cast<int>(threadIdx.x);
  // Each thread has kEach digits, the first one the highest.
  const int last = kValues - (thread + 1) * kEach;
  std::int32_t own = 0;
#pragma unroll
  for (int i = 0; i < kEach; ++i) own += last >= 0 ? counts[last + i] : 0;
  std::int32_t all = 0, before = sum_before(own, all);
  if (thread % kWarp == 0) memory.sums[thread / kWarp] = all;
  sync_block();
  for (int w = 0; w < thread / kWarp; ++w) before += memory.sums[w];
  if (last >= 0 && before < wanted && (wanted <= before + own || last == 0)) {
    int digit = last + kEach - 1;
    while (digit > last && before + counts[digit] < wanted) before += counts[digit--];
    memory.picked = {static_cast<std::uint32_t>(digit), wanted - before, counts[digit]};
  }
  sync_block();
  const RankDigits picked = memory.picked;
  sync_block();
  return picked;
}

/// Where this thread's entry goes if those of all threads that have `own` stand side by side, and
/// how many there are. `sums` [kPickWarps] is free again after the next sync_block().
__device__ inline int place_of(bool own, std::int32_t* sums, std::int32_t& all) {
  const int warp = static_cast<int>(threadIdx.x) / kWarp,
            lane = static_cast<int>(threadIdx.x) % kWarp;
  const std::uint32_t votes = vote(own);
  if (lane == 0) sums[warp] = count_bits(votes);
  sync_block();
  int before = count_bits(votes & ((1u << lane) - 1));
  all = 0;
  for (int w = 0; w < kPickWarps; ++w) {
    if (w < warp) before += sums[w];
    all += sums[w];
  }
  return before;
}

}  // namespace linnet::cuda
