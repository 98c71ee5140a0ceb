#pragma once

#include "backend/cuda/kernels/kv_view.cuh"
#include "backend/cuda/kernels/pick_ranks.cuh"
#include "backend/cuda/kernels/score_key.cuh"

namespace linnet::cuda {

/// Ranks of scores have three digits, of 11, 11 and 10 bits.
inline constexpr int kRankDigits = 3, kDigitValues = 2048;

/// The bits of a digit, and the lowest of them.
__device__ inline int digit_bits(int digit) { return digit < kRankDigits - 1 ? 11 : 10; }
__device__ inline int low_bit(int digit) { return digit == 0 ? 21 : digit == 1 ? 10 : 0; }

/// Backend::select_keys of some rows. Where each head picks for itself, the rows of what follows
/// the batch are those of its heads.
struct KeyPicks {
  DeviceBatch batch;  ///< positions and sequences of these rows
  std::int32_t stride = 1, most = 0;
  bool picks_tokens = false;           ///< see SelectParams
  std::int32_t heads = 1;              ///< that pick for themselves
  std::int32_t block = 0, recent = 0;  ///< see PickedBlocks
  std::int64_t row_scores = 0;         ///< the most that a row may have
  float* scores = nullptr;             ///< [rows][row_scores]
  std::int32_t* counts = nullptr;      ///< [rows][kRankDigits][kDigitValues]
  RankedKey* heaps = nullptr;          ///< [rows][most]
  std::uint32_t* selected = nullptr;   ///< [rows][table_pages]: see KeySelection

  __device__ std::int32_t tokens(std::int64_t row) const {
    return batch.positions[row / heads] + 1;
  }
  __device__ std::int32_t scored_keys(std::int64_t row) const { return tokens(row) / stride; }
  /// Among which a row picks; they may be tokens or blocks of them.
  __device__ std::int32_t keys(std::int64_t row) const {
    if (block > 0) return (tokens(row) - 1) / block + 1;
    return picks_tokens ? tokens(row) : scored_keys(row);
  }
  /// How many bits of `selected` may be set, and the key that decides about one of them.
  __device__ std::int32_t bits(std::int64_t row) const {
    return block > 0 ? tokens(row) : keys(row);
  }
  __device__ std::int64_t key_of_bit(std::int64_t bit) const {
    return block > 0 ? bit / block : bit;
  }
  /// Whether a row's scores decide anything.
  __device__ bool chooses(std::int64_t row) const { return keys(row) > most; }
  __device__ std::uint32_t rank(std::int64_t row, std::int64_t key) const {
    constexpr std::uint32_t kInfinity = 0x7f800000u;
    if (key >= keys(row) - recent) return rank_of_bits(kInfinity);
    if (picks_tokens) {
      key /= stride;
      if (key >= scored_keys(row)) return rank_of_bits(kInfinity);
    }
    return rank_of_bits(float_to_bits(scores[row * row_scores + key]));
  }
  __device__ std::int32_t* digit_counts(std::int64_t row, int digit) const {
    return counts + (row * kRankDigits + digit) * kDigitValues;
  }
};

inline constexpr int kScoreThreads = 128;
/// Heads whose products with a key are made of one read of it.
inline constexpr int kScoreHeads = 8;

/// Where a key of an index lies, for score_key().
struct IndexKey {
  const std::uint8_t* page;
  int place, slots;

  __device__ IndexKey(const KvView& kv, const std::int32_t* table, std::int64_t key)
      : slots(kv.slots) {
    const std::int64_t last = key * kv.stride + kv.stride - 1;  // the token at whose place it is
    page = kv.key_page(table[last / kPageTokens], 0);
    place = static_cast<int>(last % kPageTokens) / kv.stride;
  }
  __device__ const std::uint8_t* key_page(int) const { return page; }
  __device__ int slot(int) const { return place; }
};

/// The scores of the rows that choose, and zeros where digits are to be counted. Grid: (rows, parts
/// of the keys); a thread a key. Launch memory: the queries of kScoreHeads heads.
template <KvType kType>
__global__ void __launch_bounds__(kScoreThreads)
    score_index_keys(KvView kv, View queries, View head_weights, KeyPicks picks) {
  wait_for_previous_kernel();
  const std::int64_t row = blockIdx.x;
  if (!picks.chooses(row)) return;
  const int thread = static_cast<int>(threadIdx.x);
  for (std::int64_t i = blockIdx.y * kScoreThreads + thread; i < kRankDigits * kDigitValues;
       i += gridDim.y * kScoreThreads) {
    picks.digit_counts(row, 0)[i] = 0;
  }
  auto* group = reinterpret_cast<float*>(launch_memory());
  const int heads = static_cast<int>(head_weights.columns), width = kv.key_width;
  const float* query = queries.data + row * queries.stride;
  const float* weights = head_weights.data + row * head_weights.stride;
  const std::int32_t* table =
      picks.batch.tables + picks.batch.sequences[row] * picks.batch.table_pages;
  const std::int64_t keys = picks.scored_keys(row);
  for (std::int64_t first = blockIdx.y * kScoreThreads; first < keys;
       first += gridDim.y * kScoreThreads) {
    const bool is_key = first + thread < keys;
    const IndexKey key(kv, table, is_key ? first + thread : keys - 1);
    float score = 0.0f;
    for (int head = 0; head < heads; head += kScoreHeads) {
      const int left = heads - head;
      sync_block();
      for (int i = thread; i < kScoreHeads * width; i += kScoreThreads) {
        group[i] = i < left * width ? query[head * width + i] : 0.0f;
      }
      sync_block();
      float dots[kScoreHeads] = {};
      score_key<kType>(key, width, group, 0, dots);
#pragma unroll
      for (int h = 0; h < kScoreHeads; ++h) {
        if (h < left) score += fmaxf(dots[h], 0.0f) * weights[head + h];
      }
    }
    if (is_key) picks.scores[row * picks.row_scores + first + thread] = score;
  }
}

/// The first digits of the rank of the last score that is picked, as far as they were counted. The
/// whole thread block.
__device__ inline RankDigits find_digits(const KeyPicks& picks, std::int64_t row, int digits,
                                         DigitMemory& memory) {
  RankDigits found{0, picks.most, 0};
  for (int d = 0; d < digits; ++d) {
    const RankDigits next =
        pick_digit<kDigitValues>(picks.digit_counts(row, d), found.wanted, memory);
    found = {found.bits << digit_bits(d) | next.bits, next.wanted, next.count};
  }
  return found;
}

/// Counts the values of a digit among the scores whose digits before are those of the last score
/// that is picked. Grid: (rows, parts of the keys).
__global__ void __launch_bounds__(kPickThreads) count_rank_digits(KeyPicks picks, int digit) {
  __shared__ std::int32_t counts[kDigitValues];
  __shared__ DigitMemory memory;
  wait_for_previous_kernel();
  const std::int64_t row = blockIdx.x;
  if (!picks.chooses(row)) return;
  const RankDigits before = find_digits(picks, row, digit, memory);
  const int thread = static_cast<int>(threadIdx.x), bits = digit_bits(digit), low = low_bit(digit);
  for (int value = thread; value < kDigitValues; value += kPickThreads) counts[value] = 0;
  sync_block();
  for (std::int64_t key = blockIdx.y * kPickThreads + thread; key < picks.keys(row);
       key += gridDim.y * kPickThreads) {
    const std::uint32_t rank = picks.rank(row, key) >> low;
    if (rank >> bits == before.bits) count_up(&counts[rank & ((1u << bits) - 1)]);
  }
  sync_block();
  std::int32_t* all = picks.digit_counts(row, digit);
  for (int value = thread; value < kDigitValues; value += kPickThreads) {
    if (counts[value] > 0) count_up(&all[value], counts[value]);
  }
}

/// pick_keys() as the host does it, for rows of which not all equal scores can be picked: the
/// threads make the heap, and look for keys that it takes, which one of them gives to it in their
/// order. The whole thread block.
__device__ inline void pick_among_equals(const KeyPicks& picks, std::int64_t row) {
  __shared__ RankedKey better[kPickThreads];
  __shared__ std::int32_t sums[kPickWarps];
  const int thread = static_cast<int>(threadIdx.x);
  const std::int64_t keys = picks.keys(row), most = picks.most;
  RankedKey* heap = picks.heaps + row * most;
  for (std::int64_t key = thread; key < most; key += kPickThreads) {
    heap[key] = {picks.rank(row, key), static_cast<std::int32_t>(key)};
  }
  sync_block();
  // Level by level from the deepest that has children: what is below two places of a level has
  // nothing in common.
  std::int64_t level = 1;
  while (2 * level <= most / 2) level *= 2;
  for (; level > 0; level /= 2) {
    for (std::int64_t place = level - 1 + thread; place < 2 * level - 1 && place < most / 2;
         place += kPickThreads) {
      sink(heap, most, place, heap[place]);
    }
    sync_block();
  }
  for (std::int64_t first = most; first < keys; first += kPickThreads) {
    const std::int64_t key = first + thread;
    const std::uint32_t rank = key < keys ? picks.rank(row, key) : 0;
    const bool is_better = rank > heap[0].rank;
    std::int32_t found = 0;
    const int place = place_of(is_better, sums, found);
    if (is_better) better[place] = {rank, static_cast<std::int32_t>(key)};
    sync_block();
    for (int i = 0; thread == 0 && i < found; ++i) {
      if (better[i].rank > heap[0].rank) sink(heap, most, 0, better[i]);
    }
    sync_block();
  }
  std::uint32_t* words = picks.selected + row * picks.batch.table_pages;
  for (std::int64_t w = thread; w < picks.batch.table_pages; w += kPickThreads) words[w] = 0;
  sync_block();
  const std::int64_t each = picks.block > 0 ? picks.block : 1, bits = picks.bits(row);
  for (std::int64_t i = thread; i < most; i += kPickThreads) {
    for (std::int64_t bit = heap[i].key * each; bit < (heap[i].key + 1) * each && bit < bits;
         ++bit) {
      set_bits(&words[bit / kPageTokens], 1u << (bit % kPageTokens));
    }
  }
}

/// Writes which keys are picked, as pick_keys() does. Grid: (rows, parts of the keys).
__global__ void __launch_bounds__(kPickThreads) mark_picked_keys(KeyPicks picks) {
  __shared__ DigitMemory memory;
  wait_for_previous_kernel();
  const std::int64_t row = blockIdx.x;
  const bool chooses = picks.chooses(row);
  RankDigits limit{0, 0, 0};
  if (chooses) {
    limit = find_digits(picks, row, kRankDigits, memory);
    if (limit.wanted < limit.count) {
      if (blockIdx.y == 0) pick_among_equals(picks, row);
      return;
    }
  }
  const int warp = static_cast<int>(threadIdx.x) / kWarp,
            lane = static_cast<int>(threadIdx.x) % kWarp;
  std::uint32_t* words = picks.selected + row * picks.batch.table_pages;
  for (std::int64_t w = blockIdx.y * kPickWarps + warp; w < picks.batch.table_pages;
       w += gridDim.y * kPickWarps) {
    const std::int64_t bit = w * kWarp + lane;
    const bool is_picked =
        bit < picks.bits(row) && (!chooses || picks.rank(row, picks.key_of_bit(bit)) >= limit.bits);
    const std::uint32_t bits = vote(is_picked);
    if (lane == 0) words[w] = bits;
  }
}

}  // namespace linnet::cuda
