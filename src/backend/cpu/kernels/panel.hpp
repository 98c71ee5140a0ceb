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

/// How far ahead of their use weights are asked for: there are too many instructions to a cache
/// line for the processor to look ahead as far as memory is away.
inline constexpr std::int64_t kPrefetchBytes = 8192;

/// Asks for kBytes bytes. Never faults, so that it may go beyond the end of the weights.
template <std::int64_t kBytes>
[[gnu::always_inline]] inline void prefetch(const std::uint8_t* from) {
#pragma GCC unroll 16
  for (std::int64_t at = 0; at < kBytes; at += 64) __builtin_prefetch(from + at);
}

/// Register `i` of a plane of kBits bits: the bits from kFrom on belong to quad i + kFrom. They are
/// added to its codes from bit kTo on.
template <class S, int kBits, int kTo, int kFrom = 0>
[[gnu::always_inline]] inline void unpack_register(typename S::Bytes bytes, int i,
                                                   typename S::Bytes (&quads)[8]) {
  const auto bits = S::template move_bits<kFrom, kTo, kBits>(bytes);
  auto& quad = quads[i + kFrom];
  quad = kTo == 0 ? bits : S::or_bytes(quad, bits);
  if constexpr (kFrom + kBits < 8) unpack_register<S, kBits, kTo, kFrom + kBits>(bytes, i, quads);
}

template <class S, int kBits, int kTo>
[[gnu::always_inline]] inline void unpack_plane(const std::uint8_t* plane,
                                                typename S::Bytes (&quads)[8]) {
#pragma GCC unroll 8
  for (int i = 0; i < kBits; ++i) {
    unpack_register<S, kBits, kTo>(S::load_bytes(plane + 64 * i), i, quads);
  }
}

/// The codes of a block, the bytes that are multiplied.
template <class S, Layout kLayout>
[[gnu::always_inline]] inline void unpack_block(const std::uint8_t* block,
                                                typename S::Bytes (&quads)[8]) {
  static constexpr Layout kUsed = kLayout;
  unpack_plane<S, kLayout.low_bits, 0>(block, quads);
  if constexpr (kLayout.high_bits > 0) {
    unpack_plane<S, kLayout.high_bits, kLayout.low_bits>(block + 64 * kLayout.low_bits, quads);
  }
  if constexpr (kLayout.has_table) {
#pragma GCC unroll 8
    for (int q = 0; q < 8; ++q) quads[q] = S::look_up(kUsed.table, quads[q]);
  }
}

/// The scales (or minimums) of a group, times `super` if there is one.
template <class S, Layout kLayout>
[[gnu::always_inline]] inline typename S::Float load_scale(const std::uint8_t* group,
                                                           typename S::Float super) {
  constexpr ScaleKind kKind = kLayout.scales;
  if constexpr (kKind == ScaleKind::kHalf) {
    return S::load_half(reinterpret_cast<const std::uint16_t*>(group));
  } else if constexpr (kKind == ScaleKind::kPowerOfTwo) {
    return S::mul(S::load_bits(group, 23), S::set(0.5f));
  } else if constexpr (kKind == ScaleKind::kE4m3) {
    return S::mul(S::load_bits(group, 20), S::set(0x1p119f));
  } else {
    return S::mul(super, S::load_int8(reinterpret_cast<const std::int8_t*>(group)));
  }
}

template <class S>
struct SuperScale {
  typename S::Float scale, minimum;
};

template <class S, Layout kLayout>
[[gnu::always_inline]] inline SuperScale<S> load_super_scale(const std::uint8_t* panel,
                                                             std::int64_t inputs) {
  SuperScale<S> super{S::set(1.0f), S::set(1.0f)};
  if constexpr (kLayout.scales == ScaleKind::kSuper) {
    const auto* halves = reinterpret_cast<const std::uint16_t*>(panel + kLayout.supers_at(inputs));
    super.scale = S::mul(S::set(kLayout.scale_factor), S::load_half(halves));
    if constexpr (kLayout.has_minimum) super.minimum = S::load_half(halves + kLanes);
  }
  return super;
}

/// The scales (or minimums) of all blocks from those of all groups.
template <class S, Layout kLayout>
void unpack_scales(const std::uint8_t* groups, typename S::Float super, std::int64_t inputs,
                   float* out) {
  for (std::int64_t i = 0; i < inputs; i += kLayout.group_inputs) {
    const auto scale = load_scale<S, kLayout>(groups, super);
    groups += kLayout.scale_bytes();
    for (int c = 0; c < kLayout.blocks_per_group(); ++c, out += kLanes) S::store(out, scale);
  }
}

template <class S, Layout kLayout>
void unpack_panel(const std::uint8_t* packed, std::int64_t inputs, IntegerPanel& panel) {
  prefetch<kLayout.codes_at(kPanel)>(packed + kPrefetchBytes);
  const SuperScale<S> super = load_super_scale<S, kLayout>(packed, inputs);
  unpack_scales<S, kLayout>(packed, super.scale, inputs, panel.scales);
  if constexpr (kLayout.has_minimum) {
    unpack_scales<S, kLayout>(packed + kLayout.minimums_at(inputs), super.minimum, inputs,
                              panel.minimums);
  }
  const std::uint8_t* block = packed + kLayout.codes_at(inputs);
  panel.codes = kLayout.low_bits == 8 ? block : panel.unpacked;
  for (std::int64_t b = 0; b < inputs / kBlock; ++b, block += kLayout.block_bytes()) {
    prefetch<kLayout.block_bytes()>(block + kPrefetchBytes);
    if constexpr (kLayout.low_bits < 8) {
      typename S::Bytes quads[8];
      unpack_block<S, kLayout>(block, quads);
#pragma GCC unroll 8
      for (int q = 0; q < 8; ++q) S::store_bytes(panel.unpacked + 512 * b + 64 * q, quads[q]);
    }
  }
}

}  // namespace linnet::cpu
