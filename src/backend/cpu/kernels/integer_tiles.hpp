#pragma once

#include <algorithm>

#include "backend/cpu/kernels/integer_rows.hpp"
#include "backend/cpu/kernels/kernels.hpp"
#include "backend/cpu/kernels/panel.hpp"

// Included inside a region that is compiled for an instruction set: see isa_*.cpp.

namespace linnet::cpu {

/// The part of a panel that as many activation rows have as fit a tile register. With fewer, the
/// last one stands for those that are missing.
template <class S>
struct TileRows {
  static constexpr int kRows = S::Tiles::kRows;
  const ActivationPanel* panels[kRows];
  const std::int8_t* codes;  ///< of the rows, `stride` apart
  std::int64_t stride;
  alignas(64) std::int8_t gathered[kRows * kPanel];  ///< codes of rows that are no neighbours
};

template <class S>
void find_tile_rows(const Activations& activations, std::int64_t panel, const std::int32_t* rows,
                    std::int64_t count, TileRows<S>& tile) {
  bool neighbours = true;
  for (std::int64_t t = 0; t < tile.kRows; ++t) {
    tile.panels[t] = &activations.panel(panel, rows[std::min(t, count - 1)]);
    neighbours = neighbours && tile.panels[t] == tile.panels[0] + t;
  }
  tile.codes = neighbours ? tile.panels[0]->codes : tile.gathered;
  tile.stride = neighbours ? sizeof(ActivationPanel) : kPanel;
  if (neighbours) return;
  for (int t = 0; t < tile.kRows; ++t) {
    __builtin_memcpy(tile.gathered + t * kPanel, tile.panels[t]->codes, kPanel);
  }
}

/// Adds the products of a panel with `rows` to out[row], 16 floats each: the same steps in the same
/// order as multiply_integers(), but that the offset was taken from the codes before.
template <class S, int kGroups, bool kMinimum>
void multiply_tile(const typename S::Tiles& tiles, const IntegerPanel& panel, std::int64_t blocks,
                   const TileRows<S>& rows, float* const* out) {
  constexpr int kRows = TileRows<S>::kRows;
  constexpr std::int64_t kGroupInputs = kBlock / kGroups;
  typename S::Float total[kRows];
#pragma GCC unroll 16
  for (int t = 0; t < kRows; ++t) total[t] = S::load(out[t]);
  for (std::int64_t b = 0; b < blocks; ++b) {
    alignas(64) std::int32_t dots[kGroups][kRows * kLanes];
    typename S::Float scale[kGroups], minimum[kGroups];
#pragma GCC unroll 2
    for (int g = 0; g < kGroups; ++g) {
      const std::int64_t input = kBlock * b + kGroupInputs * g, group = kGroups * b + g;
      tiles.multiply(rows.codes + input, rows.stride, panel.codes + kLanes * input, dots[g]);
      scale[g] = S::load(panel.scales + kLanes * group);
      if constexpr (kMinimum) minimum[g] = S::load(panel.minimums + kLanes * group);
    }
#pragma GCC unroll 16
    for (int t = 0; t < kRows; ++t) {
      const ActivationPanel& row = *rows.panels[t];
      auto product = S::mul(S::to_float(S::load_dot(dots[0] + kLanes * t)), scale[0]);
      if constexpr (kGroups == 2) {
        product = S::fma(S::to_float(S::load_dot(dots[1] + kLanes * t)), scale[1], product);
      }
      total[t] = S::fma(product, S::set(row.scales[b]), total[t]);
      if constexpr (kMinimum) {
#pragma GCC unroll 2
        for (int g = 0; g < kGroups; ++g) {
          total[t] = S::fma(S::set(group_shift<kGroups>(row, b, g)), minimum[g], total[t]);
        }
      }
    }
  }
#pragma GCC unroll 16
  for (int t = 0; t < kRows; ++t) S::store(out[t], total[t]);
}

/// unpack_panel(), with the codes as signed numbers.
template <class S, Layout kLayout>
void unpack_signed_panel(const std::uint8_t* packed, std::int64_t inputs, IntegerPanel& panel) {
  static_assert(kLayout.largest_code - kLayout.offset < 128);
  unpack_panel<S, kLayout>(packed, inputs, panel);
  if constexpr (kLayout.offset != 0) {
    for (std::int64_t i = 0; i < inputs * kLanes; i += 64) {
      const auto codes = S::load_bytes(panel.codes + i);
      S::store_bytes(panel.unpacked + i, S::subtract_from_bytes(codes, kLayout.offset));
    }
    panel.codes = panel.unpacked;
  }
}

/// Kernels::multiply for integer weights and many rows, by tile registers.
template <class S, Layout kLayout>
void multiply_strips_by_tiles(const StripRun& run, const Activations& activations,
                              const std::int32_t* rows, std::int64_t count, float* out) {
  constexpr int kRows = TileRows<S>::kRows, kGroups = kLayout.groups_per_block();
  const typename S::Tiles tiles(kBlock / kGroups);
  IntegerPanel panels[S::kTileStrips];
  TileRows<S> tile;
  alignas(64) float missing[kLanes] = {};  // what becomes of the rows that are missing
  const std::uint8_t* packed = run.bytes;
  for (std::int64_t first = 0; first < activations.columns; first += kPanel) {
    const std::int64_t inputs = std::min(kPanel, activations.columns - first);
    for (int s = 0; s < run.strips; ++s) {
      unpack_signed_panel<S, kLayout>(packed + s * run.strip_bytes, inputs, panels[s]);
    }
    packed += run.layout.panel_bytes(inputs);
    for (std::int64_t row = 0; row < count; row += kRows) {
      find_tile_rows<S>(activations, first / kPanel, rows + row, count - row, tile);
      for (int s = 0; s < run.strips; ++s) {
        float* to[kRows];
        for (int t = 0; t < kRows; ++t) {
          to[t] = row + t < count ? out + ((row + t) * run.strips + s) * kLanes : missing;
        }
        multiply_tile<S, kGroups, kLayout.has_minimum>(tiles, panels[s], inputs / kBlock, tile, to);
      }
    }
  }
}

}  // namespace linnet::cpu
