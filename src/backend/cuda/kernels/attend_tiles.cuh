#pragma once

#include "backend/cuda/kernels/attend.cuh"

namespace linnet::cuda {

/// Attention of prompts on tensor cores (https://arxiv.org/abs/2205.14135): a thread block takes
/// kTileQueries queries of one sequence, of all query heads of a KV head side by side, and walks
/// through the keys in blocks of kTileKeys.
inline constexpr int kTileKeys = 64;
inline constexpr int kTileWarps = 4;  // 16 queries each

/// How the numbers of a tile meet: keys and values in binary16 with factors rounded to binary16, or
/// in bfloat16, with each factor as the sum of two bfloat16 numbers, because one has 8 bits.
template <bool kBfloat>
struct TileNumbers {
  static constexpr int kParts = kBfloat ? 2 : 1;

  /// The parts of two numbers side by side.
  __device__ static void split(float first, float second, std::uint32_t (&parts)[kParts]) {
    if constexpr (kBfloat) {
      parts[0] = to_bfloat16s(first, second);
      parts[1] = to_bfloat16s(first - bits_to_float(parts[0] << 16),
                              second - bits_to_float(parts[0] & 0xffff0000u));
    } else {
      parts[0] = to_halves(first, second);
    }
  }
  __device__ static void multiply(float (&sum)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                                  std::uint32_t b1) {
    if constexpr (kBfloat) {
      multiply_bfloat16_tiles(sum, a, b0, b1);
    } else {
      multiply_tiles(sum, a, b0, b1);
    }
  }
};

/// Numbers of 16 bits of a row in shared memory: 16 bytes more than the columns, so that the eight
/// rows of a tile lie in different banks.
constexpr int tile_stride(int width) { return width + 8; }

constexpr std::size_t attend_tile_bytes(int parts, int key_width, int value_width) {
  return sizeof(std::uint16_t) *
         static_cast<std::size_t>((parts * kTileQueries + kTileKeys) * tile_stride(key_width) +
                                  kTileKeys * tile_stride(value_width));
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

/// Keys or values [first, first + kTileKeys) to shared memory, zeros beyond `end`: of BF16 as they
/// are, of other types as binary16.
template <int kWidth>
__device__ inline void load_kv_tile(const AttendTask& task, const std::int32_t* table, int kv_head,
                                    bool keys, std::int32_t first, std::int32_t end,
                                    std::uint16_t* to) {
  constexpr int kPieces = kWidth / 8;
  for (int i = static_cast<int>(threadIdx.x); i < kTileKeys * kPieces; i += kTileWarps * kWarp) {
    const std::int32_t key = first + i / kPieces;
    const int column = i % kPieces * 8;
    std::uint16_t* place = to + i / kPieces * tile_stride(kWidth) + column;
    const bool inside = key < end;
    const std::int64_t id = table[(inside ? key : end - 1) / kPageTokens];
    const std::uint8_t* page =
        keys ? task.kv.key_page(id, kv_head) : task.kv.value_page(id, kv_head);
    const int slot = key % kPageTokens;
    if (task.kv.type == KvType::kF16 || task.kv.type == KvType::kBf16) {
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

/// scores [16 queries][kTileKeys] of a warp; parts of queries are [kTileQueries] rows apart.
template <bool kBfloat, int kWidth>
__device__ inline void score_tile(const std::uint16_t* queries, const std::uint16_t* keys,
                                  float (&scores)[kTileKeys / 8][4]) {
  using Numbers = TileNumbers<kBfloat>;
  constexpr int kStride = tile_stride(kWidth);
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll
  for (int k = 0; k < kWidth; k += 16) {
    std::uint32_t a[Numbers::kParts][4];
#pragma unroll
    for (int part = 0; part < Numbers::kParts; ++part) {
      load_tiles(a[part],
                 queries + (part * kTileQueries + lane % 16) * kStride + k + lane / 16 * 8);
    }
#pragma unroll
    for (int t = 0; t < kTileKeys / 8; t += 2) {
      std::uint32_t b[4];
      load_tiles(b, keys + (t * 8 + lane / 16 * 8 + lane % 8) * kStride + k + lane / 8 % 2 * 8);
#pragma unroll
      for (int part = 0; part < Numbers::kParts; ++part) {
        Numbers::multiply(scores[t], a[part], b[0], b[1]);
        Numbers::multiply(scores[t + 1], a[part], b[2], b[3]);
      }
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
template <bool kBfloat, int kWidth>
__device__ inline void add_value_tile(const float (&weights)[kTileKeys / 8][4],
                                      const std::uint16_t* values, const float (&change)[2],
                                      float (&sums)[kWidth / 8][4]) {
  using Numbers = TileNumbers<kBfloat>;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll
  for (int t = 0; t < kWidth / 8; ++t) {
#pragma unroll
    for (int i = 0; i < 4; ++i) sums[t][i] *= change[i / 2];
  }
#pragma unroll
  for (int k = 0; k < kTileKeys; k += 16) {
    // What the scores' fragment holds is what the left factor's wants.
    std::uint32_t a[Numbers::kParts][4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const float(&from)[4] = weights[k / 8 + i / 2];
      std::uint32_t parts[Numbers::kParts];
      Numbers::split(from[i % 2 * 2], from[i % 2 * 2 + 1], parts);
#pragma unroll
      for (int part = 0; part < Numbers::kParts; ++part) a[part][i] = parts[part];
    }
#pragma unroll
    for (int t = 0; t < kWidth / 8; t += 2) {
      std::uint32_t b[4];
      load_tiles_transposed(b, values + (k + lane / 8 % 2 * 8 + lane % 8) * tile_stride(kWidth) +
                                   t * 8 + lane / 16 * 8);
#pragma unroll
      for (int part = 0; part < Numbers::kParts; ++part) {
        Numbers::multiply(sums[t], a[part], b[0], b[1]);
        Numbers::multiply(sums[t + 1], a[part], b[2], b[3]);
      }
    }
  }
}

/// The queries of a tile to shared memory, part by part. The scores' scale goes into them, which
/// keeps their numbers small.
template <bool kBfloat, int kWidth>
__device__ inline void load_queries(const AttendTask& task, const QueryTile& tile, int kv_head,
                                    std::uint16_t* to) {
  using Numbers = TileNumbers<kBfloat>;
  constexpr int kPairs = kWidth / 2;
  const int group = task.params.heads / task.params.kv_heads;
  for (int i = static_cast<int>(threadIdx.x); i < kTileQueries * kPairs; i += kTileWarps * kWarp) {
    const int query = tile.query + i / kPairs;
    float pair[2] = {};
    if (query < tile.rows * group) {
      const float* from = task.queries + (tile.first + query / group) * task.query_stride +
                          (kv_head * group + query % group) * kWidth + i % kPairs * 2;
      pair[0] = from[0] * task.params.scale;
      pair[1] = from[1] * task.params.scale;
    }
    std::uint32_t parts[Numbers::kParts];
    Numbers::split(pair[0], pair[1], parts);
#pragma unroll
    for (int part = 0; part < Numbers::kParts; ++part) {
      std::uint16_t* place =
          to + (part * kTileQueries + i / kPairs) * tile_stride(kWidth) + i % kPairs * 2;
      *reinterpret_cast<std::uint32_t*>(place) = parts[part];
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

/// Heads of kKeyWidth and kValueWidth columns, multiples of 16; of BF16 keys and values where
/// kBfloat, else of types that binary16 holds. Grid: (tiles, KV heads).
template <bool kBfloat, int kKeyWidth, int kValueWidth>
__global__ void __launch_bounds__(kTileWarps* kWarp)
    attend_tiles(AttendTask task, const QueryTile* tiles) {
  wait_for_previous_kernel();
  constexpr int kStride = tile_stride(kKeyWidth);
  auto* queries = reinterpret_cast<std::uint16_t*>(launch_memory());
  std::uint16_t* keys = queries + TileNumbers<kBfloat>::kParts * kTileQueries * kStride;
  std::uint16_t* values = keys + kTileKeys * kStride;
  const QueryTile tile = tiles[gridDim.x - 1 - blockIdx.x];  // those with the most keys first
  const int kv_head = static_cast<int>(blockIdx.y), thread = static_cast<int>(threadIdx.x);
  const int warp = thread / kWarp, lane = thread % kWarp;

  load_queries<kBfloat, kKeyWidth>(task, tile, kv_head, queries);
  AttentionParams params = task.params;
  params.scale = 1.0f;
  OwnQuery own[2] = {own_query(task, tile, kv_head, warp * 16 + lane / 4),
                     own_query(task, tile, kv_head, warp * 16 + lane / 4 + 8)};
  const DeviceKeyRange all = keys_of_tile(task, tile);
  const std::int32_t* table =
      task.batch.tables + task.batch.sequences[tile.first] * task.batch.table_pages;

  float sums[kValueWidth / 8][4] = {};
  for (std::int32_t first = all.begin / kTileKeys * kTileKeys; first < all.end;
       first += kTileKeys) {
    load_kv_tile<kKeyWidth>(task, table, kv_head, true, first, all.end, keys);
    load_kv_tile<kValueWidth>(task, table, kv_head, false, first, all.end, values);
    wait_for_copies();
    sync_block();
    float scores[kTileKeys / 8][4] = {}, change[2];
    score_tile<kBfloat, kKeyWidth>(queries + warp * 16 * kStride, keys, scores);
    soften_tile(params, first, own, scores, change);
    add_value_tile<kBfloat, kValueWidth>(scores, values, change, sums);
    sync_block();
  }
  put_tile<kValueWidth>(task, own, sums);
}

}  // namespace linnet::cuda
