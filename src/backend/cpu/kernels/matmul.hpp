#pragma once

#include "backend/cpu/kernels/float_matmul.hpp"
#include "backend/cpu/kernels/integer_matmul.hpp"

// Included inside a region that is compiled for an instruction set: see isa_*.cpp.

namespace linnet::cpu {

template <class S, int kStrips>
void multiply_strips(const StripRun& run, const Activations& activations, const std::int32_t* rows,
                     std::int64_t count, float* out) {
  for (std::int64_t i = 0; i < count * kStrips * kLanes; i += kLanes) {
    S::store(out + i, S::set(0.0f));
  }
  switch (run.layout.codes) {
    case Codes::kFloat32:
      return multiply_float_strips<S, Codes::kFloat32, kStrips>(run, activations, rows, count, out);
    case Codes::kHalf:
      return multiply_float_strips<S, Codes::kHalf, kStrips>(run, activations, rows, count, out);
    case Codes::kBfloat16:
      return multiply_float_strips<S, Codes::kBfloat16, kStrips>(run, activations, rows, count,
                                                                 out);
    case Codes::kIntegers:
      return multiply_integers_by_layout<S, kStrips>(run, activations, rows, count, out);
  }
}

/// Kernels::multiply.
template <class S>
void multiply(const StripRun& run, const Activations& activations, const std::int32_t* rows,
              std::int64_t count, float* out) {
  if (run.strips == 1) return multiply_strips<S, 1>(run, activations, rows, count, out);
  multiply_strips<S, S::kTileStrips>(run, activations, rows, count, out);
}

}  // namespace linnet::cpu
