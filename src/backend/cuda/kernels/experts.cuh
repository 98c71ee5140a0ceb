#pragma once

#include "backend/backend.hpp"
#include "backend/cuda/kernels/products.cuh"

namespace linnet::cuda {

inline constexpr int kGroupThreads = 1024;

/// Where each expert's picks begin becomes the tiles; one thread.
__device__ inline void cut_tiles(std::int32_t* offsets, int count, int tile_rows,
                                 const PickLists& lists) {
  std::int32_t before = 0;
  for (int e = 0; e < count; ++e) offsets[e + 1] = before += offsets[e + 1];
  int tile = 0;
  for (int e = 0; e < count; ++e) {
    for (std::int32_t at = offsets[e]; at < offsets[e + 1]; at += tile_rows) {
      const std::int32_t rest = offsets[e + 1] - at;
      lists.slices[tile] = e;
      lists.firsts[tile] = at;
      lists.counts[tile++] = rest < tile_rows ? rest : tile_rows;
    }
  }
  for (; tile < lists.tiles; ++tile) lists.counts[tile] = 0;
}

/// Calls visit(votes, pick, mine) for 32 picks at a time: those of expert `expert`, a bit each, and
/// whether the lane's own is one. Several reads are under way at a time.
template <class Visit>
__device__ inline void visit_picks(const std::int32_t* experts, std::int64_t picks, int expert,
                                   Visit visit) {
  constexpr int kAhead = 8;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  for (std::int64_t first = lane; first - lane < picks; first += kAhead * kWarp) {
    std::int32_t read[kAhead];
#pragma unroll
    for (int i = 0; i < kAhead; ++i) {
      const std::int64_t pick = first + i * kWarp;
      read[i] = pick < picks ? experts[pick] : -1;
    }
#pragma unroll
    for (int i = 0; i < kAhead; ++i) {
      const bool mine = read[i] == expert;
      visit(vote(mine), first + i * kWarp, mine);
    }
  }
}

/// Keeps the order of the picks of an expert, so that results do not depend on timing: a warp takes
/// an expert and walks through all picks. One thread block; launch memory: count + 1 numbers.
__global__ void __launch_bounds__(kGroupThreads)
    group_picks(const std::int32_t* experts, std::int64_t picks, int used, int count, int tile_rows,
                PickLists lists) {
  wait_for_previous_kernel();
  auto* offsets = reinterpret_cast<std::int32_t*>(launch_memory());
  const int warp = static_cast<int>(threadIdx.x) / kWarp, warps = kGroupThreads / kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  if (threadIdx.x == 0) offsets[0] = 0;
  for (int e = warp; e < count; e += warps) {
    int own = 0;
    visit_picks(experts, picks, e,
                [&](std::uint32_t all, std::int64_t, bool) { own += count_bits(all); });
    if (lane == 0) offsets[e + 1] = own;
  }
  sync_block();
  if (threadIdx.x == 0) cut_tiles(offsets, count, tile_rows, lists);
  sync_block();
  for (int e = warp; e < count; e += warps) {
    std::int32_t to = offsets[e];
    visit_picks(experts, picks, e, [&](std::uint32_t all, std::int64_t pick, bool mine) {
      if (mine) {
        const std::int32_t at = to + count_bits(all & ((1u << lane) - 1));
        lists.picks[at] = static_cast<std::int32_t>(pick);
        lists.rows[at] = static_cast<std::int32_t>(pick / used);
      }
      to += count_bits(all);
    });
  }
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

/// A warp a row; launch memory: 2 * experts + groups floats.
__global__ void choose_experts(const float* logits, std::int64_t stride, int experts,
                               RouteParams params, Routing out) {
  wait_for_previous_kernel();
  auto* probabilities = reinterpret_cast<float*>(launch_memory());
  float* scores = probabilities + experts;
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
    mask_groups(scores, experts, params.groups, params.used_groups, scores + experts);
  }
  std::int32_t* ids = out.experts + row * out.used;
  float* weights = out.weights + row * out.used;
  for (int i = lane; i < params.used && params.given; i += kWarp)
    weights[i] = probabilities[ids[i]];
  sync_warp();
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
      weights[i] = probabilities[expert];
      scores[expert] = NAN;
    }
    sync_warp();
  }
  if (lane != 0) return;
  float divisor = 1.0f;
  if (params.gate == GateFunction::kSoftmaxAfterTopK) {
    float total = 0.0f;
    const float most = weights[0];
    for (int i = 0; i < params.used; ++i) total += weights[i] = expf(weights[i] - most);
    for (int i = 0; i < params.used; ++i) weights[i] /= total;
  }
  if (params.normalise) {
    float total = 0.0f;
    for (int i = 0; i < params.used; ++i) total += weights[i];
    divisor = fmaxf(total, 6.103515625e-5f);  // as the CPU's route_row
  }
  for (int i = 0; i < params.used; ++i) weights[i] = weights[i] / divisor * params.scale;
}

}  // namespace linnet::cuda
