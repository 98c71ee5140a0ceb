#pragma once

#include "backend/cpu/kernels/kernels.hpp"
#include "backend/cpu/kernels/panel.hpp"
#include "backend/cpu/kernels/tiles.hpp"

// Included inside a region that is compiled for an instruction set: see isa_*.cpp.

namespace linnet::cpu {

/// Inputs of a panel of floats, which must stay in the first cache.
inline constexpr std::int64_t kFloatPanel = 128;

/// A panel of each of kStrips strips, and the rows that it is multiplied with.
template <int kStrips>
struct FloatTask {
  const float* panels[kStrips];
  std::int64_t inputs;
  const float* x;  ///< rows of activations from the panel's first input on
  std::int64_t stride;
};

/// Adds the products of a panel with kRows activation rows to `out`, [kRows][kStrips][16 rows]. The
/// sum of a panel is added as one, which keeps the rounding error of long rows small.
template <class S, int kStrips, int kRows>
void multiply_floats(const FloatTask<kStrips>& task, const std::int32_t* rows, float* out) {
  const float* x[kRows];
  typename S::Float sums[kRows][kStrips];
#pragma GCC unroll 8
  for (int t = 0; t < kRows; ++t) {
    x[t] = task.x + rows[t] * task.stride;
#pragma GCC unroll 2
    for (int s = 0; s < kStrips; ++s) sums[t][s] = S::set(0.0f);
  }
  for (std::int64_t i = 0; i < task.inputs; ++i) {
    typename S::Float weights[kStrips];
#pragma GCC unroll 2
    for (int s = 0; s < kStrips; ++s) {
      const float* from = task.panels[s] + i * kLanes;
      weights[s] = S::load(from);
      if constexpr (kRows == 1) __builtin_prefetch(from + kPrefetchBytes / sizeof(float));
    }
#pragma GCC unroll 8
    for (int t = 0; t < kRows; ++t) {
      const auto value = S::set(x[t][i]);
#pragma GCC unroll 2
      for (int s = 0; s < kStrips; ++s) sums[t][s] = S::fma(weights[s], value, sums[t][s]);
    }
  }
#pragma GCC unroll 8
  for (int t = 0; t < kRows; ++t) {
#pragma GCC unroll 2
    for (int s = 0; s < kStrips; ++s) {
      float* to = out + (t * kStrips + s) * kLanes;
      S::store(to, S::add(S::load(to), sums[t][s]));
    }
  }
}

template <class S, int kStrips>
struct FloatTile {
  const FloatTask<kStrips>& task;
  const std::int32_t* rows;
  float* out;
  template <int kRows>
  void operator()(std::int64_t first) const {
    multiply_floats<S, kStrips, kRows>(task, rows + first, out + first * kStrips * kLanes);
  }
};

/// The panels of a run go by one after the other.
template <class S, int kStrips>
void multiply_float_panels(const StripRun& run, const Activations& activations,
                           const std::int32_t* rows, std::int64_t count, float* out) {
  for (std::int64_t first = 0; first < activations.columns; first += kFloatPanel) {
    FloatTask<kStrips> task{{},
                            std::min(kFloatPanel, activations.columns - first),
                            activations.values + first,
                            activations.stride};
    for (int s = 0; s < kStrips; ++s) {
      const std::uint8_t* strip = run.bytes + s * run.strip_bytes;
      task.panels[s] = reinterpret_cast<const float*>(strip) + first * kLanes;
    }
    for_tiles<S::kTileRows>(count, FloatTile<S, kStrips>{task, rows, out});
  }
}

/// Kernels::multiply for floats.
template <class S>
void multiply_float_strips(const StripRun& run, const Activations& activations,
                           const std::int32_t* rows, std::int64_t count, float* out) {
  if (count > 1 && run.strips == S::kTileStrips) {
    return multiply_float_panels<S, S::kTileStrips>(run, activations, rows, count, out);
  }
  for (int s = 0; s < run.strips; ++s) {  // one row: one stream of memory
    const StripRun strip{run.layout, run.bytes + s * run.strip_bytes, run.strip_bytes, 1};
    multiply_float_panels<S, 1>(strip, activations, rows, count, out + s * kLanes);
  }
}

}  // namespace linnet::cpu
