#pragma once

#include <algorithm>
#include <cstdint>

#include "formats/all.hpp"
#include "formats/format.hpp"

namespace linnet::cpu {

/// Rows of a strip: their outputs stand side by side, one a lane.
inline constexpr std::int64_t kLanes = 16;
/// Inputs of a block: integer weights have at most two scales in it, activations one.
inline constexpr std::int64_t kBlock = 32;
/// Inputs that the kernels unpack at a time.
inline constexpr std::int64_t kPanel = 256;

/// The largest code of 14 bits and a sign: 32 products of two of them fit 32 bits.
inline constexpr std::int32_t kLargestInt16 = 8191;

/// Floats as the file has them, or integer codes with scales: of 16 bits for F16 and BF16, see
/// docs/decisions/sixteen-bit-weights.md, of up to 8 for quantised types.
enum class Codes { kFloat32, kInt16, kIntegers };

/// How the scale of a group of integer weights is stored.
enum class ScaleKind {
  kHalf,        ///< binary16
  kPowerOfTwo,  ///< a byte e: 2^(e - 128)
  kE4m3,        ///< half of an 8-bit float: 4 bits of exponent, 3 of mantissa
  kSuper        ///< a signed byte, times the panel's binary16 super scale, times scale_factor
};

/// How the weights of a matrix lie in memory: strips of 16 rows, and in a strip one panel of 256
/// inputs (the last one may be shorter) after the other.
///
/// A panel of floats is [inputs][16 rows]. A panel of 16-bit codes is [blocks][16 rows] bytes e,
/// for scales 2^(e - 127), and from the next multiple of 64 bytes on [pairs of inputs][16 rows][2]
/// codes; where the columns end within a block, the rest of its codes is 0. A panel of integers is,
/// in the order in which the kernels read it,
///   - [groups][16 rows] scales, and as many minimums;
///   - with kSuper [16 rows] super scales, and as many super minimums;
///   - from the next multiple of 64 bytes on its codes, by blocks of 32 inputs: a plane of the
///     `low_bits` lower bits and a plane of the `high_bits` upper bits of each code, see
///     plane_place().
/// The weight is scale * (code - offset) - minimum, where code is an index into `table` if there is
/// one.
struct Layout {
  TensorType type = TensorType::kF32;  ///< of the file
  Codes codes = Codes::kFloat32;
  int low_bits = 0;   ///< 1, 2, 4 or 8
  int high_bits = 0;  ///< 0, 1 or 2
  bool has_table = false;
  std::uint8_t table[16] = {};
  int offset = 0;
  int largest_code = 0;  ///< after the table
  ScaleKind scales = ScaleKind::kHalf;
  float scale_factor = 1.0f;  ///< kSuper only
  bool has_minimum = false;
  int group_inputs = 32;  ///< that share a scale: 16, 32 or a multiple of 32

  constexpr int groups_per_block() const { return group_inputs < kBlock ? 2 : 1; }
  /// Blocks that share a scale.
  constexpr std::int64_t blocks_per_group() const {
    return group_inputs < kBlock ? 1 : group_inputs / kBlock;
  }

  constexpr std::int64_t block_bytes() const {
    return kBlock * kLanes * (low_bits + high_bits) / 8;
  }
  /// Of a group of all rows.
  constexpr std::int64_t scale_bytes() const {
    return kLanes * (scales == ScaleKind::kHalf ? 2 : 1);
  }
  std::int64_t panel_bytes(std::int64_t inputs) const;  ///< of `inputs` <= kPanel
  std::int64_t strip_bytes(std::int64_t columns) const;

  // Where things stand in a panel of `inputs`; the scales come first.
  constexpr std::int64_t minimums_at(std::int64_t inputs) const {
    return inputs / group_inputs * scale_bytes();
  }
  constexpr std::int64_t supers_at(std::int64_t inputs) const {
    return minimums_at(inputs) * (has_minimum ? 2 : 1);
  }
  constexpr std::int64_t codes_at(std::int64_t inputs) const {
    const std::int64_t super = scales == ScaleKind::kSuper ? 2 * kLanes : 0;
    return (supers_at(inputs) + (has_minimum ? 2 : 1) * super + 63) / 64 * 64;
  }
};

// Of a panel of 16-bit codes:
constexpr std::int64_t int16_blocks(std::int64_t inputs) { return (inputs + kBlock - 1) / kBlock; }
constexpr std::int64_t int16_codes_at(std::int64_t inputs) {
  return (int16_blocks(inputs) * kLanes + 63) / 64 * 64;
}
constexpr std::int64_t int16_panel_bytes(std::int64_t inputs) {
  return int16_codes_at(inputs) + int16_blocks(inputs) * 2 * kBlock * kLanes;
}

/// Where a plane of `bits` bits a code has the code of an input of its block: inputs are taken by
/// fours (quads), the four bytes of a row stand together, and a byte holds the bits of 8 / bits
/// quads.
struct PlanePlace {
  std::int64_t byte;
  int shift;
};
inline PlanePlace plane_place(int bits, std::int64_t lane, std::int64_t input) {
  const std::int64_t quad = input / 4, registers = bits;
  return {quad % registers * 64 + lane * 4 + input % 4, static_cast<int>(quad / registers) * bits};
}

template <class T>
constexpr ScaleKind scale_kind() {
  if constexpr (T::has_super_scale) {
    return ScaleKind::kSuper;
  } else if constexpr (T::type == TensorType::kMXFP4) {
    return ScaleKind::kPowerOfTwo;
  } else if constexpr (T::type == TensorType::kNVFP4) {
    return ScaleKind::kE4m3;
  } else {
    static_assert(T::scales_fit_half);
    return ScaleKind::kHalf;
  }
}

/// The layout for weights of the quantised type T.
template <class T>
constexpr Layout layout_of() {
  static_assert(T::group_elements == 16 || T::group_elements % kBlock == 0);
  static_assert(T::block_elements % kBlock == 0 && kPanel % T::block_elements == 0);
  // The super scales of a panel are those of one block.
  static_assert(!T::has_super_scale || T::block_elements == kPanel);
  Layout layout;
  layout.type = T::type;
  layout.codes = Codes::kIntegers;
  layout.high_bits = T::code_bits == 6 ? 2 : T::code_bits == 3 || T::code_bits == 5 ? 1 : 0;
  layout.low_bits = T::code_bits - layout.high_bits;
  layout.has_minimum = T::has_minimum;
  layout.group_inputs = T::group_elements;
  layout.scales = scale_kind<T>();
  if constexpr (T::has_super_scale) layout.scale_factor = T::scale_factor;
  layout.has_table = T::has_codebook;
  if constexpr (T::has_codebook) {
    constexpr int kCount = 1 << T::code_bits;
    for (int i = 0; i < kCount; ++i) layout.offset = std::max<int>(layout.offset, -T::codebook[i]);
    for (int i = 0; i < kCount; ++i) {
      layout.table[i] = static_cast<std::uint8_t>(T::codebook[i] + layout.offset);
      layout.largest_code = std::max<int>(layout.largest_code, layout.table[i]);
    }
  } else {
    layout.offset = -T::code_min;
    layout.largest_code = (1 << T::code_bits) - 1;
  }
  return layout;
}

/// The layout for weights of `format`.
Layout choose_layout(const Format& format);

}  // namespace linnet::cpu
