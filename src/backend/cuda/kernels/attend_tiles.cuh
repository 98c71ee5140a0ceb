#pragma once

#include "backend/cuda/kernels/attend_tile_parts.cuh"

namespace linnet::cuda {

/// Attention of prompts on tensor cores (https://arxiv.org/abs/2205.14135): a thread block takes
/// kTileQueries queries of one sequence, of all query heads of a KV head side by side, and walks
/// through the keys in blocks of kTileKeys.
inline constexpr int kTileKeys = 64;
inline constexpr int kTileWarps = 4;  // 16 queries each

constexpr std::size_t attend_tile_bytes(TileNumbers numbers, int key_width, int value_width) {
  const int keys = factor_parts(numbers) * kTileQueries + kTileKeys;
  return sizeof(std::uint16_t) * static_cast<std::size_t>(keys * tile_stride(key_width) +
                                                          kTileKeys * tile_stride(value_width));
}

/// Thread blocks of a multiprocessor at a time, as many as their registers allow.
constexpr int tile_blocks(TileNumbers numbers, int key_width) {
  if (key_width <= 64) return 4;
  return key_width <= (numbers == TileNumbers::kHalves ? 128 : 96) ? 3 : 2;
}

/// scores [16 queries][kTileKeys] of a warp; parts of queries are [kTileQueries] rows apart.
template <TileNumbers kNumbers, int kWidth>
__device__ inline void score_tile(const std::uint16_t* queries, const std::uint16_t* keys,
                                  float (&scores)[kTileKeys / 8][4]) {
  constexpr int kStride = tile_stride(kWidth);
  constexpr int kParts = factor_parts(kNumbers);
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll
  for (int k = 0; k < kWidth; k += 16) {
    std::uint32_t a[kParts][4];
#pragma unroll
    for (int part = 0; part < kParts; ++part) {
      load_tiles(a[part],
                 queries + (part * kTileQueries + lane % 16) * kStride + k + lane / 16 * 8);
    }
#pragma unroll
    for (int t = 0; t < kTileKeys / 8; t += 2) {
      std::uint32_t b[4];
      load_tiles(b, keys + (t * 8 + lane / 16 * 8 + lane % 8) * kStride + k + lane / 8 % 2 * 8);
      multiply_parts<kNumbers>(scores[t], a, b, 0);
      multiply_parts<kNumbers>(scores[t + 1], a, b, 1);
    }
  }
}

/// What a few models do to scores: apart, because to ask so for each score takes as long as the
/// rest.
__device__ inline void adjust_tile(const AttentionParams& params, std::int32_t first_key,
                                   const OwnQuery (&own)[2], float (&scores)[kTileKeys / 8][4]) {
  if (params.softcap <= 0.0f && !params.alibi_slopes && !params.distance_bias.values) return;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll
  for (int t = 0; t < kTileKeys / 8; ++t) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const std::int32_t key = first_key + t * 8 + lane % 4 * 2 + i % 2;
      const OwnQuery& query = own[i / 2];
      scores[t][i] = adjust_score(params, scores[t][i], query.head, key, query.position);
    }
  }
}

/// Scores become the exponentials' weights; sums of before shrink by `change` [own query].
__device__ inline void softmax_tile(const AttentionParams& params, std::int32_t first_key,
                                   OwnQuery (&own)[2], float (&scores)[kTileKeys / 8][4],
                                   float (&change)[2]) {
  adjust_tile(params, first_key, own, scores);
  const std::int32_t first_own = first_key + static_cast<int>(threadIdx.x) % 4 * 2;
#pragma unroll
  for (int q = 0; q < 2; ++q) {
    float largest = own[q].largest;
    // No key where there is no query.
    const std::int32_t begin = own[q].keys.begin - first_own, end = own[q].keys.end - first_own;
#pragma unroll
    for (int t = 0; t < kTileKeys / 8; ++t) {
#pragma unroll
      for (int i = 2 * q; i < 2 * q + 2; ++i) {
        const int place = t * 8 + i % 2;
        if (place < begin || place >= end) scores[t][i] = -INFINITY;
        largest = fmaxf(largest, scores[t][i]);
      }
    }
    largest = fmaxf(largest, exchange(largest, 1));
    largest = fmaxf(largest, exchange(largest, 2));
    float total = 0.0f;
#pragma unroll
    for (int t = 0; t < kTileKeys / 8; ++t) {
#pragma unroll
      for (int i = 2 * q; i < 2 * q + 2; ++i) {
        scores[t][i] = expf(scores[t][i] - largest);
        total += scores[t][i];
      }
    }
    total += exchange(total, 1);
    total += exchange(total, 2);
    change[q] = expf(own[q].largest - largest);
    own[q].total = own[q].total * change[q] + total;
    own[q].largest = largest;
  }
}

/// sums [16 queries][kWidth] = sums * change + weights * values.
template <TileNumbers kNumbers, int kWidth>
__device__ inline void add_value_tile(const float (&weights)[kTileKeys / 8][4],
                                      const std::uint16_t* values, const float (&change)[2],
                                      float (&sums)[kWidth / 8][4]) {
  constexpr int kParts = factor_parts(kNumbers);
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll
  for (int t = 0; t < kWidth / 8; ++t) {
#pragma unroll
    for (int i = 0; i < 4; ++i) sums[t][i] *= change[i / 2];
  }
#pragma unroll
  for (int k = 0; k < kTileKeys; k += 16) {
    // What the scores' fragment holds is what the left factor's wants.
    std::uint32_t a[kParts][4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const float(&from)[4] = weights[k / 8 + i / 2];
      std::uint32_t parts[kParts];
      split_pair<kNumbers>(from[i % 2 * 2], from[i % 2 * 2 + 1], parts);
#pragma unroll
      for (int part = 0; part < kParts; ++part) a[part][i] = parts[part];
    }
#pragma unroll
    for (int t = 0; t < kWidth / 8; t += 2) {
      std::uint32_t b[4];
      const int key = k + lane / 8 % 2 * 8 + lane % 8;
      load_tiles_transposed(b, values + key * tile_stride(kWidth) + t * 8 + lane / 16 * 8);
      multiply_parts<kNumbers>(sums[t], a, b, 0);
      multiply_parts<kNumbers>(sums[t + 1], a, b, 1);
    }
  }
}

template <int kWidth>
__device__ inline void put_tile(const AttendTask& task, const OwnQuery (&own)[2],
                                const float (&sums)[kWidth / 8][4]) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll
  for (int q = 0; q < 2; ++q) {
    if (own[q].row < 0) continue;
    float factor = 1.0f, total = own[q].total;
    if (const float* sinks = task.params.sinks) {
      const float sink = sinks[own[q].head], largest = fmaxf(own[q].largest, sink);
      factor = expf(own[q].largest - largest);
      total = total * factor + expf(sink - largest);
    }
    float* out = task.out + own[q].row * task.out_stride + own[q].head * kWidth;
#pragma unroll
    for (int t = 0; t < kWidth / 8; ++t) {
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        out[t * 8 + lane % 4 * 2 + i] = sums[t][2 * q + i] * factor / total;
      }
    }
  }
}

/// Heads of kKeyWidth and kValueWidth columns, multiples of 16. Grid: (tiles, KV heads).
template <TileNumbers kNumbers, int kKeyWidth, int kValueWidth>
__global__ void __launch_bounds__(kTileWarps* kWarp, tile_blocks(kNumbers, kKeyWidth))
    attend_tiles(AttendTask task, const QueryTile* tiles) {
  wait_for_previous_kernel();
  constexpr int kStride = tile_stride(kKeyWidth);
  auto* queries = reinterpret_cast<std::uint16_t*>(launch_memory());
  std::uint16_t* keys = queries + factor_parts(kNumbers) * kTileQueries * kStride;
  std::uint16_t* values = keys + kTileKeys * kStride;
  const QueryTile tile = tiles[gridDim.x - 1 - blockIdx.x];  // those with the most keys first
  const int kv_head = static_cast<int>(blockIdx.y), thread = static_cast<int>(threadIdx.x);
  const int warp = thread / kWarp, lane = thread % kWarp;

  load_queries<kNumbers, kKeyWidth, kTileWarps * kWarp>(task, tile, kv_head, queries);
  AttentionParams params = task.params;
  params.scale = 1.0f;
  OwnQuery own[2] = {own_query(task, tile, kv_head, warp * 16 + lane / 4),
                     own_query(task, tile, kv_head, warp * 16 + lane / 4 + 8)};
  const DeviceKeyRange all = keys_of_tile(task, tile);
  const std::int32_t* table =
      task.batch.tables + task.batch.sequences[tile.first] * task.batch.table_pages;

  // Values come while their keys are scored, the next keys while the values are added up.
  const auto load_keys = [&](std::int32_t first) {
    load_kv_tile<kKeyWidth, kTileKeys, kTileWarps * kWarp>(task, table, kv_head, true, first,
                                                           all.end, keys);
  };
  float sums[kValueWidth / 8][4] = {};
  std::int32_t first = all.begin / kTileKeys * kTileKeys;
  if (first < all.end) load_keys(first);
  for (; first < all.end; first += kTileKeys) {
    wait_for_copies();
    sync_block();  // keys are there, and the values before were read
    load_kv_tile<kValueWidth, kTileKeys, kTileWarps * kWarp>(task, table, kv_head, false, first,
                                                             all.end, values);
    float scores[kTileKeys / 8][4] = {}, change[2];
    score_tile<kNumbers, kKeyWidth>(queries + warp * 16 * kStride, keys, scores);
    softmax_tile(params, first, own, scores, change);
    wait_for_copies();
    sync_block();  // values are there, and the keys were read
    if (first + kTileKeys < all.end) load_keys(first + kTileKeys);
    add_value_tile<kNumbers, kValueWidth>(scores, values, change, sums);
  }
  put_tile<kValueWidth>(task, own, sums);
}

}  // namespace linnet::cuda
