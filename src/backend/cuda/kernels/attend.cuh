#pragma once

#include "backend/cuda/kernels/kv_view.cuh"
#include "backend/cuda/kernels/quantise_block.cuh"

namespace linnet::cuda {

inline constexpr int kAttendWarps = 4;

/// Attention of every row, keys split between thread blocks.
struct AttendTask {
  KvView kv;
  AttentionParams params;
  DeviceBatch batch;
  const float* queries = nullptr;
  std::int64_t query_stride = 0;
  float* out = nullptr;
  std::int64_t out_stride = 0;
  int chunks = 1;         ///< groups of heads that a KV head's query heads are cut into
  int pages_a_split = 0;  ///< 0: those of each row's own keys, cut evenly
  int splits = 1;
  KvView compressed = {};         ///< of AttentionParams::compressed
  int compressed_splits = 0;      ///< that those of each row are cut into, evenly
  float* part_sums = nullptr;     ///< [rows][heads][parts()][value_width]
  float2* part_totals = nullptr;  ///< [rows][heads][parts()]: largest score, sum of exponentials
  /// [rows][selecting_heads][table_pages]: see KeySelection; or null. Of compressed keys, where
  /// there are any.
  const std::uint32_t* selected = nullptr;
  int selecting_heads = 1;
  /// For attend_gathered: where keys behind the window are, and the places of those that each row
  /// picked, [rows][most_picked], and their number; null where it sees all that there are.
  KvView behind = {};
  const std::int32_t* places = nullptr;
  const std::int32_t* picked_counts = nullptr;
  int most_picked = 0;
  QuantisedRows quantised = {};  ///< where the output goes, too; codes only where heads are whole
                                 ///< blocks

  /// Of a row's head: first the splits, then those of compressed keys.
  __host__ __device__ int parts() const { return splits + compressed_splits; }
  /// Words of `selected` for each row.
  __host__ __device__ std::int64_t selected_words() const {
    return selecting_heads * batch.table_pages;
  }
  /// Those of a row for a KV head; null where it sees all.
  __device__ const std::uint32_t* picks_of(std::int64_t row, int kv_head) const {
    if (!selected) return nullptr;
    const int head = selecting_heads == 1 ? 0 : kv_head;
    return selected + row * selected_words() + head * batch.table_pages;
  }
  /// Warps call it with columns side by side.
  __device__ void put(std::int64_t row, int head, int column, float value) const {
    const int at = head * params.value_width + column;
    out[row * out_stride + at] = value;
    if (quantised.codes) quantise_block(value, row * quantised.blocks + at / kBlock, quantised);
  }
};

/// Queries of a tile of a prompt.
inline constexpr int kTileQueries = 64;

/// Rows [first, first + rows) of a batch, all of one sequence; the queries from `query` on of
/// their rows * group, row by row.
struct QueryTile {
  std::int32_t first, rows, query;
};

struct DeviceKeyRange {
  std::int32_t begin, end;
};

/// visible_keys() for the device.
__device__ inline DeviceKeyRange keys_of(const AttentionParams& params, std::int32_t position,
                                         std::int32_t length) {
  DeviceKeyRange range{0, params.causal ? position + 1 : length};
  if (params.window > 0 && params.span == AttentionSpan::kSliding) {
    range.begin = position - params.window + 1 > 0 ? position - params.window + 1 : 0;
  }
  if (params.window > 0 && params.span == AttentionSpan::kChunked) {
    range.begin = position / params.window * params.window;
  }
  if (params.window > 0 && params.span == AttentionSpan::kCentred) {
    const std::int32_t half = params.window / 2;
    range.begin = position - half > 0 ? position - half : 0;
    if (range.end - position > half + 1) range.end = position + half + 1;
  }
  return range;
}

/// Where key `number` lies that stands for `keys.stride` tokens: the page times its keys, and the
/// key in it.
__device__ inline std::int32_t place_behind(const KvView& keys, const std::int32_t* table,
                                            std::int32_t number) {
  const std::int32_t position = number * keys.stride + keys.stride - 1;
  return table[position / kPageTokens] * keys.slots + position % kPageTokens / keys.stride;
}

/// The score of the product `dot`, without what the query does not see.
__device__ inline float adjust_score(const AttentionParams& params, float dot, int head,
                                     std::int32_t key, std::int32_t position) {
  float score = dot * params.scale;
  if (params.softcap > 0.0f) score = params.softcap * tanhf(score / params.softcap);
  if (params.alibi_slopes) {
    score -= params.alibi_slopes[head] * fabsf(static_cast<float>(key - position));
  }
  if (const DistanceBias& bias = params.distance_bias; bias.values) {
    std::int32_t distance = key - position;
    if (distance < -bias.reach) distance = -bias.reach;
    if (distance > bias.reach) distance = bias.reach;
    score += bias.values[bias.buckets[distance + bias.reach] * params.heads + head];
  }
  return score;
}

/// The keys of page `page` that are seen, a bit each.
__device__ inline std::uint32_t seen_of_page(DeviceKeyRange keys, const std::uint32_t* selected,
                                             std::int32_t page) {
  const std::int32_t first = page * kPageTokens;
  std::uint32_t seen = selected ? selected[page] : 0xffffffffu;
  if (keys.begin > first) seen &= 0xffffffffu << (keys.begin - first);
  if (keys.end < first + kPageTokens) seen &= 0xffffffffu >> (first + kPageTokens - keys.end);
  return seen;
}

}  // namespace linnet::cuda
