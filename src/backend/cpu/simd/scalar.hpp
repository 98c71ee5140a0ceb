#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "base/half.hpp"

namespace linnet::cpu {

/// Sixteen lanes in plain C++: what runs if nothing else does, and what the other instruction
/// sets are compared with. All of them give the same bits: integer steps are exact, float steps are
/// one rounding a lane.
struct Scalar {
  static constexpr const char* kName = "scalar";
  /// Whether there is a type Tiles like TileRegisters, load_dot(p), of 16 finished sums, and
  /// subtract_from_bytes(x, number).
  static constexpr bool kHasTileRegisters = false;
  using Float = std::array<float, 16>;
  using Int = std::array<std::int32_t, 16>;
  using Bytes = std::array<std::uint8_t, 64>;  // 16 lanes of 4
  using Four = std::array<std::int8_t, 4>;
  using Two = std::array<std::int16_t, 2>;
  /// A tile of a matmul: this many rows of activations by this many strips of weights.
  static constexpr int kTileRows = 2, kTileStrips = 1;
  /// Rows at most that are multiplied by integer weights as they are packed: 1, 2, 4 or 8.
  static constexpr int kPackedRows = 1;
  /// Rows of a tile of attention, by two registers of keys or values.
  static constexpr int kAttentionRows = 2;
  /// The kind of dot() for codes up to `largest_code`; there is one if all are multiplied alike.
  static constexpr int dot_kind(int /*largest_code*/) { return 0; }
  /// What dot() of a kind takes from each code before it multiplies.
  static constexpr int dot_bias(int /*kind*/) { return 0; }
  /// Sums of dot(), of which it may keep the newest products apart.
  using Dot = Int;

  template <class F>
  static Float make(F f) {
    Float r;
    for (int i = 0; i < 16; ++i) r[i] = f(i);
    return r;
  }

  static Float set(float x) {
    return make([&](int) { return x; });
  }
  static Float load(const float* p) {
    return make([&](int i) { return p[i]; });
  }
  static Float load_half(const std::uint16_t* p) {
    return make([&](int i) { return half_to_float(p[i]); });
  }
  static Float load_bfloat16(const std::uint16_t* p) {
    return make([&](int i) { return bfloat16_to_float(p[i]); });
  }
  static Float load_int8(const std::int8_t* p) {
    return make([&](int i) { return static_cast<float>(p[i]); });
  }
  /// Four bits of each byte at p, from bit `shift` on, less 8.
  static Float load_int4(const std::uint8_t* p, int shift) {
    return make([&](int i) { return static_cast<float>((p[i] >> shift & 15) - 8); });
  }
  /// The bytes at p, `shift` bits up, as the bits of floats.
  static Float load_bits(const std::uint8_t* p, int shift) {
    return make([&](int i) { return std::bit_cast<float>(std::uint32_t{p[i]} << shift); });
  }
  static void store(float* p, const Float& x) { std::memcpy(p, x.data(), sizeof x); }
  static Float add(const Float& a, const Float& b) {
    return make([&](int i) { return a[i] + b[i]; });
  }
  static Float sub(const Float& a, const Float& b) {
    return make([&](int i) { return a[i] - b[i]; });
  }
  static Float mul(const Float& a, const Float& b) {
    return make([&](int i) { return a[i] * b[i]; });
  }
  static Float div(const Float& a, const Float& b) {
    return make([&](int i) { return a[i] / b[i]; });
  }
  /// a * b + c, rounded once.
  static Float fma(const Float& a, const Float& b, const Float& c) {
    return make([&](int i) { return std::fma(a[i], b[i], c[i]); });
  }
  /// The second if either is NaN or both are zero, as the x86 instructions have it.
  static Float max(const Float& a, const Float& b) {
    return make([&](int i) { return a[i] > b[i] ? a[i] : b[i]; });
  }
  static Float min(const Float& a, const Float& b) {
    return make([&](int i) { return a[i] < b[i] ? a[i] : b[i]; });
  }
  /// The sum of the lanes: lane i + 8 to lane i, then i + 4, i + 2, i + 1.
  static float sum_lanes(Float x) {
    for (int width = 8; width > 0; width /= 2) {
      for (int i = 0; i < width; ++i) x[i] += x[i + width];
    }
    return x[0];
  }
  /// The largest lane; none is NaN.
  static float max_lanes(const Float& x) { return *std::max_element(x.begin(), x.end()); }
  static bool any_above(const Float& x, float limit) { return max_lanes(x) > limit; }
  /// x, but 0 if `test` is minus infinity.
  static Float zero_if_infinite(const Float& test, const Float& x) {
    return make(
        [&](int i) { return test[i] == -std::numeric_limits<float>::infinity() ? 0.0f : x[i]; });
  }
  /// Lane j of row i and lane i of row j change places.
  static void transpose(Float (&rows)[16]) {
    for (int i = 0; i < 16; ++i) {
      for (int j = 0; j < i; ++j) std::swap(rows[i][j], rows[j][i]);
    }
  }
  static Float abs(const Float& a) {
    return make([&](int i) { return std::fabs(a[i]); });
  }
  /// To the nearest integer, ties to even.
  static Float round(const Float& a) {
    return make([&](int i) { return std::nearbyint(a[i]); });
  }
  /// x * 2^n for integers n in [-126, 127]; x if n is NaN.
  static Float scale_by_power(const Float& x, const Float& n) {
    return make([&](int i) {
      if (std::isnan(n[i])) return x[i];
      const auto exponent = static_cast<std::uint32_t>(static_cast<std::int32_t>(n[i]) + 127) << 23;
      return x[i] * std::bit_cast<float>(exponent);
    });
  }
  /// Integers in [-128, 127] as bytes; any byte for NaN.
  static void store_int8(std::int8_t* p, const Float& x) {
    for (int i = 0; i < 16; ++i) p[i] = std::isnan(x[i]) ? 0 : static_cast<std::int8_t>(x[i]);
  }
  /// Integers in [-32768, 32767]; any number for NaN.
  static void store_int16(std::int16_t* p, const Float& x) {
    for (int i = 0; i < 16; ++i) p[i] = std::isnan(x[i]) ? 0 : static_cast<std::int16_t>(x[i]);
  }

  /// kFactor * x, to which products are added.
  template <int kFactor>
  static Dot begin_dot(std::int32_t x) {
    Dot r;
    r.fill(kFactor * x);
    return r;
  }
  /// Of a sum that has all its quads.
  static Float to_float(const Dot& x) {
    return make([&](int i) { return static_cast<float>(x[i]); });
  }
  static Bytes load_bytes(const std::uint8_t* p) {
    Bytes r;
    std::memcpy(r.data(), p, sizeof r);
    return r;
  }
  static void store_bytes(std::uint8_t* p, const Bytes& x) { std::memcpy(p, x.data(), sizeof x); }
  static Bytes or_bytes(const Bytes& a, const Bytes& b) {
    Bytes r;
    for (int i = 0; i < 64; ++i) r[i] = a[i] | b[i];
    return r;
  }
  /// The kCount bits from kFrom on of each byte, moved to bit kTo; the others 0.
  template <int kFrom, int kTo, int kCount>
  static Bytes move_bits(const Bytes& x) {
    Bytes r;
    for (int i = 0; i < 64; ++i) {
      r[i] = static_cast<std::uint8_t>((x[i] >> kFrom & ((1 << kCount) - 1)) << kTo);
    }
    return r;
  }
  static Bytes look_up(const std::uint8_t* table, const Bytes& index) {
    Bytes r;
    for (int i = 0; i < 64; ++i) r[i] = table[index[i]];
    return r;
  }
  static Four load_four(const std::int8_t* p) {
    Four r;
    std::memcpy(r.data(), p, sizeof r);
    return r;
  }
  /// sum[lane] += the four products of the lane's unsigned bytes, less the bias, with the four
  /// signed bytes. These are the quads 0 to kQuads - 1, in this order; kQuads is 4 or 8.
  template <int kKind, int kQuads>
  static void dot(Dot& sum, const Bytes& w, const Four& a, int /*quad*/) {
    for (int i = 0; i < 16; ++i) {
      for (int k = 0; k < 4; ++k) sum[i] += std::int32_t{w[4 * i + k]} * a[k];
    }
  }

  /// 0, to which add_pairs() adds.
  static Int no_pairs() { return {}; }
  static Two load_two(const std::int16_t* p) { return {p[0], p[1]}; }
  /// sum[lane] += the two products of the lane's signed 16-bit numbers with the two.
  static void add_pairs(Int& sum, const Bytes& w, const Two& a) {
    for (int i = 0; i < 16; ++i) {
      std::int16_t pair[2];
      std::memcpy(pair, w.data() + 4 * i, sizeof pair);
      sum[i] += pair[0] * a[0] + pair[1] * a[1];
    }
  }
};

}  // namespace linnet::cpu
