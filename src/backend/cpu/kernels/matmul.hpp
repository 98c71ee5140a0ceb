#pragma once

#include <algorithm>
#include <array>

#include "backend/cpu/kernels/elementwise.hpp"
#include "backend/cpu/kernels/float_matmul.hpp"
#include "backend/cpu/kernels/int16_matmul.hpp"
#include "backend/cpu/kernels/integer_matmul.hpp"
#include "formats/all.hpp"

// Included inside a region that is compiled for an instruction set: see isa_*.cpp.

namespace linnet::cpu {

using MultiplyKernel = void (*)(const StripRun& run, const Activations& activations,
                                const std::int32_t* rows, std::int64_t count, float* out);

/// The kernel of each type of integer weights, compiled for its layout.
template <class S>
constexpr auto integer_kernels() {
  struct Entry {
    TensorType type;
    MultiplyKernel multiply;
  };
  std::array<Entry, formats::kQuantisedCount> all{};
  std::size_t i = 0;
  formats::for_each_quantised([&]<class T>() {
    all[i++] = {T::type, multiply_integer_strips<S, layout_of<T>()>};
  });
  return all;
}

/// Kernels::multiply.
template <class S>
void multiply(const StripRun& run, const Activations& activations, const std::int32_t* rows,
              std::int64_t count, float* out) {
  static constexpr auto kIntegerKernels = integer_kernels<S>();
  for (std::int64_t i = 0; i < count * run.strips * kLanes; i += kLanes) {
    S::store(out + i, S::set(0.0f));
  }
  switch (run.layout.codes) {
    case Codes::kFloat32:
      return multiply_float_strips<S>(run, activations, rows, count, out);
    case Codes::kInt16:
      return multiply_int16_strips<S>(run, activations, rows, count, out);
    case Codes::kIntegers:
      for (const auto& kernel : kIntegerKernels) {
        if (kernel.type == run.layout.type) {
          return kernel.multiply(run, activations, rows, count, out);
        }
      }
  }
}

template <class S>
void finish_row(const float* products, std::int64_t outputs, const Epilogue& epilogue, float* out) {
  const auto scale = S::set(epilogue.scale);
  for (std::int64_t i = 0; i < outputs; i += 16) {
    const std::int64_t lanes = std::min<std::int64_t>(16, outputs - i);
    auto value = S::mul(S::load(products + i), scale);
    if (epilogue.bias) value = S::add(value, load_some<S>(epilogue.bias + i, lanes));
    if (epilogue.combine != Combine::kReplace) {
      const auto old = load_some<S>(out + i, lanes);
      value = epilogue.combine == Combine::kAdd ? S::add(old, value)
                                                : gate<S>(value, old, epilogue.activation);
    }
    store_some<S>(out + i, value, lanes);
  }
}

/// Kernels::finish.
template <class S>
void finish(const float* products, std::int64_t stride, std::int64_t outputs,
            const Epilogue& epilogue, float* const* out, std::int64_t count) {
  // Each row is a page of its own, so that nothing but this asks for them ahead.
  constexpr std::int64_t kAhead = 16;
  for (std::int64_t row = 0; row < count; ++row) {
    const float* ahead = out[std::min(row + kAhead, count - 1)];
    for (std::int64_t i = 0; i < outputs; i += 16) __builtin_prefetch(ahead + i, 1);
    finish_row<S>(products + row * stride, outputs, epilogue, out[row]);
  }
}

}  // namespace linnet::cpu
