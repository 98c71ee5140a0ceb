#pragma once

#include "backend/cuda/kernels/weight_piece.cuh"

namespace linnet::cuda {

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
  ScaleBits scales[L::two_groups ? 2 : 1];

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
#pragma unroll
    for (int g = 0; g < (L::two_groups ? 2 : 1); ++g) {
      scales[g].read(w, L::scale_kind, L::has_minimum, index + static_cast<std::uint32_t>(16 * g));
    }
  }
  /// Four steps' pairs of numbers of binary16: the codes [16 half, 16 half + 16).
  __device__ void unpack(const WeightsView& w, int half, std::uint32_t (&pairs)[4][2]) const {
    const GroupScale group =
        scales[L::two_groups ? half : 0].value(w, L::scale_kind, L::has_minimum);
    const float scale = group.scale * w.half_factor;
    const float least = -w.offset * scale - group.minimum * w.half_factor;
#pragma unroll
    for (int s = 0; s < 4; ++s) {
      const std::uint32_t word = unpack_word<L::codes>(packed, w.table, 4 * half + s);
#pragma unroll
      for (int p = 0; p < 2; ++p) pairs[s][p] = scaled_codes(word, p, scale, least);
    }
  }

 private:
  /// Codes 2 p and 2 p + 1 of a word, times `scale` plus `least`.
  __device__ static std::uint32_t scaled_codes(std::uint32_t word, int p, float scale,
                                               float least) {
    constexpr bool kSmall = has_small_codes(L::codes);
    if constexpr (L::scale_kind != Scales::kSuper) {
      // Scale and least are binary16 numbers. As the lowest bits of a mantissa, a code is 1024 +
      // code.
      const std::uint32_t wide =
          pick_bytes(kSmall ? word : word ^ 0x80808080u, 0x64646464u, 0x4140u + 0x0202u * p);
      return add_products_of_halves(subtract_halves(wide, kSmall ? 0x64006400u : 0x64806480u),
                                    to_halves(scale, scale), to_halves(least, least));
    } else if constexpr (kSmall) {
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
