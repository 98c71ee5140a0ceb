#pragma once

#include "backend/cpu/kernels/kernels.hpp"
#include "backend/cpu/kernels/tiles.hpp"

// Included inside a region that is compiled for an instruction set: see isa_*.cpp.

namespace linnet::cpu {

/// Inputs of a panel of floats, which must stay in the first cache.
inline constexpr std::int64_t kFloatPanel = 128;

template <int kStrips>
struct FloatTask {
  const float* panels[kStrips];  ///< [inputs][16 rows]
  std::int64_t first, inputs;    ///< of the activations
  const Activations& activations;
};

/// Adds the products of a panel with kRows activation rows to `out`, [kRows][kStrips][16 rows]. The
/// sum of a panel is added as one, which keeps the rounding error of long rows small.
template <class S, int kStrips, int kRows>
void multiply_floats(const FloatTask<kStrips>& task, const std::int32_t* rows, float* out) {
  using F = typename S::Float;
  const float* x[kRows];
  F sums[kRows][kStrips];
#pragma GCC unroll 8
  for (int t = 0; t < kRows; ++t) {
    x[t] = task.activations.values + rows[t] * task.activations.stride + task.first;
#pragma GCC unroll 2
    for (int s = 0; s < kStrips; ++s) sums[t][s] = S::set(0.0f);
  }
  for (std::int64_t i = 0; i < task.inputs; ++i) {
    F weights[kStrips];
#pragma GCC unroll 2
    for (int s = 0; s < kStrips; ++s) weights[s] = S::load(task.panels[s] + i * kLanes);
#pragma GCC unroll 8
    for (int t = 0; t < kRows; ++t) {
      const F value = S::set(x[t][i]);
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

/// `inputs` inputs of a strip as floats: where they stand, or unpacked to `out`.
template <class S, Codes kCodes>
const float* unpack_floats(const std::uint8_t* strip, std::int64_t first, std::int64_t inputs,
                           float* out) {
  if constexpr (kCodes == Codes::kFloat32) {
    return reinterpret_cast<const float*>(strip) + first * kLanes;
  } else {
    const auto* halves = reinterpret_cast<const std::uint16_t*>(strip) + first * kLanes;
    for (std::int64_t i = 0; i < inputs * kLanes; i += kLanes) {
      S::store(out + i,
               kCodes == Codes::kHalf ? S::load_half(halves + i) : S::load_bfloat16(halves + i));
    }
    return out;
  }
}

template <class S, Codes kCodes, int kStrips>
void multiply_float_tiles(const StripRun& run, const Activations& activations,
                          const std::int32_t* rows, std::int64_t count, float* out) {
  alignas(64) float unpacked[kStrips][kFloatPanel * kLanes];
  for (std::int64_t first = 0; first < activations.columns; first += kFloatPanel) {
    const std::int64_t rest = activations.columns - first;
    FloatTask<kStrips> task{{}, first, rest < kFloatPanel ? rest : kFloatPanel, activations};
    for (int s = 0; s < kStrips; ++s) {
      task.panels[s] = unpack_floats<S, kCodes>(run.bytes + s * run.strip_bytes, first, task.inputs,
                                                unpacked[s]);
    }
    for_tiles<S::kTileRows>(count, FloatTile<S, kStrips>{task, rows, out});
  }
}

/// Kernels::multiply for floats.
template <class S, Codes kCodes>
void multiply_float_strips(const StripRun& run, const Activations& activations,
                           const std::int32_t* rows, std::int64_t count, float* out) {
  if (count > 1 && run.strips == S::kTileStrips) {
    return multiply_float_tiles<S, kCodes, S::kTileStrips>(run, activations, rows, count, out);
  }
  for (int s = 0; s < run.strips; ++s) {  // one row: one stream of memory
    const StripRun strip{run.layout, run.bytes + s * run.strip_bytes, run.strip_bytes, 1};
    multiply_float_tiles<S, kCodes, 1>(strip, activations, rows, count, out + s * kLanes);
  }
}

}  // namespace linnet::cpu
