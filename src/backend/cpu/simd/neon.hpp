#pragma once

#include <arm_neon.h>

#include <cstdint>

// Included inside a region that is compiled for the instructions of kDot: see isa_neon*.cpp.

namespace linnet::cpu {

/// What multiplies bytes: widening multiplications, which every aarch64 has; SDOT (FEAT_DotProd);
/// USDOT (FEAT_I8MM).
enum class NeonDot { kWidening, kDotProduct, kI8mm };

/// Sixteen lanes in four registers; see Scalar for what each function does.
template <NeonDot kDot>
struct Neon {
  static constexpr bool kHasTileRegisters = false;
  static constexpr const char* kName = kDot == NeonDot::kWidening     ? "neon"
                                       : kDot == NeonDot::kDotProduct ? "neon_dotprod"
                                                                      : "neon_i8mm";
  using Float = float32x4x4_t;
  using Bytes = uint8x16x4_t;
  using Int = int32x4x4_t;
  using Dot = int32x4x4_t;
  using Four = int8x16_t;
  using Two = int16x8_t;
  // 24 sums and 4 weights of 32 registers.
  static constexpr int kTileRows = 6, kTileStrips = 1;
  static constexpr int kPackedRows = 1;
  static constexpr int kAttentionRows = 2;
  /// 1: codes fit signed bytes, as which all but USDOT take them; 0: 128 is taken from them.
  static constexpr int dot_kind(int largest_code) {
    return kDot == NeonDot::kI8mm || largest_code < 128;
  }
  static constexpr int dot_bias(int kind) { return kind == 0 ? 128 : 0; }

  static Float set(float x) {
    const float32x4_t all = vdupq_n_f32(x);
    return {{all, all, all, all}};
  }
  static Float load(const float* p) {
    return {{vld1q_f32(p), vld1q_f32(p + 4), vld1q_f32(p + 8), vld1q_f32(p + 12)}};
  }
  static Float load_half(const std::uint16_t* p) {
    Float r;
    for (int i = 0; i < 4; ++i) r.val[i] = vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p + 4 * i)));
    return r;
  }
  static Float load_bfloat16(const std::uint16_t* p) {
    Float r;
    for (int i = 0; i < 4; ++i) {
      r.val[i] = vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p + 4 * i), 16));
    }
    return r;
  }
  static Float load_int8(const std::int8_t* p) { return from_int8(vld1q_s8(p)); }
  static Float load_int4(const std::uint8_t* p, int shift) {
    const uint8x16_t shifted = vshlq_u8(vld1q_u8(p), vdupq_n_s8(static_cast<std::int8_t>(-shift)));
    const int8x16_t codes = vreinterpretq_s8_u8(vandq_u8(shifted, vdupq_n_u8(15)));
    return from_int8(vsubq_s8(codes, vdupq_n_s8(8)));
  }
  static Float from_int8(int8x16_t bytes) {
    const int16x8_t low = vmovl_s8(vget_low_s8(bytes)), high = vmovl_high_s8(bytes);
    return {{vcvtq_f32_s32(vmovl_s16(vget_low_s16(low))), vcvtq_f32_s32(vmovl_high_s16(low)),
             vcvtq_f32_s32(vmovl_s16(vget_low_s16(high))), vcvtq_f32_s32(vmovl_high_s16(high))}};
  }
  static Float load_bits(const std::uint8_t* p, int shift) {
    const uint8x16_t bytes = vld1q_u8(p);
    const uint16x8_t low = vmovl_u8(vget_low_u8(bytes)), high = vmovl_high_u8(bytes);
    return {{shift_bits(vmovl_u16(vget_low_u16(low)), shift),
             shift_bits(vmovl_high_u16(low), shift),
             shift_bits(vmovl_u16(vget_low_u16(high)), shift),
             shift_bits(vmovl_high_u16(high), shift)}};
  }
  static void store(float* p, Float x) {
    for (int i = 0; i < 4; ++i) vst1q_f32(p + 4 * i, x.val[i]);
  }
  static Float add(Float a, Float b) {
    for (int i = 0; i < 4; ++i) a.val[i] = vaddq_f32(a.val[i], b.val[i]);
    return a;
  }
  static Float sub(Float a, Float b) {
    for (int i = 0; i < 4; ++i) a.val[i] = vsubq_f32(a.val[i], b.val[i]);
    return a;
  }
  static Float mul(Float a, Float b) {
    for (int i = 0; i < 4; ++i) a.val[i] = vmulq_f32(a.val[i], b.val[i]);
    return a;
  }
  static Float div(Float a, Float b) {
    for (int i = 0; i < 4; ++i) a.val[i] = vdivq_f32(a.val[i], b.val[i]);
    return a;
  }
  static Float fma(Float a, Float b, Float c) {
    for (int i = 0; i < 4; ++i) c.val[i] = vfmaq_f32(c.val[i], a.val[i], b.val[i]);
    return c;
  }
  // FMAX and FMIN treat NaN and zeros of both signs otherwise.
  static Float max(Float a, Float b) {
    for (int i = 0; i < 4; ++i) {
      a.val[i] = vbslq_f32(vcgtq_f32(a.val[i], b.val[i]), a.val[i], b.val[i]);
    }
    return a;
  }
  static Float min(Float a, Float b) {
    for (int i = 0; i < 4; ++i) {
      a.val[i] = vbslq_f32(vcltq_f32(a.val[i], b.val[i]), a.val[i], b.val[i]);
    }
    return a;
  }
  static void transpose(Float (&rows)[16]) {
    Float columns[16];
    for (int i = 0; i < 16; i += 4) {
      for (int j = 0; j < 4; ++j) {  // columns 4 j to 4 j + 3 of the rows i to i + 3
        const float32x4_t a = rows[i].val[j], b = rows[i + 1].val[j];
        const float32x4_t c = rows[i + 2].val[j], d = rows[i + 3].val[j];
        const float64x2_t even = vreinterpretq_f64_f32(vtrn1q_f32(a, b));
        const float64x2_t odd = vreinterpretq_f64_f32(vtrn2q_f32(a, b));
        const float64x2_t even2 = vreinterpretq_f64_f32(vtrn1q_f32(c, d));
        const float64x2_t odd2 = vreinterpretq_f64_f32(vtrn2q_f32(c, d));
        columns[4 * j].val[i / 4] = vreinterpretq_f32_f64(vtrn1q_f64(even, even2));
        columns[4 * j + 1].val[i / 4] = vreinterpretq_f32_f64(vtrn1q_f64(odd, odd2));
        columns[4 * j + 2].val[i / 4] = vreinterpretq_f32_f64(vtrn2q_f64(even, even2));
        columns[4 * j + 3].val[i / 4] = vreinterpretq_f32_f64(vtrn2q_f64(odd, odd2));
      }
    }
    for (int i = 0; i < 16; ++i) rows[i] = columns[i];
  }
  static float sum_lanes(Float x) {
    const float32x4_t four =
        vaddq_f32(vaddq_f32(x.val[0], x.val[2]), vaddq_f32(x.val[1], x.val[3]));
    const float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
    return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
  }
  static float max_lanes(Float x) {
    return vmaxvq_f32(vmaxq_f32(vmaxq_f32(x.val[0], x.val[1]), vmaxq_f32(x.val[2], x.val[3])));
  }
  static bool any_above(Float x, float limit) { return max_lanes(x) > limit; }
  static Float zero_if_infinite(Float test, Float x) {
    const float32x4_t infinity = vdupq_n_f32(-__builtin_inff());
    for (int i = 0; i < 4; ++i) {
      const uint32x4_t infinite = vceqq_f32(test.val[i], infinity);
      x.val[i] = vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(x.val[i]), infinite));
    }
    return x;
  }
  static Float abs(Float a) {
    for (int i = 0; i < 4; ++i) a.val[i] = vabsq_f32(a.val[i]);
    return a;
  }
  static Float round(Float a) {
    for (int i = 0; i < 4; ++i) a.val[i] = vrndnq_f32(a.val[i]);
    return a;
  }
  static Float scale_by_power(Float x, Float n) {
    for (int i = 0; i < 4; ++i) {
      const int32x4_t exponent =
          vshlq_n_s32(vaddq_s32(vcvtq_s32_f32(n.val[i]), vdupq_n_s32(127)), 23);
      x.val[i] = vmulq_f32(x.val[i], vreinterpretq_f32_s32(exponent));
    }
    return x;
  }
  static void store_int8(std::int8_t* p, Float x) {
    const int16x8_t low = to_words(x.val[0], x.val[1]), high = to_words(x.val[2], x.val[3]);
    vst1q_s8(p, vcombine_s8(vqmovn_s16(low), vqmovn_s16(high)));
  }
  static void store_int16(std::int16_t* p, Float x) {
    vst1q_s16(p, to_words(x.val[0], x.val[1]));
    vst1q_s16(p + 8, to_words(x.val[2], x.val[3]));
  }

  template <int kFactor>
  static Dot begin_dot(std::int32_t x) {
    const int32x4_t all = vdupq_n_s32(kFactor * x);
    return {{all, all, all, all}};
  }
  static Float to_float(Dot x) {
    return {{vcvtq_f32_s32(x.val[0]), vcvtq_f32_s32(x.val[1]), vcvtq_f32_s32(x.val[2]),
             vcvtq_f32_s32(x.val[3])}};
  }
  static Bytes load_bytes(const std::uint8_t* p) {
    return {{vld1q_u8(p), vld1q_u8(p + 16), vld1q_u8(p + 32), vld1q_u8(p + 48)}};
  }
  static void store_bytes(std::uint8_t* p, Bytes x) {
    for (int i = 0; i < 4; ++i) vst1q_u8(p + 16 * i, x.val[i]);
  }
  static Bytes or_bytes(Bytes a, Bytes b) {
    for (int i = 0; i < 4; ++i) a.val[i] = vorrq_u8(a.val[i], b.val[i]);
    return a;
  }
  template <int kFrom, int kTo, int kCount>
  static Bytes move_bits(Bytes x) {
    const uint8x16_t mask = vdupq_n_u8(static_cast<std::uint8_t>(((1 << kCount) - 1) << kTo));
    for (int i = 0; i < 4; ++i) {
      if constexpr (kFrom > kTo) x.val[i] = vshrq_n_u8(x.val[i], kFrom - kTo);
      if constexpr (kFrom < kTo) x.val[i] = vshlq_n_u8(x.val[i], kTo - kFrom);
      x.val[i] = vandq_u8(x.val[i], mask);
    }
    return x;
  }
  static Bytes look_up(const std::uint8_t* table, Bytes index) {
    const uint8x16_t row = vld1q_u8(table);
    for (int i = 0; i < 4; ++i) index.val[i] = vqtbl1q_u8(row, index.val[i]);
    return index;
  }
  static Four load_four(const std::int8_t* p) {
    std::int32_t four;
    __builtin_memcpy(&four, p, sizeof four);
    return vreinterpretq_s8_s32(vdupq_n_s32(four));
  }
  template <int kKind, int kQuads>
  static void dot(Dot& sum, Bytes w, Four a, int /*quad*/) {
    for (int i = 0; i < 4; ++i) {
      if constexpr (kDot == NeonDot::kI8mm) {
        sum.val[i] = vusdotq_s32(sum.val[i], w.val[i], a);
      } else {
        const uint8x16_t codes = kKind == 0 ? veorq_u8(w.val[i], vdupq_n_u8(0x80)) : w.val[i];
        sum.val[i] = add_products(sum.val[i], vreinterpretq_s8_u8(codes), a);
      }
    }
  }
  static Int no_pairs() {
    const int32x4_t zero = vdupq_n_s32(0);
    return {{zero, zero, zero, zero}};
  }
  static Two load_two(const std::int16_t* p) {
    std::int32_t two;
    __builtin_memcpy(&two, p, sizeof two);
    return vreinterpretq_s16_s32(vdupq_n_s32(two));
  }
  static void add_pairs(Int& sum, Bytes w, Two a) {
    for (int i = 0; i < 4; ++i) {
      const int16x8_t codes = vreinterpretq_s16_u8(w.val[i]);
      const int32x4_t low = vmull_s16(vget_low_s16(codes), vget_low_s16(a));
      sum.val[i] = vaddq_s32(sum.val[i], vpaddq_s32(low, vmull_high_s16(codes, a)));
    }
  }

 private:
  static float32x4_t shift_bits(uint32x4_t x, int shift) {
    return vreinterpretq_f32_u32(vshlq_u32(x, vdupq_n_s32(shift)));
  }
  static int16x8_t to_words(float32x4_t low, float32x4_t high) {
    return vcombine_s16(vqmovn_s32(vcvtq_s32_f32(low)), vqmovn_s32(vcvtq_s32_f32(high)));
  }
  static int32x4_t add_products(int32x4_t sum, int8x16_t w, int8x16_t a) {
    if constexpr (kDot == NeonDot::kDotProduct) {
      return vdotq_s32(sum, w, a);
    } else {
      const int16x8_t low = vmull_s8(vget_low_s8(w), vget_low_s8(a));
      const int16x8_t high = vmull_high_s8(w, a);
      return vaddq_s32(sum, vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high)));
    }
  }
};

}  // namespace linnet::cpu
