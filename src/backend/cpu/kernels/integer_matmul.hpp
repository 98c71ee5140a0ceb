#pragma once

#include <algorithm>

#include "backend/cpu/kernels/integer_rows.hpp"
#include "backend/cpu/kernels/integer_tiles.hpp"
#include "backend/cpu/kernels/kernels.hpp"
#include "backend/cpu/kernels/panel.hpp"
#include "backend/cpu/kernels/tiles.hpp"

// Included inside a region that is compiled for an instruction set: see isa_*.cpp.

namespace linnet::cpu {

/// What a tile of a panel works on: kStrips strips of weights and the activation rows at `rows`.
template <int kStrips>
struct IntegerTask {
  const IntegerPanel* panels;  ///< [kStrips]
  std::int64_t index;          ///< of the panel
  std::int64_t blocks;
  int offset;  ///< of the codes, as far as dot() does not take it off
  const Activations& activations;
};

/// The activation rows of a tile and its sums.
template <class S, int kStrips, int kRows>
struct IntegerSums {
  const ActivationPanel* panels[kRows];
  /// For each group of a block, -offset * the sum of the activation codes. Formats with minimums
  /// have no offset.
  alignas(64) std::int32_t starts[kRows][2 * kPanelBlocks];
  typename S::Float total[kRows][kStrips];
};

template <class S, int kGroups, bool kMinimum, int kStrips, int kRows>
[[gnu::always_inline]] inline void begin_tile(const IntegerTask<kStrips>& task,
                                              const std::int32_t* rows, const float* out,
                                              IntegerSums<S, kStrips, kRows>& tile) {
#pragma GCC unroll 8
  for (int t = 0; t < kRows; ++t) {
    const ActivationPanel& panel = task.activations.panel(task.index, rows[t]);
    tile.panels[t] = &panel;
    if constexpr (!kMinimum) {
      for (int g = 0; g < kGroups * kPanelBlocks; ++g) {
        tile.starts[t][g] = -task.offset * group_sum<kGroups>(panel, g / kGroups, g % kGroups);
      }
    }
#pragma GCC unroll 2
    for (int s = 0; s < kStrips; ++s) tile.total[t][s] = S::load(out + (t * kStrips + s) * kLanes);
  }
}

/// product = (the sum of (code - offset) * activation code over a group of block b) * its scale, or
/// added to what the product holds if it is not the block's first group.
template <class S, int kGroups, int kGroup, bool kMinimum, int kKind, int kStrips, int kRows>
[[gnu::always_inline]] inline void multiply_group(const IntegerTask<kStrips>& task, std::int64_t b,
                                                  const IntegerSums<S, kStrips, kRows>& tile,
                                                  typename S::Float (&product)[kRows][kStrips]) {
  constexpr int kQuads = 8 / kGroups;
  typename S::Dot dot[kRows][kStrips];
#pragma GCC unroll 8
  for (int t = 0; t < kRows; ++t) {
    const auto start =
        S::template begin_dot<1>(kMinimum ? 0 : tile.starts[t][kGroups * b + kGroup]);
#pragma GCC unroll 2
    for (int s = 0; s < kStrips; ++s) dot[t][s] = start;
  }
#pragma GCC unroll 8
  for (int q = 0; q < kQuads; ++q) {
    const int quad = kGroup * kQuads + q;
    typename S::Bytes weights[kStrips];
#pragma GCC unroll 2
    for (int s = 0; s < kStrips; ++s) {
      weights[s] = S::load_bytes(task.panels[s].codes + 512 * b + 64 * quad);
    }
#pragma GCC unroll 8
    for (int t = 0; t < kRows; ++t) {
      const auto four = S::load_four(tile.panels[t]->codes + kBlock * b + 4 * quad);
#pragma GCC unroll 2
      for (int s = 0; s < kStrips; ++s) {
        S::template dot<kKind, kQuads>(dot[t][s], weights[s], four, q);
      }
    }
  }
#pragma GCC unroll 2
  for (int s = 0; s < kStrips; ++s) {
    const auto scale = S::load(task.panels[s].scales + (b * kGroups + kGroup) * kLanes);
#pragma GCC unroll 8
    for (int t = 0; t < kRows; ++t) {
      const auto d = S::to_float(dot[t][s]);
      product[t][s] = kGroup == 0 ? S::mul(d, scale) : S::fma(d, scale, product[t][s]);
    }
  }
}

/// total -= activation scale * sum of the activation codes of a group * its minimum
template <class S, int kGroups, int kStrips, int kRows>
[[gnu::always_inline]] inline void subtract_minimums(const IntegerTask<kStrips>& task,
                                                     std::int64_t b, int group,
                                                     IntegerSums<S, kStrips, kRows>& tile) {
  typename S::Float minimum[kStrips];
#pragma GCC unroll 2
  for (int s = 0; s < kStrips; ++s) {
    minimum[s] = S::load(task.panels[s].minimums + (b * kGroups + group) * kLanes);
  }
#pragma GCC unroll 8
  for (int t = 0; t < kRows; ++t) {
    const auto shift = S::set(group_shift<kGroups>(*tile.panels[t], b, group));
#pragma GCC unroll 2
    for (int s = 0; s < kStrips; ++s) {
      tile.total[t][s] = S::fma(shift, minimum[s], tile.total[t][s]);
    }
  }
}

/// Adds the products of a panel with kRows activation rows to `out`, [kRows][kStrips][16 rows]. For
/// each block, in order, with d_g the sum of (code - offset) * activation code over group g:
///     out += scale * (d_0 * scale_0 [+ d_1 * scale_1])
///     out -= scale * sum_0 * minimum_0, [out -= scale * sum_1 * minimum_1]
/// where `scale` and `sum` are those of the activations.
template <class S, int kGroups, bool kMinimum, int kKind, int kStrips, int kRows>
void multiply_integers(const IntegerTask<kStrips>& task, const std::int32_t* rows, float* out) {
  IntegerSums<S, kStrips, kRows> tile;
  begin_tile<S, kGroups, kMinimum>(task, rows, out, tile);
  for (std::int64_t b = 0; b < task.blocks; ++b) {
    typename S::Float product[kRows][kStrips];
    multiply_group<S, kGroups, 0, kMinimum, kKind>(task, b, tile, product);
    if constexpr (kGroups == 2)
      multiply_group<S, kGroups, 1, kMinimum, kKind>(task, b, tile, product);
#pragma GCC unroll 8
    for (int t = 0; t < kRows; ++t) {
      const auto scale = S::set(tile.panels[t]->scales[b]);
#pragma GCC unroll 2
      for (int s = 0; s < kStrips; ++s) {
        tile.total[t][s] = S::fma(product[t][s], scale, tile.total[t][s]);
      }
    }
    if constexpr (kMinimum) {
      subtract_minimums<S, kGroups>(task, b, 0, tile);
      if constexpr (kGroups == 2) subtract_minimums<S, kGroups>(task, b, 1, tile);
    }
  }
#pragma GCC unroll 8
  for (int t = 0; t < kRows; ++t) {
#pragma GCC unroll 2
    for (int s = 0; s < kStrips; ++s) S::store(out + (t * kStrips + s) * kLanes, tile.total[t][s]);
  }
}

// Function objects rather than lambdas, because GCC does not compile lambdas for the region's
// instruction set.
template <class S, int kGroups, bool kMinimum, int kKind, int kStrips>
struct IntegerTile {
  const IntegerTask<kStrips>& task;
  const std::int32_t* rows;
  float* out;
  template <int kRows>
  void operator()(std::int64_t first) const {
    multiply_integers<S, kGroups, kMinimum, kKind, kStrips, kRows>(task, rows + first,
                                                                   out + first * kStrips * kLanes);
  }
};

template <class S, Layout kLayout, int kStrips>
void multiply_integer_tiles(const StripRun& run, const Activations& activations,
                            const std::int32_t* rows, std::int64_t count, float* out) {
  static_assert(!kLayout.has_minimum || kDotOffset<S, kLayout> == 0);
  using Tile = IntegerTile<S, kLayout.groups_per_block(), kLayout.has_minimum, kDotKind<S, kLayout>,
                           kStrips>;
  IntegerPanel panels[kStrips];
  const std::uint8_t* packed = run.bytes;
  for (std::int64_t first = 0; first < activations.columns; first += kPanel) {
    const std::int64_t inputs = std::min(kPanel, activations.columns - first);
    for (int s = 0; s < kStrips; ++s) {
      unpack_panel<S, kLayout>(packed + s * run.strip_bytes, inputs, panels[s]);
    }
    packed += run.layout.panel_bytes(inputs);
    const IntegerTask<kStrips> task{panels, first / kPanel, inputs / kBlock, kDotOffset<S, kLayout>,
                                    activations};
    for_tiles<S::kTileRows>(count, Tile{task, rows, out});
  }
}

/// Kernels::multiply for integer weights.
template <class S, Layout kLayout>
void multiply_integer_strips(const StripRun& run, const Activations& activations,
                             const std::int32_t* rows, std::int64_t count, float* out) {
  if (count <= S::kPackedRows) {
    // As fast as the weights come: one strip after the other is one stream of memory, which the
    // hardware fetches ahead.
    for (int s = 0; s < run.strips; ++s) {
      multiply_packed_rows<S, kLayout>({run.bytes + s * run.strip_bytes, activations, rows, count,
                                        out + s * kLanes, run.strips * kLanes});
    }
  } else if constexpr (S::kHasTileRegisters) {
    multiply_strips_by_tiles<S, kLayout>(run, activations, rows, count, out);
  } else if (run.strips == S::kTileStrips) {
    multiply_integer_tiles<S, kLayout, S::kTileStrips>(run, activations, rows, count, out);
  } else {
    multiply_integer_tiles<S, kLayout, 1>(run, activations, rows, count, out);
  }
}

}  // namespace linnet::cpu
