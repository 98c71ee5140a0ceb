#pragma once

#include "backend/cuda/kernels/attend.cuh"
#include "backend/cuda/kernels/block_sum.cuh"

namespace linnet::cuda {

inline constexpr int kListThreads = 256;

/// The places of the keys that each row picked, in their order; see GatheredLatents. Grid: (rows).
__global__ void __launch_bounds__(kListThreads)
    list_picked_keys(AttendTask task, std::int32_t* places, std::int32_t* counts) {
  __shared__ std::int32_t sums[kListThreads / kWarp];
  wait_for_previous_kernel();
  const std::int64_t row = blockIdx.x, most = task.most_picked;
  const int thread = static_cast<int>(threadIdx.x), warp = thread / kWarp;
  const DeviceBatch& batch = task.batch;
  const std::int32_t* table = batch.tables + batch.sequences[row] * batch.table_pages;
  const std::uint32_t* selected = task.selected + row * batch.table_pages;
  const std::int32_t keys = (batch.positions[row] + 1) / task.behind.stride;
  const std::int32_t words = (keys + kWarp - 1) / kWarp;
  std::int32_t done = 0;
  for (std::int32_t first = 0; first < words; first += kListThreads) {
    const std::int32_t word = first + thread;
    std::uint32_t bits = word < words ? selected[word] : 0;
    std::int32_t all = 0, at = done + sum_before(count_bits(bits), all);
    if (thread % kWarp == 0) sums[warp] = all;
    sync_block();
#pragma unroll
    for (int w = 0; w < kListThreads / kWarp; ++w) {
      if (w < warp) at += sums[w];
      done += sums[w];
    }
    for (; bits != 0 && at < most; bits &= bits - 1, ++at) {
      const std::int32_t key = word * kWarp + count_bits(~bits & (bits - 1));
      places[row * most + at] = place_behind(task.behind, table, key);
    }
    sync_block();
  }
  if (thread == 0) counts[row] = done;
}

}  // namespace linnet::cuda
