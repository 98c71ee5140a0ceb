#pragma once

#include "backend/cuda/kernels/weight_piece.cuh"
#include "backend/cuda/kernels/weight_row.cuh"

namespace linnet::cuda {

/// What makes weights of the codes of a group, as pairs of the same binary16 number. A code stands
/// in the lowest bits of a mantissa, which is 1024 + code:
///     weight = scale * (1024 + code - offset) + least
/// Where minimums are multiples of a number of the super block, scales are integers up to 63, too,
/// so that the inner sum is exact, and 1024 * scale a number of binary16:
///     weight = super * (scale * (1024 + code) + offset) + least
/// Bits of E2M1 are binary16 numbers, which are half a code times 2^-14:
///     weight = scale * number
template <class L>
struct FragmentScale {
  static constexpr bool kIntegers = L::scale_kind == Scales::kSuper && L::has_minimum;
  static constexpr bool kNumbers = has_e2m1_codes(L::value);
  std::uint32_t scale, offset, least, super;

  FragmentScale() = default;
  __device__ FragmentScale(const WeightsView& w, const RowBlock<L>& block, int index) {
    if constexpr (kIntegers) {
      const std::uint32_t integers = block.scales >> (16 * index);
      const auto half = [](std::uint32_t bits) {
        return from_half(static_cast<std::uint16_t>(bits));
      };
      scale = byte_twice(integers, 0);
      offset = multiply_halves(scale, 0xe400e400u);  // -1024
      super = half_twice(half(block.super) * (w.scale_factor * w.half_factor));
      least = multiply_halves(byte_twice(integers, 1),
                              half_twice(half(block.super >> 16) * -w.half_factor));
    } else if constexpr (kNumbers) {
      scale = half_twice(block.group(w, index).scale * (w.half_factor * 32768.0f));
    } else {
      const GroupScale group = block.group(w, index);
      scale = half_twice(group.scale * w.half_factor);
      offset = has_small_codes(L::codes) ? 0x64006400u : 0x64806480u;  // 1024, and 128 for signs
      least = L::has_minimum ? half_twice(-group.minimum * w.half_factor)
                             : multiply_halves(scale, half_twice(-w.offset));
    }
  }

  /// The same for codes that stand four bits higher.
  __device__ FragmentScale for_upper_nibbles() const {
    FragmentScale upper = *this;
    upper.scale = multiply_halves(scale, 0x2c002c00u);  // 1 / 16
    if constexpr (kIntegers) upper.offset = multiply_halves(offset, 0x2c002c00u);
    return upper;
  }
  __device__ std::uint32_t weights(std::uint32_t wide) const {
    if constexpr (kIntegers) {
      return add_products_of_halves(add_products_of_halves(wide, scale, offset), super, least);
    }
    if constexpr (kNumbers) return multiply_halves(wide, scale);
    return add_products_of_halves(subtract_halves(wide, offset), scale, least);
  }

 private:
  __device__ static std::uint32_t half_twice(float value) { return to_halves(value, value); }
  /// A byte of `bytes` without a sign.
  __device__ static std::uint32_t byte_twice(std::uint32_t bytes, unsigned index) {
    return subtract_halves(pick_bytes(bytes, 0x64646464u, 0x4040u | 0x0101u * index), 0x64006400u);
  }
};

/// A lane's block of one output, on its way to fragments.
template <class L>
struct FragmentBlock {
  PackedBlock<L::codes> packed;
  FragmentScale<L> scales[L::two_groups ? 2 : 1];

  __device__ FragmentBlock(const WeightsView& w, const RowBlock<L>& block) : packed(block.packed) {
#pragma unroll
    for (int g = 0; g < (L::two_groups ? 2 : 1); ++g) scales[g] = FragmentScale<L>(w, block, g);
  }

  /// Four steps' pairs of numbers of binary16: the codes [16 half, 16 half + 16).
  __device__ void unpack(const WeightsView& w, int half, std::uint32_t (&pairs)[4][2]) const {
    if constexpr (L::codes == Codes::kBits4) return unpack_nibbles(half, pairs);
    if constexpr (has_e2m1_codes(L::value)) return unpack_numbers(half, pairs);
    const FragmentScale<L>& scale = scales[L::two_groups ? half : 0];
    constexpr std::uint32_t kSigns = has_small_codes(L::codes) ? 0 : 0x80808080u;
#pragma unroll
    for (int s = 0; s < 4; ++s) {
      const std::uint32_t word = unpack_word<L::codes>(packed, w.table, 4 * half + s) ^ kSigns;
#pragma unroll
      for (int p = 0; p < 2; ++p) {
        pairs[s][p] = scale.weights(pick_bytes(word, 0x64646464u, 0x4240u + 0x0101u * p));
      }
    }
  }

 private:
  /// Masks leave them where they stand.
  __device__ void unpack_nibbles(int half, std::uint32_t (&pairs)[4][2]) const {
    const FragmentScale<L> scale = half == 0 ? scales[0] : scales[0].for_upper_nibbles();
    const std::uint32_t mask = half == 0 ? 0x000f000fu : 0x00f000f0u;
#pragma unroll
    for (int s = 0; s < 4; ++s) {
#pragma unroll
      for (int p = 0; p < 2; ++p) {
        pairs[s][p] = scale.weights(masked_with(packed.low[s] >> (8 * p), mask, 0x64006400u));
      }
    }
  }
  /// A number's sign and its three other bits go where binary16 has its sign and the last of its
  /// exponent and the first of its mantissa: all within the upper byte.
  __device__ void unpack_numbers(int half, std::uint32_t (&pairs)[4][2]) const {
    const FragmentScale<L>& scale = scales[L::two_groups ? half : 0];
    constexpr std::uint32_t kSign = 0x80808080u, kOthers = 0x0e0e0e0eu;
#pragma unroll
    for (int s = 0; s < 4; ++s) {
      const std::uint32_t word = packed.low[2 * half + s / 2];
      const std::uint32_t upper[2] = {masked_with(word << 1, kOthers, word << 4 & kSign),
                                      masked_with(word >> 3, kOthers, word & kSign)};
#pragma unroll
      for (int p = 0; p < 2; ++p) {
        pairs[s][p] = scale.weights(pick_bytes(upper[p], 0, s % 2 == 0 ? 0x1404 : 0x3424));
      }
    }
  }
};

/// Numbers of 16 bits.
template <class L>
requires(is_float(L::codes)) struct FragmentBlock<L> {
  WeightPiece<L::codes> piece;

  __device__ FragmentBlock(const WeightsView&, const WeightPiece<L::codes>& block) : piece(block) {}
  __device__ void unpack(const WeightsView& w, int half, std::uint32_t (&pairs)[4][2]) const {
#pragma unroll
    for (int s = 0; s < 4; ++s) {
      const uint4& words = piece.words[2 * half + s / 2];
      const std::uint32_t first = s % 2 == 0 ? words.x : words.z;
      const std::uint32_t second = s % 2 == 0 ? words.y : words.w;
      pairs[s][0] = piece.convert(pick_bytes(first, second, 0x5410), w.half_factor);
      pairs[s][1] = piece.convert(pick_bytes(first, second, 0x7632), w.half_factor);
    }
  }
};

/// Where the blocks of one output lie.
template <class L>
struct FragmentRow {
  using Block = RowBlock<L>;
  static constexpr int kCodeBytes = low_words(L::codes) * 4;  // of a block
  WeightRow<L> row;

  FragmentRow() = default;
  __device__ FragmentRow(const WeightsView& w, std::int64_t index) : row(w, index) {}
  __device__ Block read(const WeightsView&, unsigned block) const { return row.read(block); }
  __device__ const std::uint8_t* codes(const WeightsView&, unsigned block) const {
    return row.low + std::uint64_t{block} * kCodeBytes;
  }
};

template <class L>
requires(is_float(L::codes)) struct FragmentRow<L> {
  using Block = WeightPiece<L::codes>;
  static constexpr int kCodeBytes = kBlock * float_bytes(L::codes);
  std::int64_t index;

  FragmentRow() = default;
  __device__ FragmentRow(const WeightsView&, std::int64_t row) : index(row) {}
  __device__ Block read(const WeightsView& w, unsigned block) const {
    Block piece;
    piece.read(w, index, std::int64_t{block} * kBlock, true);
    return piece;
  }
  __device__ const std::uint8_t* codes(const WeightsView& w, unsigned block) const {
    return w.low + index * w.columns * float_bytes(L::codes) + std::uint64_t{block} * kCodeBytes;
  }
};

}  // namespace linnet::cuda
