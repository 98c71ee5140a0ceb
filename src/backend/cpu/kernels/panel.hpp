#pragma once

#include "backend/cpu/kernels/kernels.hpp"

// Included inside a region that is compiled for an instruction set: see isa_*.cpp.

namespace linnet::cpu {

/// A panel of a strip of integer weights, unpacked: the same for all formats, so that one loop
/// multiplies them all.
struct IntegerPanel {
  /// [blocks][8 quads][16 rows][4] codes, which may stand in the packed weights themselves.
  const std::uint8_t* codes;
  alignas(64) std::uint8_t unpacked[kPanel * kLanes];
  alignas(64) float scales[kPanel / 16 * kLanes];    ///< [blocks][groups of a block][16 rows]
  alignas(64) float minimums[kPanel / 16 * kLanes];  ///< the same
};

/// Register `i` of a plane of kBits bits: the bits from kFrom on belong to quad i + kFrom. They are
/// added to its codes from bit kTo on.
template <class S, int kBits, int kTo, int kFrom = 0>
void unpack_register(typename S::Bytes bytes, int i, typename S::Bytes (&quads)[8]) {
  const auto bits = S::template move_bits<kFrom, kTo, kBits>(bytes);
  auto& quad = quads[i + kFrom];
  quad = kTo == 0 ? bits : S::or_bytes(quad, bits);
  if constexpr (kFrom + kBits < 8) unpack_register<S, kBits, kTo, kFrom + kBits>(bytes, i, quads);
}

template <class S, int kBits, int kTo>
void unpack_plane(const std::uint8_t* plane, typename S::Bytes (&quads)[8]) {
  for (int i = 0; i < kBits; ++i) {
    unpack_register<S, kBits, kTo>(S::load_bytes(plane + 64 * i), i, quads);
  }
}

template <class S, int kLow, int kHigh>
void unpack_codes(const Layout& layout, const std::uint8_t* panel, std::int64_t blocks,
                  std::uint8_t* out) {
  for (std::int64_t b = 0; b < blocks; ++b, panel += 64 * (kLow + kHigh), out += 512) {
    typename S::Bytes quads[8];
    unpack_plane<S, kLow, 0>(panel, quads);
    if constexpr (kHigh > 0) unpack_plane<S, kHigh, kLow>(panel + 64 * kLow, quads);
    for (int q = 0; q < 8; ++q) {
      if (kLow + kHigh <= 4 && layout.has_table) quads[q] = S::look_up(layout.table, quads[q]);
      S::store_bytes(out + 64 * q, quads[q]);
    }
  }
}

template <class S>
typename S::Float load_scale(ScaleKind kind, const std::uint8_t* from) {
  switch (kind) {
    case ScaleKind::kHalf:
      return S::load_half(reinterpret_cast<const std::uint16_t*>(from));
    case ScaleKind::kFloat32:
      return S::load(reinterpret_cast<const float*>(from));
    case ScaleKind::kPowerOfTwo:
      return S::mul(S::load_bits(from, 23), S::set(0.5f));
    case ScaleKind::kE4m3:
      return S::mul(S::load_bits(from, 20), S::set(0x1p119f));
    case ScaleKind::kSuper:
      return S::load_int8(reinterpret_cast<const std::int8_t*>(from));
  }
  return S::set(0.0f);
}

/// The scales (or minimums) of all blocks from those of all groups, times `super`.
template <class S>
void unpack_scales(const Layout& layout, const std::uint8_t* groups, typename S::Float super,
                   std::int64_t inputs, float* out) {
  const std::int64_t copies = layout.blocks_per_group();
  for (std::int64_t g = 0; g < inputs / layout.group_inputs; ++g) {
    auto scale = load_scale<S>(layout.scales, groups + g * layout.scale_bytes());
    if (layout.scales == ScaleKind::kSuper) scale = S::mul(super, scale);
    for (std::int64_t i = 0; i < copies; ++i, out += kLanes) S::store(out, scale);
  }
}

template <class S>
void unpack_panel(const Layout& layout, const std::uint8_t* packed, std::int64_t inputs,
                  IntegerPanel& panel) {
  const std::int64_t blocks = inputs / kBlock;
  panel.codes = layout.low_bits == 8 ? packed : panel.unpacked;
  switch (layout.low_bits * 10 + layout.high_bits) {
    case 10:
      unpack_codes<S, 1, 0>(layout, packed, blocks, panel.unpacked);
      break;
    case 20:
      unpack_codes<S, 2, 0>(layout, packed, blocks, panel.unpacked);
      break;
    case 21:
      unpack_codes<S, 2, 1>(layout, packed, blocks, panel.unpacked);
      break;
    case 40:
      unpack_codes<S, 4, 0>(layout, packed, blocks, panel.unpacked);
      break;
    case 41:
      unpack_codes<S, 4, 1>(layout, packed, blocks, panel.unpacked);
      break;
    case 42:
      unpack_codes<S, 4, 2>(layout, packed, blocks, panel.unpacked);
      break;
  }
  auto super_scale = S::set(1.0f), super_minimum = super_scale;
  if (layout.scales == ScaleKind::kSuper) {
    const auto* supers = reinterpret_cast<const std::uint16_t*>(packed + layout.supers_at(inputs));
    super_scale = S::mul(S::set(layout.scale_factor), S::load_half(supers));
    if (layout.has_minimum) super_minimum = S::load_half(supers + kLanes);
  }
  unpack_scales<S>(layout, packed + layout.scales_at(inputs), super_scale, inputs, panel.scales);
  if (layout.has_minimum) {
    unpack_scales<S>(layout, packed + layout.minimums_at(inputs), super_minimum, inputs,
                     panel.minimums);
  }
}

}  // namespace linnet::cpu
