#include "generate/sampling/softmax_sums.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

namespace linnet {
namespace {

// Four numbers side by side. The compilers' vector types, because loops with conditions in them are
// not vectorised by themselves; each operation is that of the single numbers, bit for bit.
using Floats [[gnu::vector_size(16)]] = float;
using Words [[gnu::vector_size(16)]] = std::int32_t;

constexpr std::size_t kLanes = 4;
constexpr std::size_t kBlock = 256;  // logits whose sums stay in single precision
constexpr float kNever = -std::numeric_limits<float>::infinity();
constexpr float kLowest = -87.0f;  // below, exp is not a normal number

// 2^n * e^r with n = round(x / ln 2): e^r as a polynomial, 2^n in the exponent's bits. For x
// between kLowest and 0.
inline Floats exponential(Floats x) {
  constexpr float kLog2E = 1.44269504f, kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: what is added to it loses its fraction
  const Floats lifted = x * kLog2E + kRound;
  const Floats n = lifted - kRound;
  const Floats r = (x - n * kLn2High) - n * kLn2Low;
  Floats p = r * (1.0f / 5040.0f) + 1.0f / 720.0f;
  p = p * r + 1.0f / 120.0f;
  p = p * r + 1.0f / 24.0f;
  p = p * r + 1.0f / 6.0f;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  return reinterpret_cast<Floats>(reinterpret_cast<Words>(p) +
                                  (reinterpret_cast<Words>(lifted) << 23));
}

// `x` where the mask is set, 0 elsewhere.
inline Floats masked(Floats x, Words mask) {
  return reinterpret_cast<Floats>(reinterpret_cast<Words>(x) & mask);
}

SoftmaxSums block_sums(const float* logits, float highest, float scale) {
  Floats weights{}, exponents{};
  Words counts{};
  for (std::size_t begin = 0; begin < kBlock; begin += kLanes) {
    Floats x;
    std::memcpy(&x, logits + begin, sizeof x);
    const Floats z = (x - highest) * scale;
    const Words is_weight = z > kLowest;
    const Floats exponent = masked(z, is_weight);
    const Floats weight = masked(exponential(exponent), is_weight);
    weights += weight;
    exponents += weight * exponent;
    counts -= x > kNever;
  }
  SoftmaxSums sums;
  for (std::size_t i = 0; i < kLanes; ++i) sums += {weights[i], exponents[i], counts[i]};
  return sums;
}

}  // namespace

float exp_of_negative(float x) { return x > kLowest ? exponential(Floats{x, x, x, x})[0] : 0.0f; }

SoftmaxSums& SoftmaxSums::operator+=(const SoftmaxSums& other) {
  weights += other.weights;
  weighted_exponents += other.weighted_exponents;
  count += other.count;
  return *this;
}

SoftmaxSums softmax_sums(std::span<const float> logits, float highest, float scale) {
  SoftmaxSums sums;
  std::size_t begin = 0;
  for (; begin + kBlock <= logits.size(); begin += kBlock) {
    sums += block_sums(logits.data() + begin, highest, scale);
  }
  if (begin == logits.size()) return sums;
  std::array<float, kBlock> rest;
  rest.fill(kNever);
  std::copy(logits.begin() + static_cast<std::ptrdiff_t>(begin), logits.end(), rest.begin());
  return sums += block_sums(rest.data(), highest, scale);
}

}  // namespace linnet
