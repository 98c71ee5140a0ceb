#pragma once

#include <algorithm>

#include "backend/cpu/kernels/kernels.hpp"
#include "backend/cpu/kernels/panel.hpp"

// Included inside a region that is compiled for an instruction set: see isa_*.cpp.

namespace linnet::cpu {

/// The sum of the activation codes of a group of block `b`.
template <int kGroups>
[[gnu::always_inline]] inline std::int32_t group_sum(const ActivationPanel& panel, std::int64_t b,
                                                     int group) {
  return kGroups == 1 ? panel.sums[b] : panel.half_sums[2 * b + group];
}

/// How S multiplies the codes of a layout, and what then is still to be taken from them.
template <class S, Layout kLayout>
inline constexpr int kDotKind = S::dot_kind(kLayout.largest_code);
template <class S, Layout kLayout>
inline constexpr int kDotOffset = kLayout.offset - S::dot_bias(kDotKind<S, kLayout>);

/// A block of a strip in registers.
template <class S, Layout kLayout>
struct BlockWeights {
  static constexpr int kGroups = kLayout.groups_per_block();
  typename S::Bytes quads[8];
  typename S::Float scales[kGroups], minimums[kGroups];
};

/// Block `b` of the panel at `panel`.
template <class S, Layout kLayout>
[[gnu::always_inline]] inline void load_block(const std::uint8_t* panel, std::int64_t inputs,
                                              std::int64_t b, const SuperScale<S>& super,
                                              BlockWeights<S, kLayout>& weights) {
  const std::uint8_t* block = panel + kLayout.codes_at(inputs) + b * kLayout.block_bytes();
  prefetch<kLayout.block_bytes()>(block + kPrefetchBytes);
  unpack_block<S, kLayout>(block, weights.quads);
#pragma GCC unroll 2
  for (int g = 0; g < weights.kGroups; ++g) {
    const std::int64_t group = (kBlock * b + 16 * g) / kLayout.group_inputs;
    const std::uint8_t* scale = panel + group * kLayout.scale_bytes();
    weights.scales[g] = load_scale<S, kLayout>(scale, super.scale);
    if constexpr (kLayout.has_minimum) {
      weights.minimums[g] =
          load_scale<S, kLayout>(scale + kLayout.minimums_at(inputs), super.minimum);
    }
  }
}

/// Adds the products of block `b` with an activation row to `total`.
template <class S, Layout kLayout>
[[gnu::always_inline]] inline void add_products(const BlockWeights<S, kLayout>& weights,
                                                const ActivationPanel& row, std::int64_t b,
                                                typename S::Float& total) {
  constexpr int kGroups = kLayout.groups_per_block(), kQuads = 8 / kGroups;
  typename S::Float product = S::set(0.0f);
#pragma GCC unroll 2
  for (int g = 0; g < kGroups; ++g) {
    auto dot = S::begin_dot(-kDotOffset<S, kLayout> * group_sum<kGroups>(row, b, g));
#pragma GCC unroll 8
    for (int q = 0; q < kQuads; ++q) {
      const auto four = S::load_four(row.codes + kBlock * b + 4 * (g * kQuads + q));
      S::template dot<kDotKind<S, kLayout>, kQuads>(dot, weights.quads[g * kQuads + q], four, q);
    }
    const auto d = S::to_float(dot);
    product = g == 0 ? S::mul(d, weights.scales[g]) : S::fma(d, weights.scales[g], product);
  }
  total = S::fma(product, S::set(row.scales[b]), total);
  if constexpr (kLayout.has_minimum) {
#pragma GCC unroll 2
    for (int g = 0; g < kGroups; ++g) {
      const auto sum = static_cast<float>(group_sum<kGroups>(row, b, g));
      total = S::fma(S::set(-row.scales[b] * sum), weights.minimums[g], total);
    }
  }
}

/// Multiplies a strip with few activation rows straight from the packed weights, to `out`,
/// `out_stride` floats from a row to the next: the same steps in the same order as
/// multiply_integers().
template <class S, Layout kLayout>
struct IntegerRows {
  const std::uint8_t* strip;
  const Activations& activations;
  const std::int32_t* rows;
  std::int64_t count;
  float* out;
  std::int64_t out_stride;

  /// With room for kRows >= count rows; those beyond `count` are computed in vain.
  template <int kRows>
  void multiply() const {
    typename S::Float total[kRows];
    std::int32_t ids[kRows];
#pragma GCC unroll 8
    for (int t = 0; t < kRows; ++t) {
      total[t] = S::set(0.0f);
      ids[t] = rows[t < count ? t : 0];
    }
    const std::uint8_t* panel = strip;
    for (std::int64_t first = 0; first < activations.columns; first += kPanel) {
      const std::int64_t inputs = std::min(kPanel, activations.columns - first);
      add_panel(panel, first / kPanel, inputs, ids, total);
      panel += kLayout.codes_at(inputs) + inputs / kBlock * kLayout.block_bytes();
    }
#pragma GCC unroll 8
    for (int t = 0; t < kRows; ++t) {
      if (t < count) S::store(out + t * out_stride, total[t]);
    }
  }

 private:
  template <int kRows>
  [[gnu::always_inline]] void add_panel(const std::uint8_t* panel, std::int64_t index,
                                        std::int64_t inputs, const std::int32_t (&ids)[kRows],
                                        typename S::Float (&total)[kRows]) const {
    prefetch<kLayout.codes_at(kPanel)>(panel + kPrefetchBytes);
    const SuperScale<S> super = load_super_scale<S, kLayout>(panel, inputs);
    for (std::int64_t b = 0; b < inputs / kBlock; ++b) {
      BlockWeights<S, kLayout> weights;
      load_block<S, kLayout>(panel, inputs, b, super, weights);
#pragma GCC unroll 8
      for (int t = 0; t < kRows; ++t) {
        add_products<S, kLayout>(weights, activations.panel(index, ids[t]), b, total[t]);
      }
    }
  }
};

/// IntegerRows::multiply() with as little room as there is: 1, 2, 4, 8 rows.
template <class S, Layout kLayout, int kRows = 1>
void multiply_packed_rows(const IntegerRows<S, kLayout>& task) {
  if constexpr (kRows < S::kPackedRows) {
    if (task.count > kRows) return multiply_packed_rows<S, kLayout, 2 * kRows>(task);
  }
  task.template multiply<kRows>();
}

}  // namespace linnet::cpu
