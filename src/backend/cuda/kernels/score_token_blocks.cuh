#pragma once

#include "backend/cuda/kernels/pick_keys.cuh"

namespace linnet::cuda {

inline constexpr int kScoreWarps = kScoreThreads / kWarp;

/// The score of each block of tokens for each head, of the rows that choose, and zeros where digits
/// are to be counted. Grid: (rows of the batch, parts of the blocks); a warp a block. Launch
/// memory: the queries of kScoreHeads heads.
template <KvType kType>
__global__ void __launch_bounds__(kScoreThreads)
    score_token_blocks(KvView kv, View queries, KeyPicks picks) {
  wait_for_previous_kernel();
  const std::int64_t row = blockIdx.x, first_row = row * picks.heads;
  if (!picks.chooses(first_row)) return;
  const int thread = static_cast<int>(threadIdx.x), warp = thread / kWarp, lane = thread % kWarp;
  const std::int64_t counts = std::int64_t{picks.heads} * kRankDigits * kDigitValues;
  for (std::int64_t i = blockIdx.y * kScoreThreads + thread; i < counts;
       i += gridDim.y * kScoreThreads) {
    picks.digit_counts(first_row, 0)[i] = 0;
  }
  auto* group = reinterpret_cast<float*>(launch_memory());
  const int width = kv.key_width;
  const float* query = queries.data + row * queries.stride;
  const std::int32_t* table =
      picks.batch.tables + picks.batch.sequences[row] * picks.batch.table_pages;
  const std::int64_t tokens = picks.tokens(first_row), blocks = picks.keys(first_row);
  for (int head = 0; head < picks.heads; head += kScoreHeads) {
    const int left = picks.heads - head;
    sync_block();
    for (int i = thread; i < kScoreHeads * width; i += kScoreThreads) {
      group[i] = i < left * width ? query[head * width + i] : 0.0f;
    }
    sync_block();
    for (std::int64_t b = blockIdx.y * kScoreWarps + warp; b < blocks;
         b += gridDim.y * kScoreWarps) {
      float best[kScoreHeads];
#pragma unroll
      for (int h = 0; h < kScoreHeads; ++h) best[h] = -INFINITY;
      const std::int64_t first = b * picks.block, behind = first + picks.block;
      const std::int64_t end = behind < tokens ? behind : tokens;
      for (std::int64_t t = first + lane; t < end; t += kWarp) {
        float dots[kScoreHeads] = {};
        score_key<kType>(IndexKey(kv, table, t), width, group, 0, dots);
#pragma unroll
        for (int h = 0; h < kScoreHeads; ++h) best[h] = fmaxf(best[h], dots[h]);
      }
#pragma unroll
      for (int h = 0; h < kScoreHeads; ++h) {
        for (int mask = kWarp / 2; mask > 0; mask /= 2) {
          best[h] = fmaxf(best[h], exchange(best[h], mask));
        }
        if (lane == 0 && h < left) {
          picks.scores[(first_row + head + h) * picks.row_scores + b] = best[h];
        }
      }
    }
  }
}

}  // namespace linnet::cuda
