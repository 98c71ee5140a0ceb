#pragma once

#include <algorithm>

#include "backend/cpu/kernels/kernels.hpp"
#include "backend/cpu/kernels/panel.hpp"

// Included inside a region that is compiled for an instruction set: see isa_*.cpp.

namespace linnet::cpu {

template <class S, int kGroups>
std::int32_t group_sum(const std::int32_t* sums, std::int64_t block, int group) {
  return kGroups == 1 ? sums[2 * block] + sums[2 * block + 1] : sums[2 * block + group];
}

/// How S multiplies the codes of a layout, and what then is still to be taken from them.
template <class S, Layout kLayout>
inline constexpr int kDotKind = S::dot_kind(kLayout.largest_code);
template <class S, Layout kLayout>
inline constexpr int kDotOffset = kLayout.offset - S::dot_bias(kDotKind<S, kLayout>);

/// The products of a strip with one activation row, straight from the packed weights; the same
/// steps in the same order as multiply_integers().
template <class S, Layout kLayout>
void multiply_integer_row(const std::uint8_t* panel, const Activations& activations,
                          std::int32_t row, float* out) {
  using F = typename S::Float;
  constexpr int kGroups = kLayout.groups_per_block();
  constexpr int kQuads = 8 / kGroups;
  F total = S::set(0.0f);
  for (std::int64_t first = 0; first < activations.columns; first += kPanel) {
    const std::int64_t inputs = std::min(kPanel, activations.columns - first);
    const std::int8_t* codes = activations.codes_at(first / kPanel, row);
    const float* scales = activations.scales_at(first / kPanel, row);
    const std::int32_t* sums = activations.sums_at(first / kPanel, row);
    prefetch<kLayout.codes_at(kPanel)>(panel + kPrefetchBytes);
    const SuperScale<S> super = load_super_scale<S, kLayout>(panel, inputs);
    const std::uint8_t* minimums = panel + kLayout.minimums_at(inputs);
    const std::uint8_t* block = panel + kLayout.codes_at(inputs);
    for (std::int64_t b = 0; b < inputs / kBlock; ++b, block += kLayout.block_bytes()) {
      prefetch<kLayout.block_bytes()>(block + kPrefetchBytes);
      typename S::Bytes quads[8];
      unpack_block<S, kLayout>(block, quads);
      F product = S::set(0.0f);
#pragma GCC unroll 2
      for (int g = 0; g < kGroups; ++g) {
        auto dot = S::begin_dot(-kDotOffset<S, kLayout> * group_sum<S, kGroups>(sums, b, g));
#pragma GCC unroll 8
        for (int q = 0; q < kQuads; ++q) {
          const auto four = S::load_four(codes + kBlock * b + 4 * (g * kQuads + q));
          S::template dot<kDotKind<S, kLayout>, kQuads>(dot, quads[g * kQuads + q], four, q);
        }
        const std::int64_t at =
            (kBlock * b + 16 * g) / kLayout.group_inputs * kLayout.scale_bytes();
        const F scale = load_scale<S, kLayout>(panel + at, super.scale);
        const F d = S::to_float(dot);
        product = g == 0 ? S::mul(d, scale) : S::fma(d, scale, product);
      }
      total = S::fma(product, S::set(scales[b]), total);
      if constexpr (kLayout.has_minimum) {
#pragma GCC unroll 2
        for (int g = 0; g < kGroups; ++g) {
          const std::int64_t at =
              (kBlock * b + 16 * g) / kLayout.group_inputs * kLayout.scale_bytes();
          const auto sum = static_cast<float>(group_sum<S, kGroups>(sums, b, g));
          const F minimum = load_scale<S, kLayout>(minimums + at, super.minimum);
          total = S::fma(S::set(-scales[b] * sum), minimum, total);
        }
      }
    }
    panel = block;
  }
  S::store(out, total);
}

}  // namespace linnet::cpu
