#pragma once

#include "backend/cpu/kernels/kernels.hpp"
#include "backend/cpu/kernels/math.hpp"

namespace linnet::cpu {

template <class S>
void quantise_row(const Activations& activations, std::int64_t row) {
  const float* x = activations.values + row * activations.stride;
  const std::int64_t columns = activations.columns;
  std::int8_t* codes = activations.codes + row * columns;
  float* scales = activations.scales + row * (columns / 32);
  std::int32_t* sums = activations.sums + row * (columns / 16);
  for (std::int64_t b = 0; b < columns / 32; ++b) {
    const auto low = S::load(x + 32 * b);
    const auto high = S::load(x + 32 * b + 16);
    const float largest = max_lanes<S>(S::max(S::abs(low), S::abs(high)));
    const auto inverse = S::set(largest > 0.0f ? 127.0f / largest : 0.0f);
    scales[b] = largest / 127.0f;
    S::store_int8(codes + 32 * b, S::round(S::mul(low, inverse)));
    S::store_int8(codes + 32 * b + 16, S::round(S::mul(high, inverse)));
    for (int half = 0; half < 2; ++half) {
      std::int32_t sum = 0;
      for (int i = 0; i < 16; ++i) sum += codes[32 * b + 16 * half + i];
      sums[2 * b + half] = sum;
    }
  }
}

/// The 8 registers of a block's codes, as unsigned bytes.
template <class S, Codes kCodes>
void load_codes(const Layout& layout, const std::uint8_t* block, typename S::Bytes (&w)[8]) {
  for (int i = 0; i < (kCodes == Codes::kBytes ? 8 : 4); ++i) {
    const auto bytes = S::load_bytes(block + 64 * i);
    if constexpr (kCodes == Codes::kBytes) {
      w[i] = bytes;
    } else {
      w[i] = S::low_nibbles(bytes);
      w[i + 4] = S::high_nibbles(bytes);
      if constexpr (kCodes == Codes::kTable) {
        w[i] = S::look_up(layout.table, w[i]);
        w[i + 4] = S::look_up(layout.table, w[i + 4]);
      }
    }
  }
}

template <class S>
typename S::Float load_scales(const Layout& layout, const std::uint8_t* scales, int group) {
  if (layout.half_scales) {
    return S::load_half(reinterpret_cast<const std::uint16_t*>(scales) + 16 * group);
  }
  return S::load(reinterpret_cast<const float*>(scales) + 16 * group);
}

/// A tile of kRows activation rows. For each block and group, in order:
///     out += (sum of codes * activation codes) * activation scale * weight scale
///     out -= activation scale * sum of activation codes * minimum
template <class S, Codes kCodes, int kGroups, bool kMinimum, int kRows>
void multiply_tile(const Layout& layout, const std::uint8_t* strip, const Activations& activations,
                   const std::int32_t* rows, float* out) {
  using F = typename S::Float;
  constexpr bool kSmall = kCodes == Codes::kNibbles;
  constexpr int kRegisters = 8 / kGroups;
  const std::int64_t blocks = activations.columns / 32;
  const std::int64_t block_bytes = layout.block_bytes();
  F sums[kRows];
  const std::int8_t* codes[kRows];
  const float* scales[kRows];
  const std::int32_t* code_sums[kRows];
  for (int t = 0; t < kRows; ++t) {
    sums[t] = S::set(0.0f);
    codes[t] = activations.codes + rows[t] * activations.columns;
    scales[t] = activations.scales + rows[t] * blocks;
    code_sums[t] = activations.sums + rows[t] * blocks * 2;
  }
  for (std::int64_t b = 0; b < blocks; ++b, strip += block_bytes) {
    typename S::Bytes w[8];
    load_codes<S, kCodes>(layout, strip, w);
    const std::uint8_t* scale_bytes = strip + layout.code_bytes();
    for (int g = 0; g < kGroups; ++g) {
      const F weight_scale = load_scales<S>(layout, scale_bytes, g);
      F minimum{};
      if constexpr (kMinimum) {
        minimum = load_scales<S>(layout, scale_bytes + layout.scale_bytes(), g);
      }
      for (int t = 0; t < kRows; ++t) {
        const std::int32_t code_sum =
            kGroups == 1 ? code_sums[t][2 * b] + code_sums[t][2 * b + 1] : code_sums[t][2 * b + g];
        auto dot = S::set_int(-layout.offset * code_sum);
        const std::int8_t* a = codes[t] + 32 * b + 16 * g;
        for (int i = 0; i < kRegisters; ++i) {
          dot = S::template dot<kSmall>(dot, w[kRegisters * g + i], a + 4 * i);
        }
        const F scaled = S::mul(S::to_float(dot), S::set(scales[t][b]));
        sums[t] = S::fma(scaled, weight_scale, sums[t]);
        if constexpr (kMinimum) {
          const float shift = -scales[t][b] * static_cast<float>(code_sum);
          sums[t] = S::fma(S::set(shift), minimum, sums[t]);
        }
      }
    }
  }
  for (int t = 0; t < kRows; ++t) S::store(out + 16 * t, sums[t]);
}

template <class S, Codes kCodes>
typename S::Float load_weights(const std::uint8_t* strip, std::int64_t column) {
  const auto* halves = reinterpret_cast<const std::uint16_t*>(strip) + 16 * column;
  if constexpr (kCodes == Codes::kHalf) return S::load_half(halves);
  if constexpr (kCodes == Codes::kBfloat16) return S::load_bfloat16(halves);
  return S::load(reinterpret_cast<const float*>(strip) + 16 * column);
}

/// A tile of kRows activation rows in float32; four sums a row, over the columns modulo 4, shorten
/// the chain of additions and its rounding error.
template <class S, Codes kCodes, int kRows>
void multiply_float_tile(const std::uint8_t* strip, const Activations& activations,
                         const std::int32_t* rows, float* out) {
  using F = typename S::Float;
  F sums[kRows][4];
  const float* x[kRows];
  for (int t = 0; t < kRows; ++t) {
    for (F& sum : sums[t]) sum = S::set(0.0f);
    x[t] = activations.values + rows[t] * activations.stride;
  }
  const std::int64_t columns = activations.columns;
  std::int64_t c = 0;
  for (; c + 4 <= columns; c += 4) {
    for (int k = 0; k < 4; ++k) {
      const F w = load_weights<S, kCodes>(strip, c + k);
      for (int t = 0; t < kRows; ++t) sums[t][k] = S::fma(w, S::set(x[t][c + k]), sums[t][k]);
    }
  }
  for (; c < columns; ++c) {
    const F w = load_weights<S, kCodes>(strip, c);
    for (int t = 0; t < kRows; ++t) sums[t][0] = S::fma(w, S::set(x[t][c]), sums[t][0]);
  }
  for (int t = 0; t < kRows; ++t) {
    S::store(out + 16 * t, S::add(S::add(sums[t][0], sums[t][1]), S::add(sums[t][2], sums[t][3])));
  }
}

/// Cuts `count` rows into tiles of kMost, kMost / 2, ... 1. What a row gets does not depend on its
/// tile.
template <int kMost, class Tile>
void for_tiles(const std::int32_t* rows, std::int64_t count, float* out, Tile&& tile) {
  while (count >= kMost) {
    tile.template operator()<kMost>(rows, out);
    rows += kMost;
    out += 16 * kMost;
    count -= kMost;
  }
  if constexpr (kMost > 1) for_tiles<kMost / 2>(rows, count, out, tile);
}

// Function objects rather than lambdas, because GCC does not compile lambdas for the region's
// instruction set.
template <class S, Codes kCodes, int kGroups, bool kMinimum>
struct QuantisedTile {
  const Layout& layout;
  const std::uint8_t* strip;
  const Activations& activations;
  template <int kRows>
  void operator()(const std::int32_t* rows, float* out) const {
    multiply_tile<S, kCodes, kGroups, kMinimum, kRows>(layout, strip, activations, rows, out);
  }
};

template <class S, Codes kCodes>
struct FloatTile {
  const std::uint8_t* strip;
  const Activations& activations;
  template <int kRows>
  void operator()(const std::int32_t* rows, float* out) const {
    multiply_float_tile<S, kCodes, kRows>(strip, activations, rows, out);
  }
};

template <class S, Codes kCodes>
void multiply_float(const std::uint8_t* strip, const Activations& activations,
                    const std::int32_t* rows, std::int64_t count, float* out) {
  for_tiles<4>(rows, count, out, FloatTile<S, kCodes>{strip, activations});
}

template <class S, Codes kCodes, int kGroups>
void multiply_groups(const Layout& layout, const std::uint8_t* strip,
                     const Activations& activations, const std::int32_t* rows, std::int64_t count,
                     float* out) {
  if (layout.has_minimum) {
    for_tiles<8>(rows, count, out,
                 QuantisedTile<S, kCodes, kGroups, true>{layout, strip, activations});
  } else {
    for_tiles<8>(rows, count, out,
                 QuantisedTile<S, kCodes, kGroups, false>{layout, strip, activations});
  }
}

template <class S, Codes kCodes>
void multiply_codes(const Layout& layout, const std::uint8_t* strip, const Activations& activations,
                    const std::int32_t* rows, std::int64_t count, float* out) {
  if (layout.groups == 1) {
    multiply_groups<S, kCodes, 1>(layout, strip, activations, rows, count, out);
  } else {
    multiply_groups<S, kCodes, 2>(layout, strip, activations, rows, count, out);
  }
}

template <class S>
void multiply_strip(const Layout& layout, const std::uint8_t* strip, const Activations& activations,
                    const std::int32_t* rows, std::int64_t count, float* out) {
  switch (layout.codes) {
    case Codes::kFloat32:
      return multiply_float<S, Codes::kFloat32>(strip, activations, rows, count, out);
    case Codes::kHalf:
      return multiply_float<S, Codes::kHalf>(strip, activations, rows, count, out);
    case Codes::kBfloat16:
      return multiply_float<S, Codes::kBfloat16>(strip, activations, rows, count, out);
    case Codes::kBytes:
      return multiply_codes<S, Codes::kBytes>(layout, strip, activations, rows, count, out);
    case Codes::kNibbles:
      return multiply_codes<S, Codes::kNibbles>(layout, strip, activations, rows, count, out);
    case Codes::kTable:
      return multiply_codes<S, Codes::kTable>(layout, strip, activations, rows, count, out);
  }
}

}  // namespace linnet::cpu
