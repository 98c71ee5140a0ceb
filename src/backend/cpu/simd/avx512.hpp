#pragma once

#include <immintrin.h>

#include <cstdint>

// Included inside a region that is compiled for AVX-512 with VNNI: see isa_avx512.cpp.

namespace linnet::cpu {

/// What there is besides VNNI.
enum class Avx512Extra { kNothing, kAmx };

/// Sixteen lanes in one register; see Scalar for what each function does.
template <Avx512Extra kExtra>
struct Avx512Lanes {
  static constexpr bool kHasTileRegisters = kExtra == Avx512Extra::kAmx;
  static constexpr const char* kName = kHasTileRegisters ? "avx512_amx" : "avx512";
  using Tiles = TileRegisters;
  using Float = __m512;
  using Int = __m512i;
  using Dot = __m512i;
  using Bytes = __m512i;
  using Four = __m512i;
  using Two = __m512i;
  // 12 products and as many sums leave 8 registers for weights and activations.
  static constexpr int kTileRows = 6, kTileStrips = 2;
  static constexpr int kPackedRows = 8;  // as many sums, 8 registers of weights
  static constexpr int kAttentionRows = 8;
  static constexpr int dot_kind(int /*largest_code*/) { return 0; }
  static constexpr int dot_bias(int /*kind*/) { return 0; }

  static Float set(float x) { return _mm512_set1_ps(x); }
  static Float load(const float* p) { return _mm512_loadu_ps(p); }
  static Float load_half(const std::uint16_t* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static Float load_bfloat16(const std::uint16_t* p) {
    const __m256i halves = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
  }
  static Float load_int8(const std::int8_t* p) {
    return _mm512_cvtepi32_ps(
        _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
  }
  static Float load_int4(const std::uint8_t* p, int shift) {
    const __m512 numbers = _mm512_setr_ps(-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7);
    const __m512i wide = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    // Of an index, only the last four bits count.
    return _mm512_permutexvar_ps(_mm512_srl_epi32(wide, _mm_cvtsi32_si128(shift)), numbers);
  }
  static Float load_bits(const std::uint8_t* p, int shift) {
    const __m512i wide = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    return _mm512_castsi512_ps(_mm512_sll_epi32(wide, _mm_cvtsi32_si128(shift)));
  }
  static void store(float* p, Float x) { _mm512_storeu_ps(p, x); }
  static Float add(Float a, Float b) { return _mm512_add_ps(a, b); }
  static Float sub(Float a, Float b) { return _mm512_sub_ps(a, b); }
  static Float mul(Float a, Float b) { return _mm512_mul_ps(a, b); }
  static void transpose(Float (&rows)[16]) {
    Float by_four[16];  // columns c, c + 4, c + 8, c + 12 of the rows 4 i to 4 i + 3, in by_four[4
                        // i + c]
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4) {
      const __m512d low = _mm512_castps_pd(_mm512_unpacklo_ps(rows[i], rows[i + 1]));
      const __m512d high = _mm512_castps_pd(_mm512_unpackhi_ps(rows[i], rows[i + 1]));
      const __m512d low2 = _mm512_castps_pd(_mm512_unpacklo_ps(rows[i + 2], rows[i + 3]));
      const __m512d high2 = _mm512_castps_pd(_mm512_unpackhi_ps(rows[i + 2], rows[i + 3]));
      by_four[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, low2));
      by_four[i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, low2));
      by_four[i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(high, high2));
      by_four[i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(high, high2));
    }
#pragma GCC unroll 4
    for (int c = 0; c < 4; ++c) {
      const Float even = _mm512_shuffle_f32x4(by_four[c], by_four[4 + c], 0x88);
      const Float odd = _mm512_shuffle_f32x4(by_four[c], by_four[4 + c], 0xdd);
      const Float even2 = _mm512_shuffle_f32x4(by_four[8 + c], by_four[12 + c], 0x88);
      const Float odd2 = _mm512_shuffle_f32x4(by_four[8 + c], by_four[12 + c], 0xdd);
      rows[c] = _mm512_shuffle_f32x4(even, even2, 0x88);
      rows[4 + c] = _mm512_shuffle_f32x4(odd, odd2, 0x88);
      rows[8 + c] = _mm512_shuffle_f32x4(even, even2, 0xdd);
      rows[12 + c] = _mm512_shuffle_f32x4(odd, odd2, 0xdd);
    }
  }
  static Float div(Float a, Float b) { return _mm512_div_ps(a, b); }
  static Float fma(Float a, Float b, Float c) { return _mm512_fmadd_ps(a, b, c); }
  static Float max(Float a, Float b) { return _mm512_max_ps(a, b); }
  static Float min(Float a, Float b) { return _mm512_min_ps(a, b); }
  static float sum_lanes(Float x) { return sum_eight(fold(x)); }
  static float max_lanes(Float x) { return _mm512_reduce_max_ps(x); }
  static bool any_above(Float x, float limit) {
    return _mm512_cmp_ps_mask(x, _mm512_set1_ps(limit), _CMP_GT_OQ) != 0;
  }
  static Float zero_if_infinite(Float test, Float x) {
    const __m512 infinity = _mm512_set1_ps(-__builtin_inff());
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(test, infinity, _CMP_NEQ_UQ), x);
  }
  static Float abs(Float a) { return _mm512_abs_ps(a); }
  static Float round(Float a) {
    return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  }
  static Float scale_by_power(Float x, Float n) { return _mm512_scalef_ps(x, n); }
  static void store_int8(std::int8_t* p, Float x) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(x)));
  }
  static void store_int16(std::int16_t* p, Float x) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                        _mm512_cvtepi32_epi16(_mm512_cvtps_epi32(x)));
  }

  template <int kFactor>
  static Dot begin_dot(std::int32_t x) {
    // Broadcast first: memory does that for nothing, and a number does not go from one kind of
    // register to the other.
    return _mm512_mullo_epi32(_mm512_set1_epi32(x), _mm512_set1_epi32(kFactor));
  }
  static Dot load_dot(const std::int32_t* p) { return _mm512_load_si512(p); }
  static Float to_float(Dot x) { return _mm512_cvtepi32_ps(x); }
  static Bytes load_bytes(const std::uint8_t* p) { return _mm512_loadu_si512(p); }
  static void store_bytes(std::uint8_t* p, Bytes x) { _mm512_storeu_si512(p, x); }
  static Bytes or_bytes(Bytes a, Bytes b) { return _mm512_or_si512(a, b); }
  static Bytes subtract_from_bytes(Bytes x, int number) {
    return _mm512_sub_epi8(x, _mm512_set1_epi8(static_cast<char>(number)));
  }
  template <int kFrom, int kTo, int kCount>
  static Bytes move_bits(Bytes x) {
    if constexpr (kFrom > kTo) x = _mm512_srli_epi16(x, kFrom - kTo);
    if constexpr (kFrom < kTo) x = _mm512_slli_epi16(x, kTo - kFrom);
    return _mm512_and_si512(x, _mm512_set1_epi8(static_cast<char>(((1 << kCount) - 1) << kTo)));
  }
  static Bytes look_up(const std::uint8_t* table, Bytes index) {
    const __m128i row = _mm_loadu_si128(reinterpret_cast<const __m128i*>(table));
    return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(row), index);
  }
  static Four load_four(const std::int8_t* p) {
    std::int32_t four;
    __builtin_memcpy(&four, p, sizeof four);
    return _mm512_set1_epi32(four);
  }
  template <int kKind, int kQuads>
  static void dot(Dot& sum, Bytes w, Four a, int /*quad*/) {
    sum = _mm512_dpbusd_epi32(sum, w, a);
  }
  static Int no_pairs() { return _mm512_setzero_si512(); }
  static Two load_two(const std::int16_t* p) {
    std::int32_t two;
    __builtin_memcpy(&two, p, sizeof two);
    return _mm512_set1_epi32(two);
  }
  static void add_pairs(Int& sum, Bytes w, Two a) { sum = _mm512_dpwssd_epi32(sum, w, a); }

 private:
  static __m256 fold(__m512 x) {
    return _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
  }
  static float sum_eight(__m256 x) {
    __m128 sum = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
    return _mm_cvtss_f32(_mm_add_ss(sum, _mm_movehdup_ps(sum)));
  }
};

using Avx512 = Avx512Lanes<Avx512Extra::kNothing>;
using Avx512Amx = Avx512Lanes<Avx512Extra::kAmx>;

}  // namespace linnet::cpu
