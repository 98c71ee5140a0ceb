#pragma once

#include <immintrin.h>

#include <cstdint>

// Included inside a region that is compiled for AVX2, FMA and F16C (and AVX-VNNI): see isa_avx2.cpp
// and isa_avx_vnni.cpp.

namespace linnet::cpu {

/// Sixteen lanes in two registers; see Scalar for what each function does. A template and not a
/// base class, so that the two sets share no function: each is compiled for its own instructions.
template <bool kVnni>
struct Avx2Lanes {
  static constexpr bool kHasTileRegisters = false;
  static constexpr const char* kName = kVnni ? "avx_vnni" : "avx2";
  struct Float {
    __m256 low, high;
  };
  struct Int {
    __m256i low, high;
  };
  using Bytes = Int;
  struct Dot {
    Int sum;
    Int pairs;  ///< 16 bits for two products each, not yet in `sum`
  };
  using Four = __m256i;
  using Two = __m256i;
  static constexpr int kTileRows = 6, kTileStrips = 1;
  static constexpr int kPackedRows = 1;
  static constexpr int kAttentionRows = 3;
  /// How many quads' pairs of products fit 16 bits; 0: not one, unless 128 is taken from the codes.
  static constexpr int dot_kind(int largest_code) {
    if (kVnni) return 1;
    return largest_code < 16   ? 8
           : largest_code < 32 ? 4
           : largest_code < 64 ? 2
                               : largest_code < 128;
  }
  static constexpr int dot_bias(int kind) { return kind == 0 ? 128 : 0; }

  static Float set(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
  static Float load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
  static Float load_half(const std::uint16_t* p) {
    return {_mm256_cvtph_ps(load128(p)), _mm256_cvtph_ps(load128(p + 8))};
  }
  static Float load_bfloat16(const std::uint16_t* p) {
    return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(load128(p)), 16)),
            _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(load128(p + 8)), 16))};
  }
  static Float load_int8(const std::int8_t* p) {
    const __m128i bytes = load128(p);
    return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes)),
            _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(bytes, 8)))};
  }
  static Float load_int4(const std::uint8_t* p, int shift) {
    const __m128i shifted = _mm_srl_epi16(load128(p), _mm_cvtsi32_si128(shift));
    const __m128i codes = _mm_and_si128(shifted, _mm_set1_epi8(15));
    const __m128i bytes = _mm_sub_epi8(codes, _mm_set1_epi8(8));
    return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes)),
            _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(bytes, 8)))};
  }
  static Float load_bits(const std::uint8_t* p, int shift) {
    const __m128i bytes = load128(p), count = _mm_cvtsi32_si128(shift);
    const __m256i low = _mm256_sll_epi32(_mm256_cvtepu8_epi32(bytes), count);
    const __m256i high = _mm256_sll_epi32(_mm256_cvtepu8_epi32(_mm_srli_si128(bytes, 8)), count);
    return {_mm256_castsi256_ps(low), _mm256_castsi256_ps(high)};
  }
  static void store(float* p, Float x) {
    _mm256_storeu_ps(p, x.low);
    _mm256_storeu_ps(p + 8, x.high);
  }
  static Float add(Float a, Float b) {
    return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
  }
  static Float sub(Float a, Float b) {
    return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
  }
  static Float mul(Float a, Float b) {
    return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
  }
  static Float div(Float a, Float b) {
    return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)};
  }
  static Float fma(Float a, Float b, Float c) {
    return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
  }
  static Float max(Float a, Float b) {
    return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)};
  }
  static Float min(Float a, Float b) {
    return {_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)};
  }
  static void transpose(Float (&rows)[16]) {
    __m256 quarters[2][2][8];  // [rows][columns], of eight
    for (int i = 0; i < 16; ++i) {
      quarters[i / 8][0][i % 8] = rows[i].low;
      quarters[i / 8][1][i % 8] = rows[i].high;
    }
    for (int i = 0; i < 4; ++i) transpose_eight(quarters[i / 2][i % 2]);
    for (int i = 0; i < 16; ++i) rows[i] = {quarters[0][i / 8][i % 8], quarters[1][i / 8][i % 8]};
  }
  static float sum_lanes(Float x) {
    const __m256 eight = _mm256_add_ps(x.low, x.high);
    __m128 sum = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
    return _mm_cvtss_f32(_mm_add_ss(sum, _mm_movehdup_ps(sum)));
  }
  static float max_lanes(Float x) {
    const __m256 eight = _mm256_max_ps(x.low, x.high);
    __m128 most = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    most = _mm_max_ps(most, _mm_movehl_ps(most, most));
    return _mm_cvtss_f32(_mm_max_ss(most, _mm_movehdup_ps(most)));
  }
  static bool any_above(Float x, float limit) {
    const __m256 most = _mm256_max_ps(x.low, x.high);
    return _mm256_movemask_ps(_mm256_cmp_ps(most, _mm256_set1_ps(limit), _CMP_GT_OQ)) != 0;
  }
  static Float zero_if_infinite(Float test, Float x) {
    const __m256 infinity = _mm256_set1_ps(-__builtin_inff());
    return {_mm256_and_ps(_mm256_cmp_ps(test.low, infinity, _CMP_NEQ_UQ), x.low),
            _mm256_and_ps(_mm256_cmp_ps(test.high, infinity, _CMP_NEQ_UQ), x.high)};
  }
  static Float abs(Float a) {
    const __m256 mask = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
    return {_mm256_and_ps(a.low, mask), _mm256_and_ps(a.high, mask)};
  }
  static Float round(Float a) {
    constexpr int kMode = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
    return {_mm256_round_ps(a.low, kMode), _mm256_round_ps(a.high, kMode)};
  }
  static Float scale_by_power(Float x, Float n) {
    return {scale_half(x.low, n.low), scale_half(x.high, n.high)};
  }
  static void store_int8(std::int8_t* p, Float x) {
    const __m256i words = to_words(x);
    const __m128i bytes =
        _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), bytes);
  }
  static void store_int16(std::int16_t* p, Float x) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), to_words(x));
  }

  template <int kFactor>
  static Dot begin_dot(std::int32_t x) {
    const __m256i zero = _mm256_setzero_si256();
    return {{_mm256_set1_epi32(kFactor * x), _mm256_set1_epi32(kFactor * x)}, {zero, zero}};
  }
  static Float to_float(Dot x) { return to_float(x.sum); }
  static Bytes load_bytes(const std::uint8_t* p) {
    return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)),
            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 32))};
  }
  static void store_bytes(std::uint8_t* p, Bytes x) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), x.low);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p + 32), x.high);
  }
  static Bytes or_bytes(Bytes a, Bytes b) {
    return {_mm256_or_si256(a.low, b.low), _mm256_or_si256(a.high, b.high)};
  }
  template <int kFrom, int kTo, int kCount>
  static Bytes move_bits(Bytes x) {
    return {move_half<kFrom, kTo, kCount>(x.low), move_half<kFrom, kTo, kCount>(x.high)};
  }
  static Bytes look_up(const std::uint8_t* table, Bytes index) {
    const __m256i row =
        _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table)));
    return {_mm256_shuffle_epi8(row, index.low), _mm256_shuffle_epi8(row, index.high)};
  }
  static Four load_four(const std::int8_t* p) {
    std::int32_t four;
    __builtin_memcpy(&four, p, sizeof four);
    return _mm256_set1_epi32(four);
  }
  template <int kKind, int kQuads>
  static void dot(Dot& sum, Bytes w, Four a, int quad) {
    constexpr int kRun = kKind < kQuads ? kKind : kQuads;
    dot_half<kRun>(sum.sum.low, sum.pairs.low, w.low, a, quad);
    dot_half<kRun>(sum.sum.high, sum.pairs.high, w.high, a, quad);
  }
  static Int no_pairs() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
  static Float to_float(Int x) { return {_mm256_cvtepi32_ps(x.low), _mm256_cvtepi32_ps(x.high)}; }
  static Two load_two(const std::int16_t* p) {
    std::int32_t two;
    __builtin_memcpy(&two, p, sizeof two);
    return _mm256_set1_epi32(two);
  }
  static void add_pairs(Int& sum, Bytes w, Two a) {
    add_half_pairs(sum.low, w.low, a);
    add_half_pairs(sum.high, w.high, a);
  }

 private:
  static void transpose_eight(__m256 (&rows)[8]) {
    __m256 by_four[8];  // columns c and c + 4 of the rows 4 i to 4 i + 3, in by_four[4 i + c]
    for (int i = 0; i < 8; i += 4) {
      const __m256d low = _mm256_castps_pd(_mm256_unpacklo_ps(rows[i], rows[i + 1]));
      const __m256d high = _mm256_castps_pd(_mm256_unpackhi_ps(rows[i], rows[i + 1]));
      const __m256d low2 = _mm256_castps_pd(_mm256_unpacklo_ps(rows[i + 2], rows[i + 3]));
      const __m256d high2 = _mm256_castps_pd(_mm256_unpackhi_ps(rows[i + 2], rows[i + 3]));
      by_four[i] = _mm256_castpd_ps(_mm256_unpacklo_pd(low, low2));
      by_four[i + 1] = _mm256_castpd_ps(_mm256_unpackhi_pd(low, low2));
      by_four[i + 2] = _mm256_castpd_ps(_mm256_unpacklo_pd(high, high2));
      by_four[i + 3] = _mm256_castpd_ps(_mm256_unpackhi_pd(high, high2));
    }
    for (int c = 0; c < 4; ++c) {
      rows[c] = _mm256_permute2f128_ps(by_four[c], by_four[4 + c], 0x20);
      rows[4 + c] = _mm256_permute2f128_ps(by_four[c], by_four[4 + c], 0x31);
    }
  }
  static __m128i load128(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }
  static __m256i load256(const void* p) {
    return _mm256_loadu_si256(static_cast<const __m256i*>(p));
  }
  template <int kFrom, int kTo, int kCount>
  static __m256i move_half(__m256i x) {
    if constexpr (kFrom > kTo) x = _mm256_srli_epi16(x, kFrom - kTo);
    if constexpr (kFrom < kTo) x = _mm256_slli_epi16(x, kTo - kFrom);
    return _mm256_and_si256(x, _mm256_set1_epi8(static_cast<char>(((1 << kCount) - 1) << kTo)));
  }
  static __m256 scale_half(__m256 x, __m256 n) {
    const __m256i exponent =
        _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
    return _mm256_mul_ps(x, _mm256_castsi256_ps(exponent));
  }
  // maddubs adds pairs of products in 16 bits, saturating. Where codes are small the pairs of kRun
  // quads fit, too, and are widened together. With a bias, |w - 128| <= 128 is multiplied with the
  // activation that has its sign: 2 * 128 * 127 just fits.
  template <int kRun>
  static void dot_half(__m256i& sum, __m256i& pairs, __m256i w, __m256i a, int quad) {
    if constexpr (kVnni) {
      sum = _mm256_dpbusd_avx_epi32(sum, w, a);
    } else if constexpr (kRun == 0) {
      const __m256i biased = _mm256_xor_si256(w, _mm256_set1_epi8(static_cast<char>(0x80)));
      const __m256i products =
          _mm256_maddubs_epi16(_mm256_abs_epi8(biased), _mm256_sign_epi8(a, biased));
      sum = _mm256_add_epi32(sum, widen_pairs(products));
      asm("" : "+x"(sum));
    } else {
      pairs = _mm256_add_epi16(pairs, _mm256_maddubs_epi16(w, a));
      // GCC would make all products of a tile first and add them afterwards, and run out of
      // registers.
      asm("" : "+x"(pairs));
      if ((quad + 1) % kRun != 0) return;
      sum = _mm256_add_epi32(sum, widen_pairs(pairs));
      asm("" : "+x"(sum));
      pairs = _mm256_setzero_si256();
    }
  }
  static void add_half_pairs(__m256i& sum, __m256i w, __m256i a) {
    if constexpr (kVnni) {
      sum = _mm256_dpwssd_avx_epi32(sum, w, a);
    } else {
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(w, a));
      asm("" : "+x"(sum));
    }
  }
  // Integers in [-32768, 32767], in the order of the lanes.
  static __m256i to_words(Float x) {
    return _mm256_permute4x64_epi64(
        _mm256_packs_epi32(_mm256_cvtps_epi32(x.low), _mm256_cvtps_epi32(x.high)), 0xd8);
  }
  static __m256i widen_pairs(__m256i pairs) {
    return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
  }
};

using Avx2 = Avx2Lanes<false>;
using AvxVnni = Avx2Lanes<true>;

}  // namespace linnet::cpu
