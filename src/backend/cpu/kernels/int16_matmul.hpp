#pragma once

#include <algorithm>

#include "backend/cpu/kernels/kernels.hpp"
#include "backend/cpu/kernels/panel.hpp"
#include "backend/cpu/kernels/tiles.hpp"

// Included inside a region that is compiled for an instruction set: see isa_*.cpp.

namespace linnet::cpu {

/// A panel of each of kStrips strips, straight from the packed weights, the activation rows that it
/// is multiplied with and where their sums stand, `out_stride` floats from a row to the next.
template <int kStrips>
struct Int16Task {
  const std::uint8_t* panels[kStrips];
  std::int64_t index;  ///< of the panel
  std::int64_t inputs;
  const Activations& activations;
  const std::int32_t* rows;
  float* out;
  std::int64_t out_stride;
};

/// dot = the sums of the products of the codes of block `b`, which fit 32 bits.
template <class S, bool kAhead, int kStrips, int kRows>
[[gnu::always_inline]] inline void multiply_int16_block(const Int16Task<kStrips>& task,
                                                        std::int64_t b,
                                                        const Int16Panel* const (&rows)[kRows],
                                                        typename S::Int (&dot)[kRows][kStrips]) {
  constexpr int kPairs = kBlock / 2;
  const std::int64_t block = int16_codes_at(task.inputs) + b * kPairs * 64;
#pragma GCC unroll 16
  for (int pair = 0; pair < kPairs; ++pair) {
    typename S::Bytes weights[kStrips];
#pragma GCC unroll 2
    for (int s = 0; s < kStrips; ++s) {
      const std::uint8_t* from = task.panels[s] + block + 64 * pair;
      weights[s] = S::load_bytes(from);
      if constexpr (kAhead) __builtin_prefetch(from + kPrefetchBytes);
    }
#pragma GCC unroll 8
    for (int t = 0; t < kRows; ++t) {
      const auto two = S::load_two(rows[t]->codes + kBlock * b + 2 * pair);
#pragma GCC unroll 2
      for (int s = 0; s < kStrips; ++s) S::add_pairs(dot[t][s], weights[s], two);
    }
  }
}

/// Adds the products of a panel with the kRows activation rows from `first` on to their sums: for
/// each block, in order, out += scale * (the sum of the products of its codes * weight scale),
/// if `scale` is that of the activations.
template <class S, bool kAhead, int kStrips, int kRows>
void multiply_int16(const Int16Task<kStrips>& task, std::int64_t first) {
  const Int16Panel* rows[kRows];
  typename S::Float total[kRows][kStrips];
  float* out = task.out + first * task.out_stride;
#pragma GCC unroll 8
  for (int t = 0; t < kRows; ++t) {
    rows[t] = &task.activations.int16_panel(task.index, task.rows[first + t]);
#pragma GCC unroll 2
    for (int s = 0; s < kStrips; ++s) {
      total[t][s] = S::load(out + t * task.out_stride + s * kLanes);
    }
  }
  if constexpr (kAhead) {
    for (int s = 0; s < kStrips; ++s) {
      prefetch<int16_codes_at(kPanel)>(task.panels[s] + kPrefetchBytes);
    }
  }
  const std::int64_t blocks = int16_blocks(task.inputs);
  for (std::int64_t b = 0; b < blocks; ++b) {
    typename S::Int dot[kRows][kStrips];
#pragma GCC unroll 8
    for (int t = 0; t < kRows; ++t) {
#pragma GCC unroll 2
      for (int s = 0; s < kStrips; ++s) dot[t][s] = S::no_pairs();
    }
    multiply_int16_block<S, kAhead>(task, b, rows, dot);
#pragma GCC unroll 2
    for (int s = 0; s < kStrips; ++s) {
      const auto scale = S::load_bits(task.panels[s] + b * kLanes, 23);
#pragma GCC unroll 8
      for (int t = 0; t < kRows; ++t) {
        const auto product = S::mul(S::to_float(dot[t][s]), scale);
        total[t][s] = S::fma(product, S::set(rows[t]->scales[b]), total[t][s]);
      }
    }
  }
#pragma GCC unroll 8
  for (int t = 0; t < kRows; ++t) {
#pragma GCC unroll 2
    for (int s = 0; s < kStrips; ++s) {
      S::store(out + t * task.out_stride + s * kLanes, total[t][s]);
    }
  }
}

/// The first tile of a panel asks ahead for the next panel, as weights go by once.
template <class S, int kStrips>
struct Int16Tile {
  const Int16Task<kStrips>& task;
  template <int kRows>
  void operator()(std::int64_t first) const {
    if (first == 0) {
      multiply_int16<S, true, kStrips, kRows>(task, first);
    } else {
      multiply_int16<S, false, kStrips, kRows>(task, first);
    }
  }
};

/// Multiplies the strips of a run from the one at `strips` on with all rows.
template <class S, int kRows, int kStrips>
void multiply_int16_panels(const StripRun& run, const std::uint8_t* strips,
                           const Activations& activations, const std::int32_t* rows,
                           std::int64_t count, float* out) {
  for (std::int64_t first = 0; first < activations.columns; first += kPanel) {
    const std::int64_t inputs = std::min(kPanel, activations.columns - first);
    Int16Task<kStrips> task{{},  first / kPanel,     inputs, activations, rows,
                            out, run.strips * kLanes};
    for (int s = 0; s < kStrips; ++s) task.panels[s] = strips + s * run.strip_bytes;
    strips += int16_panel_bytes(inputs);
    for_tiles<kRows>(count, Int16Tile<S, kStrips>{task});
  }
}

/// Kernels::multiply for 16-bit codes.
template <class S>
void multiply_int16_strips(const StripRun& run, const Activations& activations,
                           const std::int32_t* rows, std::int64_t count, float* out) {
  if (count > S::kPackedRows && run.strips == S::kTileStrips) {
    return multiply_int16_panels<S, S::kTileRows, S::kTileStrips>(run, run.bytes, activations, rows,
                                                                  count, out);
  }
  for (int s = 0; s < run.strips; ++s) {  // few rows: one stream of memory
    multiply_int16_panels<S, S::kTileRows, 1>(run, run.bytes + s * run.strip_bytes, activations,
                                              rows, count, out + s * kLanes);
  }
}

}  // namespace linnet::cpu
