#include "measure/peak_loops.hpp"

#include <algorithm>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>

#include "base/avx_vnni.hpp"
#endif

namespace linnet::measure {
namespace {

// Enough independent sums to hide the latency of an instruction.
constexpr int kSums = 12;

template <class Integer>
std::uint64_t portable_integers(std::int64_t turns) {
  Integer a[64], b[64];
  std::fill_n(a, 64, Integer{1});
  std::fill_n(b, 64, Integer{2});
  std::int32_t sums[64] = {};
  for (std::int64_t t = 0; t < turns; ++t) {
    a[t % 64] = static_cast<std::int8_t>(t);
    for (int i = 0; i < 64; ++i) sums[i] += a[i] * b[i];
  }
  std::uint64_t result = 0;
  for (const std::int32_t sum : sums) result += static_cast<std::uint32_t>(sum);
  return result;
}

std::uint64_t portable_float(std::int64_t turns) {
  float sums[64] = {};
  const float a = 0.5f;
  for (std::int64_t t = 0; t < turns; ++t) {
    for (float& sum : sums) sum = sum * a + 1.0f;
  }
  std::uint64_t result = 0;
  for (const float sum : sums) result += static_cast<std::uint64_t>(sum);
  return result;
}

std::uint64_t portable_read(const std::uint8_t* data, std::int64_t bytes) {
  std::uint64_t sums[8] = {};
  for (std::int64_t at = 0; at < bytes; at += 64) {
    std::uint64_t words[8];
    std::memcpy(words, data + at, sizeof words);
    for (int i = 0; i < 8; ++i) sums[i] ^= words[i];
  }
  return sums[0] ^ sums[1] ^ sums[2] ^ sums[3] ^ sums[4] ^ sums[5] ^ sums[6] ^ sums[7];
}

#if defined(__x86_64__)

bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vnni");
}
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

template <class Integer>
[[gnu::target("avx512f,avx512bw,avx512vnni")]] std::uint64_t avx512_integers(std::int64_t turns) {
  const __m512i a = _mm512_set1_epi8(3);
  const __m512i b = _mm512_set1_epi8(1);
  __m512i sums[kSums];
  for (__m512i& sum : sums) sum = _mm512_setzero_si512();
  for (std::int64_t t = 0; t < turns; ++t) {
    for (__m512i& sum : sums) {
      sum = sizeof(Integer) == 1 ? _mm512_dpbusd_epi32(sum, a, b) : _mm512_dpwssd_epi32(sum, a, b);
    }
  }
  __m512i total = sums[0];
  for (int i = 1; i < kSums; ++i) total = _mm512_xor_si512(total, sums[i]);
  std::uint64_t words[8];
  std::memcpy(words, &total, sizeof words);
  return words[0];
}

[[gnu::target("avx512f,avx512bw,avx512vnni")]] std::uint64_t avx512_float(std::int64_t turns) {
  const __m512 a = _mm512_set1_ps(0.5f);
  __m512 sums[kSums];
  for (__m512& sum : sums) sum = a;
  for (std::int64_t t = 0; t < turns; ++t) {
    for (__m512& sum : sums) sum = _mm512_fmadd_ps(sum, a, a);
  }
  __m512 total = sums[0];
  for (int i = 1; i < kSums; ++i) total = _mm512_add_ps(total, sums[i]);
  float values[16];
  std::memcpy(values, &total, sizeof values);
  return static_cast<std::uint64_t>(values[0]);
}

[[gnu::target("avx512f,avx512bw,avx512vnni")]] std::uint64_t avx512_read(const std::uint8_t* data,
                                                                         std::int64_t bytes) {
  __m512i sums[4];
  for (__m512i& sum : sums) sum = _mm512_setzero_si512();
  for (std::int64_t at = 0; at < bytes; at += 256) {
    for (int i = 0; i < 4; ++i) {
      sums[i] = _mm512_xor_si512(sums[i], _mm512_loadu_si512(data + at + 64 * i));
    }
  }
  const __m512i total =
      _mm512_xor_si512(_mm512_xor_si512(sums[0], sums[1]), _mm512_xor_si512(sums[2], sums[3]));
  std::uint64_t words[8];
  std::memcpy(words, &total, sizeof words);
  return words[0] ^ words[1] ^ words[2] ^ words[3] ^ words[4] ^ words[5] ^ words[6] ^ words[7];
}

template <class Integer>
[[gnu::target("avx2,avxvnni")]] std::uint64_t avx_vnni_integers(std::int64_t turns) {
  const __m256i a = _mm256_set1_epi8(3);
  const __m256i b = _mm256_set1_epi8(1);
  __m256i sums[kSums];
  for (__m256i& sum : sums) sum = _mm256_setzero_si256();
  for (std::int64_t t = 0; t < turns; ++t) {
    for (__m256i& sum : sums) {
      sum = sizeof(Integer) == 1 ? _mm256_dpbusd_avx_epi32(sum, a, b)
                                 : _mm256_dpwssd_avx_epi32(sum, a, b);
    }
  }
  __m256i total = sums[0];
  for (int i = 1; i < kSums; ++i) total = _mm256_xor_si256(total, sums[i]);
  std::uint64_t words[4];
  std::memcpy(words, &total, sizeof words);
  return words[0];
}

// Three instructions multiply and add 32 pairs of bytes, two 16 pairs of 16 bits: what a kernel can
// do without VNNI.
template <class Integer>
[[gnu::target("avx2,fma")]] std::uint64_t avx2_integers(std::int64_t turns) {
  __m256i a = _mm256_set1_epi8(3);
  const __m256i b = _mm256_set1_epi8(1);
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i sums[kSums];
  for (__m256i& sum : sums) sum = _mm256_setzero_si256();
  for (std::int64_t t = 0; t < turns; ++t) {
    for (__m256i& sum : sums) {
      asm volatile("" : "+x"(a));  // else the products, which never change, are made once
      const __m256i products = sizeof(Integer) == 1
                                   ? _mm256_madd_epi16(_mm256_maddubs_epi16(a, b), ones)
                                   : _mm256_madd_epi16(a, b);
      sum = _mm256_add_epi32(sum, products);
    }
  }
  __m256i total = sums[0];
  for (int i = 1; i < kSums; ++i) total = _mm256_xor_si256(total, sums[i]);
  std::uint64_t words[4];
  std::memcpy(words, &total, sizeof words);
  return words[0];
}

[[gnu::target("avx2,fma")]] std::uint64_t avx2_float(std::int64_t turns) {
  const __m256 a = _mm256_set1_ps(0.5f);
  __m256 sums[kSums];
  for (__m256& sum : sums) sum = a;
  for (std::int64_t t = 0; t < turns; ++t) {
    for (__m256& sum : sums) sum = _mm256_fmadd_ps(sum, a, a);
  }
  __m256 total = sums[0];
  for (int i = 1; i < kSums; ++i) total = _mm256_add_ps(total, sums[i]);
  float values[8];
  std::memcpy(values, &total, sizeof values);
  return static_cast<std::uint64_t>(values[0]);
}

#endif  // __x86_64__

template <class Integer>
std::vector<PeakLoop> integer_peak_loops() {
  std::vector<PeakLoop> loops;
#if defined(__x86_64__)
  constexpr int kPairs = 64 / sizeof(Integer);  // of an instruction of 64 bytes
  if (has_avx512()) loops.push_back({avx512_integers<Integer>, kSums * kPairs * 2});
  if (has_avx2() && has_avx_vnni()) loops.push_back({avx_vnni_integers<Integer>, kSums * kPairs});
  if (has_avx2()) loops.push_back({avx2_integers<Integer>, kSums * kPairs});
#endif
  loops.push_back({portable_integers<Integer>, 64 * 2});
  return loops;
}

}  // namespace

std::vector<PeakLoop> int8_peak_loops() { return integer_peak_loops<std::int8_t>(); }
std::vector<PeakLoop> int16_peak_loops() { return integer_peak_loops<std::int16_t>(); }

std::vector<PeakLoop> float_peak_loops() {
  std::vector<PeakLoop> loops;
#if defined(__x86_64__)
  if (has_avx512()) loops.push_back({avx512_float, kSums * 16 * 2});
  if (has_avx2()) loops.push_back({avx2_float, kSums * 8 * 2});
#endif
  loops.push_back({portable_float, 64 * 2});
  return loops;
}

std::uint64_t read_all(const std::uint8_t* data, std::int64_t bytes) {
#if defined(__x86_64__)
  if (has_avx512()) return avx512_read(data, bytes);
#endif
  return portable_read(data, bytes);
}

}  // namespace linnet::measure
