#pragma once

#include "backend/cuda/kernels/attend_tile_parts.cuh"
#include "backend/cuda/kernels/pick_keys.cuh"
#include "backend/cuda/kernels/row_to_half.cuh"

namespace linnet::cuda {

/// Scores of index keys on tensor cores. A warp has kWarpIndexKeys keys in registers, as the left
/// factor, and meets the queries of one row after the other, which go through shared memory. The
/// heads of a row are the columns of the products, so that their sum is one over a thread's numbers
/// and four lanes.
inline constexpr int kIndexWidth = 128;
inline constexpr int kIndexWarps = 8;
inline constexpr int kIndexThreads = kIndexWarps * kWarp;
/// Keys that a thread block brings to shared memory at once, 16 for each warp, and how often.
inline constexpr int kStagedKeys = 16 * kIndexWarps, kIndexStages = 2;
inline constexpr int kIndexTileKeys = kIndexStages * kStagedKeys;
/// Rows in turn that meet the keys of a thread block.
inline constexpr int kIndexRows = 16;
/// Heads that are multiplied at once.
inline constexpr int kIndexHeads = 16;

/// Queries of rows as the tensor cores want them.
struct IndexQueries {
  std::uint16_t* values = nullptr;  ///< [rows][factor parts][heads][kIndexWidth]
  float* weights = nullptr;  ///< [rows][heads]: of heads, times what their queries were divided by
  int heads = 0;
};

constexpr std::size_t index_tile_bytes(TileNumbers numbers, int heads) {
  const int queries = 2 * factor_parts(numbers) * heads;
  return sizeof(std::uint16_t) *
             static_cast<std::size_t>((queries + kStagedKeys) * tile_stride(kIndexWidth)) +
         sizeof(float) * static_cast<std::size_t>(2 * heads);
}

/// The queries of the rows that choose, and zeros where digits are to be counted. Grid: (rows,
/// parts of the heads); a warp a head.
template <TileNumbers kNumbers>
__global__ void __launch_bounds__(kIndexThreads)
    prepare_index_queries(View queries, View head_weights, KeyPicks picks, IndexQueries to) {
  wait_for_previous_kernel();
  const std::int64_t row = blockIdx.x;
  if (!picks.chooses(row)) return;
  const int thread = static_cast<int>(threadIdx.x), lane = thread % kWarp;
  for (int i = static_cast<int>(blockIdx.y) * kIndexThreads + thread;
       i < kRankDigits * kDigitValues; i += static_cast<int>(gridDim.y) * kIndexThreads) {
    picks.digit_counts(row, 0)[i] = 0;
  }
  const int head = static_cast<int>(blockIdx.y) * kIndexWarps + thread / kWarp;
  if (head >= to.heads) return;
  const float* from = queries.data + row * queries.stride + head * kIndexWidth;
  float pairs[2][2], largest = 0.0f;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    pairs[i / 2][i % 2] = from[i / 2 * (kIndexWidth / 2) + 2 * lane + i % 2];
    largest = fmaxf(largest, fabsf(pairs[i / 2][i % 2]));
  }
  PowerOfTwo factor{1.0f, 1.0f};
  if (kNumbers == TileNumbers::kHalves) {
    for (int mask = 16; mask > 0; mask /= 2) largest = fmaxf(largest, exchange(largest, mask));
    factor = power_for_halves(largest);
  }
  std::uint16_t* place =
      to.values + (row * factor_parts(kNumbers) * to.heads + head) * kIndexWidth + 2 * lane;
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    std::uint32_t parts[factor_parts(kNumbers)];
    split_pair<kNumbers>(pairs[half][0] * factor.value, pairs[half][1] * factor.value, parts);
#pragma unroll
    for (int part = 0; part < factor_parts(kNumbers); ++part) {
      *reinterpret_cast<std::uint32_t*>(place + part * to.heads * kIndexWidth +
                                        half * (kIndexWidth / 2)) = parts[part];
    }
  }
  if (lane == 0) {
    to.weights[row * to.heads + head] =
        head_weights.data[row * head_weights.stride + head] * factor.inverse;
  }
}

/// Index keys from `first` on, on their way to shared memory.
struct IndexTile {
  const KvView& kv;
  const std::int32_t* table;
  std::int64_t first, end;  ///< what is beyond the end becomes zeros

  __device__ KvLine line(unsigned row) const {
    const std::int64_t key = first + row;
    const IndexKey at(kv, table, key < end ? key : end - 1);
    return {at.page, at.place, at.slots, key < end};
  }
  __device__ void begin_copy(unsigned i, std::uint16_t* to) const {
    constexpr unsigned kPieces = kIndexWidth / 8;
    const unsigned row = i / kPieces, column = i % kPieces * 8;
    const KvLine from = line(row);
    begin_copy16(to + row * tile_stride(kIndexWidth) + column,
                 from.page + 2 * (from.slot * kIndexWidth + static_cast<int>(column)),
                 !from.inside);
  }
};

/// The keys of a warp in fragments of a left factor.
using IndexFragments = std::uint32_t[kIndexStages][kIndexWidth / 16][4];

/// Keys [first, first + kIndexTileKeys) to the fragments of their warps, by way of `staged`. The
/// whole thread block.
__device__ inline void load_index_keys(const KvView& kv, const std::int32_t* table,
                                       std::int64_t first, std::int64_t end, std::uint16_t* staged,
                                       IndexFragments& keys) {
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll
  for (int stage = 0; stage < kIndexStages; ++stage) {
    const IndexTile tile{kv, table, first + stage * kStagedKeys, end};
    sync_block();  // what was staged before was read
    begin_kv_tile<kIndexWidth, kStagedKeys, kIndexThreads>(kv.type, tile, staged);
    wait_for_copies();
    sync_block();
#pragma unroll
    for (int k = 0; k < kIndexWidth / 16; ++k) {
      load_tiles(keys[stage][k], staged + (warp * 16 + lane % 16) * tile_stride(kIndexWidth) +
                                     k * 16 + lane / 16 * 8);
    }
  }
}

/// sums [16 keys][8 heads] += keys * queries, the heads of one `side` of b.
template <TileNumbers kNumbers>
__device__ inline void multiply_index_tiles(float (&sums)[4], const std::uint32_t (&keys)[4],
                                            const std::uint32_t (&b)[4], int side) {
  if constexpr (kNumbers == TileNumbers::kBfloats) {
    multiply_bfloat16_tiles(sums, keys, b[2 * side], b[2 * side + 1]);
  } else {
    multiply_tiles(sums, keys, b[2 * side], b[2 * side + 1]);
  }
}

/// A lane's scores: of the keys lane / 4 and lane / 4 + 8 of each stage, for four lanes together.
template <TileNumbers kNumbers>
__device__ inline void score_index_row(const IndexFragments& keys, const std::uint16_t* queries,
                                       const float* weights, int heads,
                                       float (&scores)[kIndexStages][2]) {
  constexpr int kStride = tile_stride(kIndexWidth);
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll 1
  for (int head = 0; head < heads; head += kIndexHeads) {
    float sums[kIndexStages][2][4] = {};
#pragma unroll
    for (int part = 0; part < factor_parts(kNumbers); ++part) {
#pragma unroll
      for (int k = 0; k < kIndexWidth / 16; ++k) {
        std::uint32_t b[4];
        load_tiles(b, queries + (part * heads + head + lane / 16 * 8 + lane % 8) * kStride +
                          k * 16 + lane / 8 % 2 * 8);
#pragma unroll
        for (int i = 0; i < 2 * kIndexStages; ++i) {
          multiply_index_tiles<kNumbers>(sums[i / 2][i % 2], keys[i / 2][k], b, i % 2);
        }
      }
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) {  // of the heads of this lane
      const int side = i / 2, column = i % 2;
      const float weight = weights[head + side * 8 + lane % 4 * 2 + column];
#pragma unroll
      for (int stage = 0; stage < kIndexStages; ++stage) {
#pragma unroll
        for (int r = 0; r < 2; ++r) {
          scores[stage][r] += fmaxf(sums[stage][side][2 * r + column], 0.0f) * weight;
        }
      }
    }
  }
#pragma unroll
  for (int i = 0; i < 2 * kIndexStages; ++i) {
    float& score = scores[i / 2][i % 2];
    score += exchange(score, 1);
    score += exchange(score, 2);
  }
}

/// The queries of rows on their way to shared memory, where one row's are used while the next ones
/// come.
template <TileNumbers kNumbers>
struct IndexRows {
  const IndexQueries& from;
  std::uint16_t* queries;  ///< [2][factor parts * heads][stride of a key]
  float* weights;          ///< [2][heads]

  __device__ IndexRows(const IndexQueries& all, std::uint16_t* memory)
      : from(all),
        queries(memory),
        weights(reinterpret_cast<float*>(memory + 2 * lines() * tile_stride(kIndexWidth))) {}
  __device__ int lines() const { return factor_parts(kNumbers) * from.heads; }
  __device__ const std::uint16_t* queries_of(int buffer) const {
    return queries + buffer * lines() * tile_stride(kIndexWidth);
  }
  __device__ const float* weights_of(int buffer) const { return weights + buffer * from.heads; }
  __device__ void begin(std::int64_t row, int buffer) const {
    constexpr int kPieces = kIndexWidth / 8;
    const std::uint16_t* values = from.values + row * lines() * kIndexWidth;
    std::uint16_t* to = queries + buffer * lines() * tile_stride(kIndexWidth);
    const int thread = static_cast<int>(threadIdx.x);
    for (int i = thread; i < lines() * kPieces; i += kIndexThreads) {
      begin_copy16(to + i / kPieces * tile_stride(kIndexWidth) + i % kPieces * 8, values + i * 8,
                   false);
    }
    for (int i = thread; i < from.heads / 4; i += kIndexThreads) {
      begin_copy16(weights + buffer * from.heads + 4 * i, from.weights + row * from.heads + 4 * i,
                   false);
    }
  }
};

/// Of the rows [first, end) of a thread block: those that score keys from `key` on.
struct ScoringRows {
  const KeyPicks& picks;
  std::int64_t end, key;

  /// The first one from `row` on.
  __device__ std::int64_t next(std::int64_t row) const {
    while (row < end && (!picks.chooses(row) || picks.scored_keys(row) <= key)) ++row;
    return row;
  }
  /// The keys that those of the sequence of `row` score, from `row` on.
  __device__ std::int64_t keys_of_sequence(std::int64_t row) const {
    std::int64_t keys = 0;
    for (std::int64_t r = row; r < end; ++r) {
      if (picks.batch.sequences[r] != picks.batch.sequences[row]) continue;
      if (picks.scored_keys(r) > keys) keys = picks.scored_keys(r);
    }
    return keys;
  }
};

__device__ inline void put_index_scores(const KeyPicks& picks, std::int64_t row, std::int64_t first,
                                        const float (&scores)[kIndexStages][2]) {
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  if (lane % 4 != 0) return;
#pragma unroll
  for (int i = 0; i < 2 * kIndexStages; ++i) {
    const std::int64_t key = first + i / 2 * kStagedKeys + warp * 16 + i % 2 * 8 + lane / 4;
    if (key < picks.scored_keys(row))
      picks.scores[row * picks.row_scores + key] = scores[i / 2][i % 2];
  }
}

/// The scores of the rows that choose. Grid: (kIndexRows rows each, parts of the keys).
template <TileNumbers kNumbers>
__global__ void __launch_bounds__(kIndexThreads, 2)
    score_index_tiles(KvView kv, IndexQueries queries, KeyPicks picks, std::int64_t rows) {
  wait_for_previous_kernel();
  auto* staged = reinterpret_cast<std::uint16_t*>(launch_memory());
  const IndexRows<kNumbers> to(queries, staged + kStagedKeys * tile_stride(kIndexWidth));
  const std::int64_t first_row = std::int64_t{blockIdx.x} * kIndexRows;
  const std::int64_t end_row = first_row + kIndexRows < rows ? first_row + kIndexRows : rows;
  IndexFragments keys;
  for (std::int64_t first = std::int64_t{blockIdx.y} * kIndexTileKeys; first < picks.row_scores;
       first += std::int64_t{gridDim.y} * kIndexTileKeys) {
    const ScoringRows scoring{picks, end_row, first};
    std::int32_t sequence = -1;
    int buffer = 0;
    std::int64_t row = scoring.next(first_row);
    sync_block();  // the queries of the keys before were read
    if (row < end_row) to.begin(row, 0);
    while (row < end_row) {
      const std::int64_t next = scoring.next(row + 1);
      if (picks.batch.sequences[row] != sequence) {
        sequence = picks.batch.sequences[row];
        load_index_keys(kv, picks.batch.tables + sequence * picks.batch.table_pages, first,
                        scoring.keys_of_sequence(row), staged, keys);
      }
      wait_for_copies();
      sync_block();
      if (next < end_row) to.begin(next, 1 - buffer);
      float scores[kIndexStages][2] = {};
      score_index_row<kNumbers>(keys, to.queries_of(buffer), to.weights_of(buffer), queries.heads,
                                scores);
      put_index_scores(picks, row, first, scores);
      row = next;
      buffer = 1 - buffer;
    }
  }
}

}  // namespace linnet::cuda
