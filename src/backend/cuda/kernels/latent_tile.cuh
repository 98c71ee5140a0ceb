#pragma once

#include "backend/cuda/kernels/attend_tile_parts.cuh"

namespace linnet::cuda {

/// Attention whose values are the first columns of its keys, as of latents
/// (https://arxiv.org/abs/2405.04434, section 2.1), on tensor cores. Keys are so wide that the
/// eight warps of a thread block share a tile twice: for scores each takes 16 of the queries and
/// half of kLatentKeys keys, for values all queries and an eighth of the columns. What they need of
/// each other goes through shared memory.
inline constexpr int kLatentKeys = 32;
inline constexpr int kLatentWarps = 8;

/// Keys are loaded while those before are worked on, where two blocks of them have room.
constexpr int latent_buffers(TileNumbers numbers) {
  return numbers == TileNumbers::kHalves ? 2 : 1;
}

constexpr std::size_t attend_latent_bytes(TileNumbers numbers, int key_width) {
  const int rows = factor_parts(numbers) * kTileQueries + latent_buffers(numbers) * kLatentKeys;
  const int halves = rows * tile_stride(key_width) +
                     factor_parts(numbers) * kTileQueries * tile_stride(kLatentKeys);
  return sizeof(std::uint16_t) * static_cast<std::size_t>(halves) +
         sizeof(float) * 5 * kTileQueries;
}

/// The parts of that memory.
template <TileNumbers kNumbers, int kKeyWidth>
struct LatentMemory {
  static constexpr int kKeyHalves = kLatentKeys * tile_stride(kKeyWidth);  // of one buffer
  std::uint16_t* queries;  ///< [factor parts][kTileQueries][stride of a key]
  std::uint16_t* keys;     ///< [buffers][kLatentKeys][stride of a key]
  std::uint16_t* weights;  ///< [factor parts][kTileQueries][stride of kLatentKeys]
  float* largest;          ///< [2][kTileQueries]: scores of each half of the keys
  float* totals;           ///< [2][kTileQueries]: the same for the sums of weights
  float* change;           ///< [kTileQueries]: what sums of before shrink by

  __device__ LatentMemory() : queries(reinterpret_cast<std::uint16_t*>(launch_memory())) {
    keys = queries + factor_parts(kNumbers) * kTileQueries * tile_stride(kKeyWidth);
    weights = keys + latent_buffers(kNumbers) * kKeyHalves;
    largest = reinterpret_cast<float*>(weights + factor_parts(kNumbers) * kTileQueries *
                                                     tile_stride(kLatentKeys));
    totals = largest + 2 * kTileQueries;
    change = totals + 2 * kTileQueries;
  }
};

/// scores [16 queries][16 keys] of a warp.
template <TileNumbers kNumbers, int kWidth>
__device__ inline void score_latents(const std::uint16_t* queries, const std::uint16_t* keys,
                                     float (&scores)[2][4]) {
  constexpr int kStride = tile_stride(kWidth);
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll 4
  for (int k = 0; k < kWidth; k += 16) {
    std::uint32_t a[factor_parts(kNumbers)][4], b[4];
#pragma unroll
    for (int part = 0; part < factor_parts(kNumbers); ++part) {
      load_tiles(a[part],
                 queries + (part * kTileQueries + lane % 16) * kStride + k + lane / 16 * 8);
    }
    load_tiles(b, keys + (lane / 16 * 8 + lane % 8) * kStride + k + lane / 8 % 2 * 8);
    multiply_parts<kNumbers>(scores[0], a, b, 0);
    multiply_parts<kNumbers>(scores[1], a, b, 1);
  }
}

/// Masks a warp's scores of 16 keys: see(q, i, score) is what a thread's query q makes of its score
/// for key i of them; `largest` [own query] is that of its keys.
template <class See>
__device__ inline void mask_latents(const See& see, float (&scores)[2][4], float (&largest)[2]) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll
  for (int q = 0; q < 2; ++q) {
    largest[q] = -INFINITY;
#pragma unroll
    for (int t = 0; t < 2; ++t) {
#pragma unroll
      for (int i = 2 * q; i < 2 * q + 2; ++i) {
        scores[t][i] = see(q, t * 8 + lane % 4 * 2 + i % 2, scores[t][i]);
        largest[q] = fmaxf(largest[q], scores[t][i]);
      }
    }
    largest[q] = fmaxf(largest[q], exchange(largest[q], 1));
    largest[q] = fmaxf(largest[q], exchange(largest[q], 2));
  }
}

/// Scores become weights, which go to shared memory: those of 16 queries from `query` on and of 16
/// keys from `key` on.
template <TileNumbers kNumbers>
__device__ inline void put_latent_weights(const float (&scores)[2][4], int query, int key,
                                          OwnQuery (&own)[2], const float (&largest)[2],
                                          std::uint16_t* weights) {
  constexpr int kParts = factor_parts(kNumbers), kStride = tile_stride(kLatentKeys);
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll
  for (int q = 0; q < 2; ++q) {
    float total = 0.0f;
#pragma unroll
    for (int t = 0; t < 2; ++t) {
      const float first = expf(scores[t][2 * q] - largest[q]);
      const float second = expf(scores[t][2 * q + 1] - largest[q]);
      total += first + second;
      std::uint32_t parts[kParts];
      split_pair<kNumbers>(first, second, parts);
#pragma unroll
      for (int part = 0; part < kParts; ++part) {
        const int row = part * kTileQueries + query + q * 8 + lane / 4;
        auto* place = weights + row * kStride + key + t * 8 + lane % 4 * 2;
        *reinterpret_cast<std::uint32_t*>(place) = parts[part];
      }
    }
    total += exchange(total, 1);
    total += exchange(total, 2);
    own[q].total = own[q].total * expf(own[q].largest - largest[q]) + total;
    own[q].largest = largest[q];
  }
}

/// sums [kTileQueries][kColumns] = sums * change + weights * values, the columns of a warp.
template <TileNumbers kNumbers, int kStride, int kColumns>
__device__ inline void add_latents(const std::uint16_t* weights, const float* change,
                                   const std::uint16_t* values,
                                   float (&sums)[kTileQueries / 16][kColumns / 8][4]) {
  constexpr int kWeightStride = tile_stride(kLatentKeys), kQueryTiles = kTileQueries / 16;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll
  for (int m = 0; m < kQueryTiles; ++m) {
    const float changes[2] = {change[m * 16 + lane / 4], change[m * 16 + 8 + lane / 4]};
#pragma unroll
    for (int t = 0; t < kColumns / 8; ++t) {
#pragma unroll
      for (int i = 0; i < 4; ++i) sums[m][t][i] *= changes[i / 2];
    }
  }
#pragma unroll
  for (int k = 0; k < kLatentKeys; k += 16) {
    std::uint32_t a[kQueryTiles][factor_parts(kNumbers)][4];
#pragma unroll
    for (int m = 0; m < kQueryTiles; ++m) {
#pragma unroll
      for (int part = 0; part < factor_parts(kNumbers); ++part) {
        load_tiles(a[m][part], weights +
                                   (part * kTileQueries + m * 16 + lane % 16) * kWeightStride + k +
                                   lane / 16 * 8);
      }
    }
#pragma unroll
    for (int t = 0; t < kColumns / 8; t += 2) {
      std::uint32_t b[4];
      const int key = k + lane / 8 % 2 * 8 + lane % 8;
      load_tiles_transposed(b, values + key * kStride + t * 8 + lane / 16 * 8);
#pragma unroll
      for (int m = 0; m < kQueryTiles; ++m) {
        multiply_parts<kNumbers>(sums[m][t], a[m], b, 0);
        multiply_parts<kNumbers>(sums[m][t + 1], a[m], b, 1);
      }
    }
  }
}

/// The part of a tile's keys that a thread block takes.
__device__ inline DeviceKeyRange split_of(DeviceKeyRange keys, int splits) {
  const std::int32_t first = keys.begin / kLatentKeys;
  const std::int32_t blocks = (keys.end + kLatentKeys - 1) / kLatentKeys - first;
  const std::int32_t each = (blocks + splits - 1) / splits;
  const std::int32_t begin = first + static_cast<std::int32_t>(blockIdx.y) * each;
  const std::int32_t end = (begin + each) * kLatentKeys;
  return {begin * kLatentKeys, end < keys.end ? end : keys.end};
}

/// A query's sums become the output or, of one of several splits, its part.
template <TileNumbers kNumbers, int kKeyWidth, int kColumns>
__device__ inline void put_latents(const AttendTask& task, const QueryTile& tile,
                                   const LatentMemory<kNumbers, kKeyWidth>& memory,
                                   const float (&sums)[kTileQueries / 16][kColumns / 8][4]) {
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int heads = task.params.heads, width = kColumns * kLatentWarps;
#pragma unroll
  for (int m = 0; m < kTileQueries / 16; ++m) {
#pragma unroll
    for (int q = 0; q < 2; ++q) {
      const int own = m * 16 + q * 8 + lane / 4, query = tile.query + own;
      if (query >= tile.rows * heads) continue;
      const std::int64_t row = tile.first + query / heads;
      const int head = query % heads;
      float largest = memory.largest[own], factor = 1.0f;
      float total = memory.totals[own] + memory.totals[kTileQueries + own];
      const std::int64_t part = (row * heads + head) * task.splits + blockIdx.y;
      float* out = task.out + row * task.out_stride + head * width;
      if (task.splits > 1) {
        if (warp == 0 && lane % 4 == 0) task.part_totals[part] = {largest, total};
        out = task.part_sums + part * width;
        total = 1.0f;
      } else if (const float* sinks = task.params.sinks) {
        const float most = fmaxf(largest, sinks[head]);
        factor = expf(largest - most);
        total = total * factor + expf(sinks[head] - most);
      }
#pragma unroll
      for (int t = 0; t < kColumns / 8; ++t) {
#pragma unroll
        for (int i = 0; i < 2; ++i) {
          out[warp * kColumns + t * 8 + lane % 4 * 2 + i] = sums[m][t][2 * q + i] * factor / total;
        }
      }
    }
  }
}

/// A tile's queries and what `keys` brings of a thread block's split, kLatentKeys at a time:
/// - `begin` and `end`: what it walks through; after(first): the block behind the one at `first`;
/// - look_ahead(first), keep(first): at the beginning of each turn, and when all threads have begun
///   the copies of that turn;
/// - load(first, to): a block to shared memory;
/// - mask(first, own, scores, largest): see mask_latents; of a warp's keys, from `first` on.
template <TileNumbers kNumbers, int kKeyWidth, int kValueWidth, class Keys>
__device__ inline void attend_latent_tile(const AttendTask& task, const QueryTile& tile,
                                          Keys& keys) {
  constexpr int kStride = tile_stride(kKeyWidth), kColumns = kValueWidth / kLatentWarps;
  constexpr int kThreads = kLatentWarps * kWarp, kBuffers = latent_buffers(kNumbers);
  using Memory = LatentMemory<kNumbers, kKeyWidth>;
  const Memory memory;
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int query = warp / 2 * 16, side = warp % 2, own_key = side * 16;

  load_queries<kNumbers, kKeyWidth, kThreads>(task, tile, 0, memory.queries);
  OwnQuery own[2] = {own_query(task, tile, 0, query + lane / 4),
                     own_query(task, tile, 0, query + lane / 4 + 8)};
  float sums[kTileQueries / 16][kColumns / 8][4] = {};
  int buffer = 0;
  std::int32_t next = keys.begin;
  if (next < keys.end) keys.load(next, memory.keys);
  while (next < keys.end) {
    const std::int32_t first = next;
    next = keys.after(first);
    const bool more = next < keys.end;
    const std::uint16_t* now = memory.keys + buffer * Memory::kKeyHalves;
    wait_for_copies();
    sync_block();
    if (kBuffers == 2 && more) keys.load(next, memory.keys + (1 - buffer) * Memory::kKeyHalves);
    keys.look_ahead(first);
    float scores[2][4] = {}, largest[2];
    score_latents<kNumbers, kKeyWidth>(memory.queries + query * kStride, now + own_key * kStride,
                                       scores);
    keys.mask(first + own_key, own, scores, largest);
    if (lane % 4 == 0) {
      for (int q = 0; q < 2; ++q) {
        memory.largest[side * kTileQueries + query + q * 8 + lane / 4] = largest[q];
      }
    }
    sync_block();
    keys.keep(first);
    for (int q = 0; q < 2; ++q) {
      const int at = query + q * 8 + lane / 4;
      largest[q] =
          fmaxf(own[q].largest, fmaxf(memory.largest[at], memory.largest[kTileQueries + at]));
      if (side == 0 && lane % 4 == 0) memory.change[at] = expf(own[q].largest - largest[q]);
    }
    put_latent_weights<kNumbers>(scores, query, own_key, own, largest, memory.weights);
    sync_block();
    add_latents<kNumbers, kStride, kColumns>(memory.weights, memory.change, now + warp * kColumns,
                                             sums);
    if (kBuffers == 1 && more) {
      sync_block();
      keys.load(next, memory.keys);
    }
    buffer = kBuffers == 2 ? 1 - buffer : 0;
  }
  sync_block();
  if (lane % 4 == 0) {
    for (int q = 0; q < 2; ++q) {
      const int at = query + q * 8 + lane / 4;
      if (side == 0) memory.largest[at] = own[q].largest;
      memory.totals[side * kTileQueries + at] = own[q].total;
    }
  }
  sync_block();
  put_latents<kNumbers, kKeyWidth, kColumns>(task, tile, memory, sums);
}

}  // namespace linnet::cuda
