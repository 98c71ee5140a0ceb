#pragma once

#include "backend/cuda/kernels/pick_ranks.cuh"

namespace linnet::cuda {

/// A LogitQuery with places in lists of all queries.
struct PickTask {
  std::int64_t row;
  std::int64_t first_id, ids;      ///< in PickLists::ids
  std::int64_t first_word, words;  ///< in PickMemory::allowed; no words: all are allowed
  std::int64_t first_pick;         ///< in PickMemory::ids and ::logits
  std::int32_t most;
  float within;
};

struct PickMemory {
  const PickTask* tasks;
  const std::int32_t* wanted;    ///< ids of all queries
  const std::uint64_t* allowed;  ///< of all queries
  std::int32_t* counts;          ///< [queries]: picked
  float* of_wanted;              ///< logits of `wanted`
  std::int32_t* ids;             ///< picked
  float* logits;                 ///< of these
};

/// Ids of a row that a thread block picks of first.
inline constexpr std::int64_t kPickPiece = 4096;
/// Picks of a piece at most: with more the row is picked of as a whole.
inline constexpr std::int32_t kPickedOfPiece = 256;

/// The likeliest of each piece of a row, of which the likeliest of the row are picked.
struct PickPieces {
  std::int64_t pieces = 0;      ///< of a row; 0: there are none
  std::int64_t most = 0;        ///< picks of a piece, as many as any query wants
  std::int32_t* ids = nullptr;  ///< [queries][pieces][most]
  float* logits = nullptr;      ///< the same; minus infinity where fewer were picked
};

/// Ascends with the logit; 0 for what is never picked.
__device__ inline std::uint32_t logit_key(float logit) {
  return logit > -INFINITY ? rank_of_bits(float_to_bits(logit)) : 0;
}

/// The entries [first, columns) of a row of logits that may be picked; of entry i the id is ids[i],
/// or i where `ids` is null.
struct PickRow {
  const float* logits;
  const std::int32_t* ids;
  std::int64_t first, columns;
  const std::uint64_t* allowed;
  std::int64_t words;

  __device__ std::uint32_t key(std::int64_t i) const {
    if (i >= columns) return 0;
    if (words > 0 && (i / 64 >= words || !(allowed[i / 64] >> (i % 64) & 1))) return 0;
    return logit_key(logits[i]);
  }
};

/// The keys that are picked: those above `limit`, and the first `ties` that are `limit`.
struct PickLimit {
  std::uint32_t limit;
  std::int32_t ties;
};

/// The highest key of the lanes whose numbers differ in bits below `lanes` alone.
__device__ inline std::uint32_t highest_of_lanes(std::uint32_t own, int lanes) {
  for (int mask = 1; mask < lanes; mask *= 2) {
    const std::uint32_t other = exchange(own, mask);
    own = other > own ? other : own;
  }
  return own;
}

/// The highest of the keys that the threads have; every thread gets it.
__device__ inline std::uint32_t highest_of_block(std::uint32_t own, std::uint32_t* keys) {
  own = highest_of_lanes(own, kWarp);
  if (threadIdx.x % kWarp == 0) keys[threadIdx.x / kWarp] = own;
  sync_block();
  for (int w = 0; w < kPickWarps; ++w) own = keys[w] > own ? keys[w] : own;
  sync_block();  // others may write keys
  return own;
}

/// Groups of threads whose highest keys are ranked.
inline constexpr int kRankedGroups = 128;

/// The key of rank `most` among the highest keys of groups of threads, or the lowest key where
/// there are fewer groups: no fewer than `most` keys of the threads' ids reach it, and few more.
__device__ inline std::uint32_t low_limit(std::uint32_t highest, std::int32_t most,
                                          std::uint32_t* keys, std::uint32_t* result) {
  constexpr int kThreads = kPickThreads / kRankedGroups;
  const int thread = static_cast<int>(threadIdx.x);
  highest = highest_of_lanes(highest, kThreads);
  if (thread % kThreads == 0) keys[thread / kThreads] = highest;
  if (thread == 0) *result = 1;
  sync_block();
  if (thread < kRankedGroups) {
    const std::uint32_t own = keys[thread];
    int rank = 0;
    for (int i = 0; i < kRankedGroups; ++i) {
      rank += keys[i] > own || (keys[i] == own && i < thread) ? 1 : 0;
    }
    if (rank == most - 1 && own > 0) *result = own;
  }
  sync_block();
  return *result;
}

/// The key of rank `most` of the row, byte by byte from the highest, among those from `low` on.
__device__ inline PickLimit find_limit(const PickRow& row, std::uint32_t low, std::int32_t most,
                                       std::int32_t* counts, DigitMemory& memory) {
  const int thread = static_cast<int>(threadIdx.x);
  PickLimit found{0, most};
  for (int shift = 24; shift >= 0; shift -= 8) {
    if (thread < 256) counts[thread] = 0;
    sync_block();
    for (std::int64_t i = row.first + thread; i < row.columns; i += kPickThreads) {
      const std::uint32_t key = row.key(i);
      const bool inside = shift == 24 || key >> (shift + 8) == found.limit;
      if (key >= low && key > 0 && inside) count_up(&counts[key >> shift & 255]);
    }
    sync_block();
    const RankDigits byte = pick_digit<256>(counts, found.ties, memory);
    found = {found.limit << 8 | byte.bits, byte.wanted};
  }
  return found;
}

/// Writes what is picked in the order of the ids; gives their number.
__device__ inline std::int32_t collect_picks(const PickRow& row, PickLimit picked,
                                             std::int32_t (&sums)[2][kPickWarps], std::int32_t* ids,
                                             float* logits) {
  std::int32_t found = 0, ties = 0;
  for (std::int64_t first = row.first; first < row.columns; first += kPickThreads) {
    const std::int64_t i = first + threadIdx.x;
    const std::uint32_t key = row.key(i);
    std::int32_t new_ties = 0, new_picks = 0;
    const bool is_tie = key == picked.limit && key > 0;
    const int tie = ties + place_of(is_tie, sums[0], new_ties);
    const bool is_picked = key > picked.limit || (is_tie && tie < picked.ties);
    const int place = found + place_of(is_picked, sums[1], new_picks);
    if (is_picked) {
      ids[place] = row.ids ? row.ids[i] : static_cast<std::int32_t>(i);
      logits[place] = row.logits[i];
    }
    ties += new_ties;
    found += new_picks;
  }
  return found;
}

/// Takes the wanted logits of a query out of its row. Grid: queries.
__global__ void take_wanted_logits(View logits, PickMemory memory) {
  wait_for_previous_kernel();
  const PickTask& task = memory.tasks[blockIdx.x];
  for (std::int64_t i = threadIdx.x; i < task.ids; i += blockDim.x) {
    float* logit = logits.data + task.row * logits.stride + memory.wanted[task.first_id + i];
    memory.of_wanted[task.first_id + i] = *logit;
    *logit = -INFINITY;
  }
}

/// Picks the `most` likeliest of a row, of those that lie at most `within` below the likeliest;
/// gives their number. The whole thread block.
__device__ inline std::int32_t pick(const PickRow& row, std::int32_t most, float within,
                                    std::int32_t* ids, float* logits) {
  __shared__ std::uint32_t keys[kRankedGroups];
  __shared__ std::int32_t counts[256], sums[2][kPickWarps];
  __shared__ std::uint32_t low;
  __shared__ DigitMemory memory;
  std::uint32_t highest = 0;
  for (std::int64_t i = row.first + threadIdx.x; i < row.columns; i += kPickThreads) {
    const std::uint32_t key = row.key(i);
    if (key > highest) highest = key;
  }
  const std::uint32_t best = highest_of_block(highest, keys);
  PickLimit picked{best, 1};
  if (most > 1) {
    picked = find_limit(row, low_limit(highest, most, keys, &low), most, counts, memory);
  }
  if (within < INFINITY) {
    const bool is_negative = (best & 0x80000000u) == 0;
    const float likeliest = bits_to_float(is_negative ? ~best : best & 0x7fffffffu);
    const std::uint32_t nearest = logit_key(likeliest - within);
    if (best > 0 && nearest > picked.limit) picked = {nearest, 0x7fffffff};
  }
  return collect_picks(row, picked, sums, ids, logits);
}

/// Picks the likeliest of a piece of a row. Grid: (pieces, queries).
__global__ void __launch_bounds__(kPickThreads)
    pick_of_pieces(View logits, PickMemory memory, PickPieces to) {
  wait_for_previous_kernel();
  const PickTask task = memory.tasks[blockIdx.y];
  if (task.most == 0) return;
  const std::int64_t first = blockIdx.x * kPickPiece;
  const PickRow row{logits.data + task.row * logits.stride,
                    nullptr,
                    first,
                    first + kPickPiece < logits.columns ? first + kPickPiece : logits.columns,
                    memory.allowed + task.first_word,
                    task.words};
  const std::int64_t at = (blockIdx.y * to.pieces + blockIdx.x) * to.most;
  const std::int32_t found = pick(row, task.most, INFINITY, to.ids + at, to.logits + at);
  for (std::int64_t i = found + threadIdx.x; i < to.most; i += kPickThreads) {
    to.logits[at + i] = -INFINITY;
  }
}

/// Picks the likeliest of a row, or of what was picked of its pieces. Grid: queries.
__global__ void __launch_bounds__(kPickThreads)
    pick_likeliest(View logits, PickMemory memory, PickPieces pieces) {
  wait_for_previous_kernel();
  const PickTask task = memory.tasks[blockIdx.x];
  std::int32_t found = 0;
  if (task.most > 0) {
    const std::int64_t candidates = pieces.pieces * pieces.most, at = blockIdx.x * candidates;
    // Member by member, which stays in registers: one of two rows would be looked up in memory.
    const bool of_pieces = candidates > 0;
    const PickRow row{of_pieces ? pieces.logits + at : logits.data + task.row * logits.stride,
                      of_pieces ? pieces.ids + at : nullptr,
                      0,
                      of_pieces ? candidates : logits.columns,
                      memory.allowed + task.first_word,
                      of_pieces ? 0 : task.words};
    found = pick(row, task.most, task.within, memory.ids + task.first_pick,
                 memory.logits + task.first_pick);
  }
  if (threadIdx.x == 0) memory.counts[blockIdx.x] = found;
}

}  // namespace linnet::cuda
