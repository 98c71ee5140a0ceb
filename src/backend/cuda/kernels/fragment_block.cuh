#pragma once

#include "backend/cuda/kernels/weight_piece.cuh"

namespace linnet::cuda {

/// What is read of a scale, as it lies in memory: nothing waits for it before it is needed.
template <class L>
struct ScaleBits {
  std::uint32_t scale = 0, minimum = 0, super = 0;

  /// Of the group in which number `index` of the weight lies.
  __device__ void read(const WeightsView& w, std::uint32_t index) {
    const std::uint32_t at = index >> w.group_shift;
    if constexpr (L::scale_kind == Scales::kSuper) {
      super = reinterpret_cast<const std::uint32_t*>(w.supers)[index / kSuperBlock];
      scale = w.scales[at];
      if constexpr (L::has_minimum) minimum = w.minimums[at];
    } else {
      scale = reinterpret_cast<const std::uint16_t*>(w.scales)[at];
      if constexpr (L::has_minimum)
        minimum = reinterpret_cast<const std::uint16_t*>(w.minimums)[at];
    }
  }
  /// See group_scale().
  __device__ GroupScale value(const WeightsView& w) const {
    const auto half = [](std::uint32_t bits) {
      return from_half(static_cast<std::uint16_t>(bits));
    };
    const auto byte = [](std::uint32_t bits) {
      return static_cast<float>(static_cast<std::int8_t>(bits));
    };
    if constexpr (L::scale_kind == Scales::kSuper) {
      return {w.scale_factor * half(super) * byte(scale),
              L::has_minimum ? half(super >> 16) * byte(minimum) : 0.0f};
    } else {
      return {L::scale_kind == Scales::kBfloat16 ? from_bfloat16(static_cast<std::uint16_t>(scale))
                                                 : w.scale_factor * half(scale),
              L::has_minimum ? half(minimum) : 0.0f};
    }
  }
};

/// A weight of layout L from a row on.
template <class L>
__device__ inline WeightsView from_row(WeightsView w, std::int64_t row) {
  const std::int64_t numbers = row * w.columns, groups = numbers >> w.group_shift;
  if constexpr (is_float(L::codes)) {
    w.low += numbers * 2;
    return w;
  }
  constexpr int kScaleBytes = L::scale_kind == Scales::kSuper ? 1 : 2;
  w.low += numbers / kBlock * low_words(L::codes) * 4;
  w.high += numbers / kBlock * high_words(L::codes) * 4;
  w.scales += groups * kScaleBytes;
  w.minimums += groups * kScaleBytes;
  w.supers += numbers / kSuperBlock * 2;
  return w;
}

/// A lane's block of one output, on its way from its packed form to a fragment.
template <class L>
struct FragmentBlock {
  PackedBlock<L::codes> packed;
  ScaleBits<L> scales[L::two_groups ? 2 : 1];

  /// `row` counts from where the view begins, which has `rows`. Beyond the last row and column it
  /// is the last block: what becomes of such a row is not kept, and such columns meet zeros.
  __device__ void read(const WeightsView& w, int row, std::int64_t rows, std::int64_t column) {
    const auto columns = static_cast<std::uint32_t>(w.columns);
    const auto wanted = static_cast<std::uint32_t>(column);
    const std::uint32_t first = wanted < columns ? wanted : columns - kBlock;
    const auto last = static_cast<int>(rows) - 1;
    // Groups and blocks are parts of a row; a tile's numbers are fewer than 2^32.
    const std::uint32_t index =
        static_cast<std::uint32_t>(row < last ? row : last) * columns + first;
    packed.read(w, index / kBlock);
    scales[0].read(w, index);
    if constexpr (L::two_groups) scales[1].read(w, index + 16);
  }
  /// Four steps' pairs of numbers of binary16: the codes [16 half, 16 half + 16).
  __device__ void unpack(const WeightsView& w, int half, std::uint32_t (&pairs)[4][2]) const {
    const GroupScale group = scales[L::two_groups ? half : 0].value(w);
    const float scale = group.scale * w.half_factor;
    const float least = -w.offset * scale - group.minimum * w.half_factor;
#pragma unroll
    for (int s = 0; s < 4; ++s) {
      const std::uint32_t word = unpack_word<L::codes>(packed, w.table, 4 * half + s);
#pragma unroll
      for (int p = 0; p < 2; ++p) {
        pairs[s][p] = scaled_codes<L::codes>(word, p, scale, least);
      }
    }
  }

 private:
  /// Codes 2 p and 2 p + 1 of a word, times `scale` plus `least`.
  template <Codes kCodes>
  __device__ static std::uint32_t scaled_codes(std::uint32_t word, int p, float scale,
                                               float least) {
    if constexpr (has_small_codes(kCodes)) {
      // As the upper bits of a mantissa, a code is 1 + code / 128: one operation less than
      // code_to_float(), and what is lost of `least` by adding 128 scales is nothing in binary16.
      const float wide = 128.0f * scale, base = least - wide;
      const auto value = [&](int i) {
        const std::uint32_t bits = pick_bytes(word | 0x80808080u, 0x3f000000u, 0x7044u | i << 8);
        return bits_to_float(bits) * wide + base;
      };
      return to_halves(value(2 * p), value(2 * p + 1));
    } else {
      return to_halves(code_to_float(word, 2 * p) * scale + least,
                       code_to_float(word, 2 * p + 1) * scale + least);
    }
  }
};

/// Numbers of 16 bits.
template <class L>
requires(is_float(L::codes)) struct FragmentBlock<L> {
  WeightPiece<L::codes> piece;

  __device__ void read(const WeightsView& w, int row, std::int64_t rows, std::int64_t column) {
    piece.read(w, row, column, row < rows);
  }
  __device__ void unpack(const WeightsView& w, int half, std::uint32_t (&pairs)[4][2]) const {
#pragma unroll
    for (int s = 0; s < 4; ++s) {
      const uint4& words = piece.words[2 * half + s / 2];
      pairs[s][0] = piece.convert(s % 2 == 0 ? words.x : words.z, w.half_factor);
      pairs[s][1] = piece.convert(s % 2 == 0 ? words.y : words.w, w.half_factor);
    }
  }
};

}  // namespace linnet::cuda
