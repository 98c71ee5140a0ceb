#pragma once

#include <algorithm>
#include <cstdint>

#include "formats/format.hpp"

namespace linnet::cpu {

/// Rows of a strip: their outputs stand side by side, one a lane.
inline constexpr std::int64_t kLanes = 16;
/// Inputs of a block: integer weights have at most two scales in it, activations one.
inline constexpr std::int64_t kBlock = 32;
/// Inputs that the kernels unpack at a time.
inline constexpr std::int64_t kPanel = 256;

/// Floats as the file has them, or integer codes with scales.
enum class Codes { kFloat32, kHalf, kBfloat16, kIntegers };

/// How the scale of a group of integer weights is stored.
enum class ScaleKind {
  kHalf,        ///< binary16
  kFloat32,     ///< binary32
  kPowerOfTwo,  ///< a byte e: 2^(e - 128)
  kE4m3,        ///< half of an 8-bit float: 4 bits of exponent, 3 of mantissa
  kSuper        ///< a signed byte, times the panel's binary16 super scale, times scale_factor
};

/// How the weights of a matrix lie in memory: strips of 16 rows, and in a strip one panel of 256
/// inputs (the last one may be shorter) after the other.
///
/// A panel of floats is [inputs][16 rows]. A panel of integers is, one after the other,
///   - its codes, by blocks of 32 inputs: a plane of the `low_bits` lower bits and a plane of the
///     `high_bits` upper bits of each code, see plane_place();
///   - [groups][16 rows] scales, and as many minimums;
///   - with kSuper [16 rows] super scales, and as many super minimums.
/// The weight is scale * (code - offset) - minimum, where code is an index into `table` if there is
/// one.
struct Layout {
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

  bool is_float() const { return codes != Codes::kIntegers; }
  int groups_per_block() const { return group_inputs < kBlock ? 2 : 1; }
  /// Blocks that share a scale.
  std::int64_t blocks_per_group() const { return std::max<std::int64_t>(1, group_inputs / kBlock); }

  std::int64_t block_bytes() const { return kBlock * kLanes * (low_bits + high_bits) / 8; }
  std::int64_t scale_bytes() const;                     ///< of a group of all rows
  std::int64_t panel_bytes(std::int64_t inputs) const;  ///< of `inputs` <= kPanel
  std::int64_t strip_bytes(std::int64_t columns) const;

  /// Where things stand in a panel of `inputs`.
  std::int64_t scales_at(std::int64_t inputs) const { return inputs / kBlock * block_bytes(); }
  std::int64_t minimums_at(std::int64_t inputs) const {
    return scales_at(inputs) + inputs / group_inputs * scale_bytes();
  }
  std::int64_t supers_at(std::int64_t inputs) const {
    return minimums_at(inputs) + (has_minimum ? inputs / group_inputs * scale_bytes() : 0);
  }
};

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

/// The layout for weights of `format`.
Layout choose_layout(const Format& format);

}  // namespace linnet::cpu
