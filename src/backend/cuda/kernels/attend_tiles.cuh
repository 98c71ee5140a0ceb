#pragma once

#include "backend/cuda/kernels/attend.cuh"

namespace linnet::cuda {

/// Attention of prompts on tensor cores (https://arxiv.org/abs/2205.14135): a thread block takes
/// kTileQueries queries of one sequence, of all query heads of a KV head side by side, and walks
/// through the keys in blocks of kTileKeys.
inline constexpr int kTileQueries = 64;
inline constexpr int kTileKeys = 64;
inline constexpr int kTileWarps = 4;  // 16 queries each

/// Rows [first, first + rows) of a batch, all of one sequence; the queries from `query` on of
/// their rows * group, row by row.
struct QueryTile {
  std::int32_t first, rows, query;
};

constexpr std::size_t attend_tile_bytes(int width) {
  return std::size_t{2} * (kTileQueries + 2 * kTileKeys) * static_cast<unsigned>(width + 8);
}

/// What a thread knows of its two queries (of rows lane / 4 and lane / 4 + 8 of the warp's 16).
struct OwnQuery {
  std::int32_t row = -1;  ///< of the batch; -1: none
  int head = 0;
  std::int32_t position = 0;
  DeviceKeyRange keys{0, 0};
  float largest = -1e30f, total = 0.0f;
};

__device__ inline OwnQuery own_query(const AttendTask& task, const QueryTile& tile, int kv_head,
                                     int index) {
  const int group = task.params.heads / task.params.kv_heads;
  const int query = tile.query + index;
  OwnQuery own;
  if (query >= tile.rows * group) return own;
  own.row = tile.first + query / group;
  own.head = kv_head * group + query % group;
  own.position = task.batch.positions[own.row];
  own.keys = keys_of(task.params, own.position, task.batch.lengths[task.batch.sequences[own.row]]);
  return own;
}

/// The keys that any query of a tile sees.
__device__ inline DeviceKeyRange keys_of_tile(const AttendTask& task, const QueryTile& tile) {
  const int group = task.params.heads / task.params.kv_heads;
  const int last =
      tile.query + kTileQueries < tile.rows * group ? tile.query + kTileQueries : tile.rows * group;
  DeviceKeyRange all{0x7fffffff, 0};
  for (int r = tile.query / group; r <= (last - 1) / group; ++r) {
    const std::int32_t row = tile.first + r;
    const DeviceKeyRange keys = keys_of(task.params, task.batch.positions[row],
                                        task.batch.lengths[task.batch.sequences[row]]);
    if (keys.begin < all.begin) all.begin = keys.begin;
    if (keys.end > all.end) all.end = keys.end;
  }
  return all;
}

/// Keys or values [first, first + kTileKeys) to shared memory as binary16; zeros beyond `end`.
template <int kWidth>
__device__ inline void load_kv_tile(const AttendTask& task, const std::int32_t* table, int kv_head,
                                    bool keys, std::int32_t first, std::int32_t end,
                                    std::uint16_t* to) {
  constexpr int kPieces = kWidth / 8;
  for (int i = static_cast<int>(threadIdx.x); i < kTileKeys * kPieces; i += kTileWarps * kWarp) {
    const std::int32_t key = first + i / kPieces;
    const int column = i % kPieces * 8;
    std::uint16_t* place = to + i / kPieces * (kWidth + 8) + column;
    const bool inside = key < end;
    const std::int64_t id = table[(inside ? key : end - 1) / kPageTokens];
    const std::uint8_t* page =
        keys ? task.kv.key_page(id, kv_head) : task.kv.value_page(id, kv_head);
    const int slot = key % kPageTokens;
    if (task.kv.type == KvType::kF16) {
      begin_copy16(place, page + 2 * (slot * kWidth + column), !inside);
      continue;
    }
    float values[8] = {};
    if (inside && task.kv.type == KvType::kQ8_0) {
      read_kv_line<KvType::kQ8_0>(page, kWidth, slot, column, values);
    } else if (inside) {
      read_kv_line<KvType::kF8>(page, kWidth, slot, column, values);
    }
#pragma unroll
    for (int p = 0; p < 4; ++p) {
      reinterpret_cast<std::uint32_t*>(place)[p] = to_halves(values[2 * p], values[2 * p + 1]);
    }
  }
}

/// scores [16 queries][kTileKeys] of a warp.
template <int kWidth>
__device__ inline void score_tile(const std::uint16_t* queries, const std::uint16_t* keys,
                                  float (&scores)[kTileKeys / 8][4]) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll
  for (int k = 0; k < kWidth; k += 16) {
    std::uint32_t a[4];
    load_tiles(a, queries + lane % 16 * (kWidth + 8) + k + lane / 16 * 8);
#pragma unroll
    for (int t = 0; t < kTileKeys / 8; t += 2) {
      std::uint32_t b[4];
      load_tiles(b,
                 keys + (t * 8 + lane / 16 * 8 + lane % 8) * (kWidth + 8) + k + lane / 8 % 2 * 8);
      multiply_tiles(scores[t], a, b[0], b[1]);
      multiply_tiles(scores[t + 1], a, b[2], b[3]);
    }
  }
}

/// Scores become the exponentials' weights; sums of before shrink by `change` [own query].
__device__ inline void soften_tile(const AttentionParams& params, std::int32_t first_key,
                                   OwnQuery (&own)[2], float (&scores)[kTileKeys / 8][4],
                                   float (&change)[2]) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll
  for (int q = 0; q < 2; ++q) {
    float largest = own[q].largest;
#pragma unroll
    for (int t = 0; t < kTileKeys / 8; ++t) {
#pragma unroll
      for (int i = 2 * q; i < 2 * q + 2; ++i) {
        const std::int32_t key = first_key + t * 8 + lane % 4 * 2 + i % 2;
        const bool seen = own[q].row >= 0 && key >= own[q].keys.begin && key < own[q].keys.end;
        scores[t][i] = seen ? adjust_score(params, scores[t][i], own[q].head, key, own[q].position)
                            : -INFINITY;
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
template <int kWidth>
__device__ inline void add_value_tile(const float (&weights)[kTileKeys / 8][4],
                                      const std::uint16_t* values, const float (&change)[2],
                                      float (&sums)[kWidth / 8][4]) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll
  for (int t = 0; t < kWidth / 8; ++t) {
#pragma unroll
    for (int i = 0; i < 4; ++i) sums[t][i] *= change[i / 2];
  }
#pragma unroll
  for (int k = 0; k < kTileKeys; k += 16) {
    // What the scores' fragment holds is what the left factor's wants.
    const float(&low)[4] = weights[k / 8];
    const float(&high)[4] = weights[k / 8 + 1];
    const std::uint32_t a[4] = {to_halves(low[0], low[1]), to_halves(low[2], low[3]),
                                to_halves(high[0], high[1]), to_halves(high[2], high[3])};
#pragma unroll
    for (int t = 0; t < kWidth / 8; t += 2) {
      std::uint32_t b[4];
      load_tiles_transposed(
          b, values + (k + lane / 8 % 2 * 8 + lane % 8) * (kWidth + 8) + t * 8 + lane / 16 * 8);
      multiply_tiles(sums[t], a, b[0], b[1]);
      multiply_tiles(sums[t + 1], a, b[2], b[3]);
    }
  }
}

/// Keys and values of kWidth columns, in types that binary16 holds. Grid: (tiles, KV heads).
template <int kWidth>
__global__ void __launch_bounds__(kTileWarps* kWarp)
    attend_tiles(AttendTask task, const QueryTile* tiles) {
  constexpr int kStride = kWidth + 8;
  auto* queries = reinterpret_cast<std::uint16_t*>(launch_memory());
  std::uint16_t* keys = queries + kTileQueries * kStride;
  std::uint16_t* values = keys + kTileKeys * kStride;
  const QueryTile tile = tiles[gridDim.x - 1 - blockIdx.x];  // those with the most keys first
  const int kv_head = static_cast<int>(blockIdx.y),
            group = task.params.heads / task.params.kv_heads;
  const int thread = static_cast<int>(threadIdx.x), warp = thread / kWarp, lane = thread % kWarp;

  // The scores' scale goes into the queries, whose binary16 numbers it keeps small.
  for (int i = thread; i < kTileQueries * kWidth; i += kTileWarps * kWarp) {
    const int query = tile.query + i / kWidth;
    const bool inside = query < tile.rows * group;
    const std::int64_t row = tile.first + query / group;
    const std::int64_t column = (kv_head * group + query % group) * kWidth + i % kWidth;
    const float value = inside ? task.queries[row * task.query_stride + column] : 0.0f;
    queries[i / kWidth * kStride + i % kWidth] = to_half(value * task.params.scale);
  }
  AttentionParams params = task.params;
  params.scale = 1.0f;
  OwnQuery own[2] = {own_query(task, tile, kv_head, warp * 16 + lane / 4),
                     own_query(task, tile, kv_head, warp * 16 + lane / 4 + 8)};
  const DeviceKeyRange all = keys_of_tile(task, tile);
  const std::int32_t* table =
      task.batch.tables + task.batch.sequences[tile.first] * task.batch.table_pages;

  float sums[kWidth / 8][4] = {};
  for (std::int32_t first = all.begin / kTileKeys * kTileKeys; first < all.end;
       first += kTileKeys) {
    load_kv_tile<kWidth>(task, table, kv_head, true, first, all.end, keys);
    load_kv_tile<kWidth>(task, table, kv_head, false, first, all.end, values);
    wait_for_copies();
    sync_block();
    float scores[kTileKeys / 8][4] = {}, change[2];
    score_tile<kWidth>(queries + warp * 16 * kStride, keys, scores);
    soften_tile(params, first, own, scores, change);
    add_value_tile<kWidth>(scores, values, change, sums);
    sync_block();
  }
#pragma unroll
  for (int q = 0; q < 2; ++q) {
    if (own[q].row < 0) continue;
    float factor = 1.0f, total = own[q].total;
    if (params.sinks) {
      const float sink = params.sinks[own[q].head], largest = fmaxf(own[q].largest, sink);
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

}  // namespace linnet::cuda
