#pragma once

#include "backend/cpu/kernels/kernels.hpp"
#include "backend/cpu/kernels/panel.hpp"
#include "backend/cpu/kernels/tiles.hpp"

// Included inside a region that is compiled for an instruction set: see isa_*.cpp.

namespace linnet::cpu {

/// Inputs of a panel of floats, which must stay in the first cache.
inline constexpr std::int64_t kFloatPanel = 128;

/// A row of values of the activations after the other, `stride` apart.
template <class Value>
struct FloatRows {
  const Value* values;
  std::int64_t stride;
};

// A step: the weights of a strip that are multiplied at a time, their bytes and inputs, how they
// are loaded and how their products are added to a sum.

template <class S>
struct Float32Step {
  static constexpr Codes kCodes = Codes::kFloat32;
  static constexpr std::int64_t kBytes = 4 * kLanes, kInputs = 1;
  using Weights = typename S::Float;
  using Value = float;
  static Weights load(const std::uint8_t* p) { return S::load(reinterpret_cast<const float*>(p)); }
  static typename S::Float add(typename S::Float sum, Weights weights, Value x) {
    return S::fma(weights, S::set(x), sum);
  }
};

template <class S>
struct HalfStep : Float32Step<S> {
  static constexpr Codes kCodes = Codes::kHalf;
  static constexpr std::int64_t kBytes = 2 * kLanes;
  static typename S::Float load(const std::uint8_t* p) {
    return S::load_half(reinterpret_cast<const std::uint16_t*>(p));
  }
};

/// Two inputs at a time, where there is an instruction for them.
template <class S>
struct Bfloat16Step {
  static constexpr Codes kCodes = Codes::kBfloat16;
  static constexpr std::int64_t kBytes = 4 * kLanes, kInputs = 2;
  using Weights = typename S::Bytes;
  using Value = std::uint32_t;
  static Weights load(const std::uint8_t* p) { return S::load_bytes(p); }
  static typename S::Float add(typename S::Float sum, Weights weights, Value x) {
    return S::dot_bfloat16(sum, weights, x);
  }
};

/// A panel of each of kStrips strips, and the rows that it is multiplied with.
template <class Step, int kStrips>
struct FloatTask {
  const std::uint8_t* panels[kStrips];
  std::int64_t steps;
  FloatRows<typename Step::Value> x;  ///< from the panel's first input on
};

/// Adds the products of a panel with kRows activation rows to `out`, [kRows][kStrips][16 rows]. The
/// sum of a panel is added as one, which keeps the rounding error of long rows small.
template <class S, class Step, int kStrips, int kRows>
void multiply_floats(const FloatTask<Step, kStrips>& task, const std::int32_t* rows, float* out) {
  const typename Step::Value* x[kRows];
  typename S::Float sums[kRows][kStrips];
#pragma GCC unroll 8
  for (int t = 0; t < kRows; ++t) {
    x[t] = task.x.values + rows[t] * task.x.stride;
#pragma GCC unroll 2
    for (int s = 0; s < kStrips; ++s) sums[t][s] = S::set(0.0f);
  }
  for (std::int64_t i = 0; i < task.steps; ++i) {
    typename Step::Weights weights[kStrips];
#pragma GCC unroll 2
    for (int s = 0; s < kStrips; ++s) {
      weights[s] = Step::load(task.panels[s] + i * Step::kBytes);
      if constexpr (kRows == 1) {
        __builtin_prefetch(task.panels[s] + i * Step::kBytes + kPrefetchBytes);
      }
    }
#pragma GCC unroll 8
    for (int t = 0; t < kRows; ++t) {
      const auto value = x[t][i];
#pragma GCC unroll 2
      for (int s = 0; s < kStrips; ++s) sums[t][s] = Step::add(sums[t][s], weights[s], value);
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

template <class S, class Step, int kStrips>
struct FloatTile {
  const FloatTask<Step, kStrips>& task;
  const std::int32_t* rows;
  float* out;
  template <int kRows>
  void operator()(std::int64_t first) const {
    multiply_floats<S, Step, kStrips, kRows>(task, rows + first, out + first * kStrips * kLanes);
  }
};

/// `inputs` inputs of a strip of 16-bit floats to `out`, [inputs][16 rows].
template <class S, Codes kCodes>
void unpack_floats(const std::uint8_t* from, std::int64_t inputs, float* out) {
  if constexpr (kCodes == Codes::kHalf) {
    for (std::int64_t i = 0; i < inputs; ++i) {
      S::store(out + i * kLanes, HalfStep<S>::load(from + i * HalfStep<S>::kBytes));
    }
  } else {
    for (std::int64_t i = 0; i < inputs; i += 2) {
      const std::uint8_t* pair = from + i * 2 * kLanes;
      S::store(out + i * kLanes, S::load_upper_halves(pair));
      S::store(out + (i + 1) * kLanes, S::load_lower_halves(pair));
    }
  }
}

/// The panels of a run go by one after the other, unpacked first where Step takes other weights.
template <class S, Codes kCodes, class Step, int kStrips>
void multiply_float_panels(const StripRun& run, std::int64_t columns,
                           FloatRows<typename Step::Value> x, const std::int32_t* rows,
                           std::int64_t count, float* out) {
  constexpr bool kUnpack = kCodes != Step::kCodes;
  alignas(64) float unpacked[kStrips][kUnpack ? kFloatPanel * kLanes : 1];
  for (std::int64_t first = 0; first < columns; first += kFloatPanel) {
    const std::int64_t inputs = columns - first < kFloatPanel ? columns - first : kFloatPanel;
    FloatTask<Step, kStrips> task{{}, (inputs + Step::kInputs - 1) / Step::kInputs, x};
    x.values += kFloatPanel / Step::kInputs;
    for (int s = 0; s < kStrips; ++s) {
      const std::uint8_t* strip = run.bytes + s * run.strip_bytes;
      if constexpr (kUnpack) {
        unpack_floats<S, kCodes>(strip + first * 2 * kLanes, inputs, unpacked[s]);
        task.panels[s] = reinterpret_cast<const std::uint8_t*>(unpacked[s]);
      } else {
        task.panels[s] = strip + first / Step::kInputs * Step::kBytes;
      }
    }
    for_tiles<S::kTileRows>(count, FloatTile<S, Step, kStrips>{task, rows, out});
  }
}

/// Kernels::multiply by steps of a kind for one row and for many.
template <class S, Codes kCodes, class OneRow, class ManyRows>
void multiply_floats_with(const StripRun& run, std::int64_t columns,
                          FloatRows<typename OneRow::Value> x, const std::int32_t* rows,
                          std::int64_t count, float* out) {
  if (count > 1 && run.strips == S::kTileStrips) {
    return multiply_float_panels<S, kCodes, ManyRows, S::kTileStrips>(run, columns, x, rows, count,
                                                                      out);
  }
  for (int s = 0; s < run.strips; ++s) {  // one row: one stream of memory
    const StripRun strip{run.layout, run.bytes + s * run.strip_bytes, run.strip_bytes, 1};
    float* to = out + s * kLanes;
    if (count == 1) {
      multiply_float_panels<S, kCodes, OneRow, 1>(strip, columns, x, rows, count, to);
    } else {
      multiply_float_panels<S, kCodes, ManyRows, 1>(strip, columns, x, rows, count, to);
    }
  }
}

/// Kernels::multiply for floats.
template <class S, Codes kCodes>
void multiply_float_strips(const StripRun& run, const Activations& activations,
                           const std::int32_t* rows, std::int64_t count, float* out) {
  const std::int64_t columns = activations.columns;
  using Floats = Float32Step<S>;
  if constexpr (kCodes != Codes::kBfloat16) {
    using OneRow = std::conditional_t<kCodes == Codes::kHalf, HalfStep<S>, Floats>;
    const FloatRows<float> x{activations.values, activations.stride};
    multiply_floats_with<S, kCodes, OneRow, Floats>(run, columns, x, rows, count, out);
  } else if constexpr (S::kHasBfloat16) {
    using Pairs = Bfloat16Step<S>;
    const FloatRows<std::uint32_t> x{activations.pairs, activations.row_pairs()};
    multiply_floats_with<S, kCodes, Pairs, Pairs>(run, columns, x, rows, count, out);
  } else {
    const FloatRows<float> x{activations.rounded, activations.columns};
    multiply_floats_with<S, kCodes, Floats, Floats>(run, columns, x, rows, count, out);
  }
}

}  // namespace linnet::cpu
