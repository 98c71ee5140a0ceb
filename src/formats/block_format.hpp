#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/half.hpp"
#include "formats/tensor_type.hpp"

/// What a quantised tensor type says of itself, and what follows from it.
///
/// A quantised type is a struct of statics, derived from BlockFormat, alone in its header
/// (q4_0.hpp, ...). `block_elements` consecutive values share a packed Block; within it, every
/// `group_elements` consecutive values share a scale and a minimum:
///
///     value[i] = scales[i / group_elements] * codes[i] - minimums[i / group_elements]
///
/// with the product rounded to float32 before the subtraction, which is then exactly what ggml's
/// own conversion gives. Types without has_minimum have no subtraction at all.
///
/// Each type defines `Block` (alignment 1, so it may lie anywhere), `unpack_stored(block, stored)`,
/// which gives the code_bits wide unsigned numbers that stand for the codes (see code_of), and one
/// of
///   - `unpack_scales(block, scales)`, or with has_minimum `unpack_scales(block, scales,
///   minimums)`;
///   - if has_super_scale, `unpack_super_scales(block, super_scales)`: small integers a group and
///     one or two half-precision numbers a block.
/// Those that Linnet can write have `quantize(in, weights, block)`, which minimises the sum of
/// weight times squared error, or `quantize(in, block)` if there is nothing to choose.
namespace linnet::formats {

/// The defaults of a type; a type hides what differs.
template <TensorType kTensorType, int kBlockElements, int kGroupElements>
struct BlockFormat {
  static constexpr TensorType type = kTensorType;
  static constexpr int block_elements = kBlockElements;
  static constexpr int group_elements = kGroupElements;
  static constexpr int groups = kBlockElements / kGroupElements;
  static_assert(kBlockElements % kGroupElements == 0);

  /// Whether values are shifted down by a minimum of their group.
  static constexpr bool has_minimum = false;

  /// Whether group scales are integers times a number of the block.
  static constexpr bool has_super_scale = false;

  /// Whether the codes are entries of `codebook` (std::array<std::int8_t, 16>, the first
  /// 2^code_bits in use, by stored index) rather than the integers from `code_min`,
  /// 2^code_bits of them. See code_of().
  static constexpr bool has_codebook = false;

  /// Whether float_to_half loses nothing of the scales and minimums that unpack_scales gives.
  static constexpr bool scales_fit_half = true;
};

/// The scales of a block of a type with has_super_scale:
///     scale of group g = T::scale_factor * super_scale * scales[g]
///     minimum of group g = super_minimum * minimums[g]
/// super_scale and super_minimum are half-precision numbers in the file, so float_to_half loses
/// nothing of them; scale_factor is a power of two. Without has_minimum the minimums are unset.
template <int kGroups>
struct SuperScales {
  float super_scale;
  float super_minimum;
  std::int8_t scales[kGroups];
  std::int8_t minimums[kGroups];
};

/// A little-endian 16-bit integer without alignment.
struct PackedU16 {
  std::uint8_t bytes[2];
  static PackedU16 of(std::uint32_t value) {
    return {{static_cast<std::uint8_t>(value), static_cast<std::uint8_t>(value >> 8)}};
  }
  std::uint16_t value() const { return static_cast<std::uint16_t>(bytes[0] | bytes[1] << 8); }
};

/// A half-precision number without alignment.
struct PackedHalf {
  std::uint8_t bytes[2];
  static PackedHalf of(float value) {
    const std::uint16_t half = float_to_half(value);
    return {{static_cast<std::uint8_t>(half), static_cast<std::uint8_t>(half >> 8)}};
  }
  float value() const { return half_to_float(PackedU16{{bytes[0], bytes[1]}}.value()); }
};

/// The distance of subnormal half-precision numbers, all of which lie below kSmallestNormalHalf.
inline constexpr float kHalfStep = 0x1p-24f, kSmallestNormalHalf = 0x1p-14f;

/// The half-precision number nearest to `value`, but among the subnormal ones, which lie far apart,
/// one that is not smaller: a scale that is too small cuts off the largest values, one that is too
/// large only leaves codes unused.
inline float half_from(float value) {
  const float nearest = PackedHalf::of(value).value();
  return value < kSmallestNormalHalf && nearest < value ? nearest + kHalfStep : nearest;
}

/// The code that a stored number stands for: its entry in the codebook, or code_min plus it.
template <class T>
constexpr std::int8_t code_of(std::uint8_t stored) {
  if constexpr (T::has_codebook) {
    return T::codebook[stored];
  } else {
    return static_cast<std::int8_t>(stored + T::code_min);
  }
}

/// The scales of all groups of a block, and their minimums, which are not touched without
/// has_minimum.
template <class T>
void unpack_all_scales(const typename T::Block& block, float* scales, float* minimums) {
  if constexpr (T::has_super_scale) {
    SuperScales<T::groups> super;
    T::unpack_super_scales(block, super);
    const float factor = T::scale_factor * super.super_scale;
    for (int g = 0; g < T::groups; ++g) {
      scales[g] = factor * super.scales[g];
      if constexpr (T::has_minimum) minimums[g] = super.super_minimum * super.minimums[g];
    }
  } else if constexpr (T::has_minimum) {
    T::unpack_scales(block, scales, minimums);
  } else {
    T::unpack_scales(block, scales);
  }
}

/// Format::dequantize of a quantised type.
template <class T>
void dequantize(const std::byte* blocks, float* out, std::int64_t elements) {
  static_assert(alignof(typename T::Block) == 1);
  std::uint8_t stored[T::block_elements];
  float scales[T::groups];
  float minimums[T::groups];
  for (; elements > 0; elements -= T::block_elements) {
    typename T::Block block;
    std::memcpy(&block, blocks, sizeof(block));
    T::unpack_stored(block, stored);
    unpack_all_scales<T>(block, scales, minimums);
    for (int g = 0; g < T::groups; ++g) {
      const std::uint8_t* group = stored + g * T::group_elements;
      for (int i = 0; i < T::group_elements; ++i) {
        out[i] = scales[g] * code_of<T>(group[i]);
        if constexpr (T::has_minimum) out[i] -= minimums[g];
      }
      out += T::group_elements;
    }
    blocks += sizeof(block);
  }
}

}  // namespace linnet::formats
