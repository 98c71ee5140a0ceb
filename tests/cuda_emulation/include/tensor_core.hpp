#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

/// How tensor cores add up, which the PTX ISA leaves open: not as float32 does. What is said here
/// of Hopper's was found by others with test vectors on cards (https://arxiv.org/abs/2511.10909,
/// https://arxiv.org/abs/2512.07004).
namespace linnet::emulation {

inline int exponent_of(float value) {
  return static_cast<int>(std::bit_cast<std::uint32_t>(value) >> 23 & 255) - 127;
}

/// sum + the products of a[i] and b[i * stride], 16 numbers of 16 bits each: all terms lose what is
/// below 2^-25 of the largest power of two among them, then they are added, and the sum is cut to
/// float32, towards zero.
inline float add_tensor_products(float sum, const float* a, const float* b, int stride) {
  constexpr int kDepth = 16, kDigits = 25, kNone = -1000;
  int largest = sum != 0.0f ? exponent_of(sum) : kNone;
  double plain = sum;
  for (int k = 0; k < kDepth; ++k) {
    const float left = a[k], right = b[k * stride];
    plain += double{left} * right;
    if (left == 0.0f || right == 0.0f) continue;
    const int exponent = exponent_of(left) + exponent_of(right);
    largest = exponent > largest ? exponent : largest;
  }
  if (largest == kNone || !std::isfinite(plain)) return static_cast<float>(plain);
  const double unit = std::ldexp(1.0, largest - kDigits),
               units = std::ldexp(1.0, kDigits - largest);
  auto all = static_cast<std::int64_t>(sum * units);
  for (int k = 0; k < kDepth; ++k) {
    all += static_cast<std::int64_t>(double{a[k]} * b[k * stride] * units);
  }
  const double exact = static_cast<double>(all) * unit;
  const auto rounded = static_cast<float>(exact);
  const bool is_further = std::isfinite(rounded) && std::fabs(double{rounded}) > std::fabs(exact);
  return is_further ? std::nextafter(rounded, 0.0f) : rounded;
}

}  // namespace linnet::emulation
