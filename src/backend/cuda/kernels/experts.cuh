#pragma once

#include "backend/backend.hpp"
#include "backend/cuda/kernels/block_sum.cuh"
#include "backend/cuda/kernels/products.cuh"

namespace linnet::cuda {

/// Warps of the thread block that groups picks: each has a share of them, one behind the other.
inline constexpr int kGroupWarps = 16, kGroupThreads = kGroupWarps * kWarp;

constexpr std::size_t group_memory_bytes(std::size_t experts) {
  return sizeof(std::int32_t) * ((kGroupWarps + 2) * experts + 2);
}

/// Calls visit(expert, pick) for the picks of the warp's share, a lane each; the expert is -1
/// behind the last one. Several reads are under way at a time.
template <class Visit>
__device__ inline void visit_share(const std::int32_t* experts, std::int64_t picks, Visit visit) {
  constexpr int kAhead = 8;
  const int warp = static_cast<int>(threadIdx.x) / kWarp,
            lane = static_cast<int>(threadIdx.x) % kWarp;
  const std::int64_t share = (picks + kGroupThreads - 1) / kGroupThreads * kWarp;
  const std::int64_t end = (warp + 1) * share < picks ? (warp + 1) * share : picks;
  for (std::int64_t first = warp * share; first < end; first += kAhead * kWarp) {
    std::int32_t read[kAhead];
#pragma unroll
    for (int i = 0; i < kAhead; ++i) {
      const std::int64_t pick = first + i * kWarp + lane;
      read[i] = pick < end ? experts[pick] : -1;
    }
#pragma unroll
    for (int i = 0; i < kAhead; ++i) {
      if (first + i * kWarp >= end) break;
      visit(read[i], static_cast<std::int32_t>(first) + i * kWarp + lane);
    }
  }
}

/// The lanes that have the lane's own expert, of `count`, a bit each; none where that is -1.
__device__ inline std::uint32_t lanes_alike(std::int32_t expert, int count) {
  std::uint32_t alike = vote(expert >= 0);
  for (int bit = 1; bit < count; bit *= 2) {
    const std::uint32_t votes = vote((expert & bit) != 0);
    alike &= (expert & bit) != 0 ? votes : ~votes;
  }
  return expert >= 0 ? alike : 0;
}

/// Numbers become the sums of those in front of them; the sum of all goes behind them. One warp.
__device__ inline void add_up_before(std::int32_t* numbers, int count) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp, each = (count + kWarp - 1) / kWarp;
  const int last = (lane + 1) * each < count ? (lane + 1) * each : count;
  std::int32_t own = 0, all = 0;
  for (int i = lane * each; i < last; ++i) own += numbers[i];
  std::int32_t before = sum_before(own, all);
  for (int i = lane * each; i < last; ++i) {
    const std::int32_t number = numbers[i];
    numbers[i] = before;
    before += number;
  }
  if (lane == 0) numbers[count] = all;
}

/// What the thread block that groups picks keeps in launch memory of each of `count` experts.
struct PickCounts {
  int count;
  std::int32_t* begins;    ///< [count + 1]: where its picks begin
  std::int32_t* tiles;     ///< [count + 1]: the first of its tiles
  std::int32_t* of_warps;  ///< [kGroupWarps][count]: its picks in a warp's share; then where the
                           ///< next of them goes, from its first one on

  __device__ explicit PickCounts(int experts)
      : count(experts),
        begins(reinterpret_cast<std::int32_t*>(launch_memory())),
        tiles(begins + count + 1),
        of_warps(tiles + count + 1) {}
  __device__ std::int32_t* of_warp() const { return of_warps + threadIdx.x / kWarp * count; }

  __device__ void count_share(const std::int32_t* experts, std::int64_t picks) const {
    std::int32_t* own = of_warp();
    for (int e = static_cast<int>(threadIdx.x) % kWarp; e < count; e += kWarp) own[e] = 0;
    sync_warp();
    visit_share(experts, picks, [&](std::int32_t expert, std::int32_t) {
      if (expert >= 0) count_up(&own[expert]);
    });
  }
  /// The whole thread block, when all shares were counted.
  __device__ void add_up(int tile_rows) const {
    for (int e = static_cast<int>(threadIdx.x); e < count; e += kGroupThreads) {
      std::int32_t before = 0;
      for (int w = 0; w < kGroupWarps; ++w) {
        const std::int32_t number = of_warps[w * count + e];
        of_warps[w * count + e] = before;
        before += number;
      }
      begins[e] = before;
      tiles[e] = (before + tile_rows - 1) / tile_rows;
    }
    sync_block();
    if (threadIdx.x / kWarp == 0) add_up_before(begins, count);
    if (threadIdx.x / kWarp == 1) add_up_before(tiles, count);
    sync_block();
  }
  __device__ void cut_tiles(int tile_rows, const PickLists& lists) const {
    const int thread = static_cast<int>(threadIdx.x);
    for (int e = thread; e < count; e += kGroupThreads) {
      for (int tile = tiles[e], at = begins[e]; tile < tiles[e + 1]; ++tile, at += tile_rows) {
        const std::int32_t rest = begins[e + 1] - at;
        lists.slices[tile] = e;
        lists.firsts[tile] = at;
        lists.counts[tile] = rest < tile_rows ? rest : tile_rows;
      }
    }
    for (int tile = tiles[count] + thread; tile < lists.tiles; tile += kGroupThreads) {
      lists.counts[tile] = 0;
    }
  }
  __device__ void list_share(const std::int32_t* experts, std::int64_t picks, int used,
                             const PickLists& lists) const {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    std::int32_t* own = of_warp();
    visit_share(experts, picks, [&](std::int32_t expert, std::int32_t pick) {
      const std::uint32_t alike = lanes_alike(expert, count);
      const std::int32_t before = alike != 0 ? own[expert] : 0;
      sync_warp();  // all have read it
      const int place = count_bits(alike & ((1u << lane) - 1));
      if (alike != 0 && place == 0) own[expert] = before + count_bits(alike);
      sync_warp();
      if (alike == 0) return;
      const std::int32_t at = begins[expert] + before + place;
      lists.picks[at] = pick;
      lists.rows[at] = pick / used;
    });
  }
};

/// Keeps the order of the picks of an expert, so that results do not depend on timing. One thread
/// block; launch memory: group_memory_bytes.
__global__ void __launch_bounds__(kGroupThreads)
    group_picks(const std::int32_t* experts, std::int64_t picks, int used, int count, int tile_rows,
                PickLists lists) {
  wait_for_previous_kernel();
  const PickCounts counts(count);
  counts.count_share(experts, picks);
  sync_block();
  counts.add_up(tile_rows);
  counts.cut_tiles(tile_rows, lists);
  counts.list_share(experts, picks, used, lists);
}

/// The larger of two candidates, ties to the lower index.
struct Candidate {
  float score;
  std::int32_t index;
};
__device__ inline Candidate better(Candidate a, Candidate b) {
  if (a.score != b.score) return a.score > b.score ? a : b;
  return a.index < b.index ? a : b;
}
__device__ inline Candidate best_of_warp(Candidate own) {
  for (int mask = 16; mask > 0; mask /= 2) {
    own = better(own, {exchange(own.score, mask), exchange(own.index, mask)});
  }
  return own;
}
__device__ inline float sum_of_warp(float value) {
  for (int mask = 16; mask > 0; mask /= 2) value += exchange(value, mask);
  return value;
}

/// Only the best groups keep their scores: a group is as good as its two best experts together.
__device__ inline void mask_groups(float* scores, int experts, int groups, int used_groups,
                                   float* group_scores) {
  const int lane = static_cast<int>(threadIdx.x), size = experts / groups;
  for (int g = lane; g < groups; g += kWarp) {
    float first = -INFINITY, second = -INFINITY;
    for (int e = g * size; e < (g + 1) * size; ++e) {
      if (scores[e] > first) {
        second = first;
        first = scores[e];
      } else if (scores[e] > second) {
        second = scores[e];
      }
    }
    group_scores[g] = size > 1 ? first + second : first;
  }
  sync_warp();
  // A group stays if fewer than used_groups are better.
  for (int g = lane; g < groups; g += kWarp) {
    int ahead = 0;
    for (int other = 0; other < groups; ++other) {
      const bool wins = group_scores[other] > group_scores[g] ||
                        (group_scores[other] == group_scores[g] && other < g);
      ahead += wins ? 1 : 0;
    }
    if (ahead < used_groups) continue;
    for (int e = g * size; e < (g + 1) * size; ++e) scores[e] = -INFINITY;
  }
  sync_warp();
}

/// The weights of chosen experts become those of their results. One warp, which may change
/// `chosen`.
__device__ inline void weigh_chosen(const RouteParams& params, float* chosen, float* weights) {
  const int lane = static_cast<int>(threadIdx.x);
  // All lanes add up the same, in the order of the experts.
  const auto total_of_all = [&] {
    float total = 0.0f;
    for (int i = 0; i < params.used; ++i) total += chosen[i];
    sync_warp();
    return total;
  };
  if (params.gate == GateFunction::kSoftmaxAfterTopK) {
    const float most = chosen[0];
    sync_warp();
    for (int i = lane; i < params.used; i += kWarp) chosen[i] = expf(chosen[i] - most);
    sync_warp();
    const float total = total_of_all();
    for (int i = lane; i < params.used; i += kWarp) chosen[i] /= total;
    sync_warp();
  }
  // The least as in the CPU's route_row.
  const float divisor = params.normalise ? fmaxf(total_of_all(), 6.103515625e-5f) : 1.0f;
  for (int i = lane; i < params.used; i += kWarp) weights[i] = chosen[i] / divisor * params.scale;
}

/// Floats of launch memory that choose_experts takes.
constexpr std::size_t choice_floats(int experts, const RouteParams& params) {
  return std::size_t{2} * static_cast<unsigned>(experts) + static_cast<unsigned>(params.groups) +
         static_cast<unsigned>(params.used);
}

/// A warp a row.
__global__ void choose_experts(const float* logits, std::int64_t stride, int experts,
                               RouteParams params, Routing out) {
  wait_for_previous_kernel();
  auto* probabilities = reinterpret_cast<float*>(launch_memory());
  float *scores = probabilities + experts, *group_scores = scores + experts;
  float* chosen = group_scores + params.groups;  // the weights of those that are
  const std::int64_t row = blockIdx.x;
  const int lane = static_cast<int>(threadIdx.x);
  const float* from = logits + row * stride;
  float largest = -INFINITY;
  for (int e = lane; e < experts; e += kWarp) largest = fmaxf(largest, from[e]);
  for (int mask = 16; mask > 0; mask /= 2) largest = fmaxf(largest, exchange(largest, mask));
  float sum = 0.0f;
  for (int e = lane; e < experts; e += kWarp) {
    float value = from[e];
    if (params.gate == GateFunction::kSoftmax) value = expf(value - largest);
    if (params.gate == GateFunction::kSigmoid) value = 1.0f / (1.0f + expf(-value));
    if (params.gate == GateFunction::kSquareRootOfSoftplus) {
      value = sqrtf(fmaxf(value, 0.0f) + log1pf(expf(-fabsf(value))));
    }
    probabilities[e] = value;
    sum += value;
  }
  sum = sum_of_warp(sum);
  for (int e = lane; e < experts; e += kWarp) {
    if (params.gate == GateFunction::kSoftmax) probabilities[e] /= sum;
    scores[e] = probabilities[e] + (params.selection_bias ? params.selection_bias[e] : 0.0f);
  }
  sync_warp();
  if (params.groups > 1 && params.used_groups < params.groups) {
    mask_groups(scores, experts, params.groups, params.used_groups, group_scores);
  }
  std::int32_t* ids = out.experts + row * out.used;
  for (int i = lane; i < params.used && params.given; i += kWarp) chosen[i] = probabilities[ids[i]];
  for (int i = 0; i < params.used && !params.given; ++i) {
    Candidate own{-INFINITY, experts};
    for (int e = lane; e < experts; e += kWarp) {
      // What was taken is NaN, which is never better.
      if (scores[e] == scores[e]) own = better(own, {scores[e], e});
    }
    own = best_of_warp(own);
    sync_warp();  // the scores were read
    if (lane == 0) {
      const std::int32_t expert = own.index < experts ? own.index : 0;
      ids[i] = expert;
      chosen[i] = probabilities[expert];
      scores[expert] = NAN;
    }
    sync_warp();
  }
  sync_warp();
  weigh_chosen(params, chosen, out.weights + row * out.used);
}

}  // namespace linnet::cuda
