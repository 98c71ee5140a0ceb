#pragma once

#include <cstdint>

// Included inside a region that is compiled for an instruction set: see isa_*.cpp.

namespace linnet::cpu {

// max() and min() give their second operand if either is NaN, and that is where x stands:
// NaN stays NaN.

/// exp(x) to about 1 ulp, for x clamped to [-87, 88]: x = n ln 2 + r, exp(r) by its Taylor series
/// (|r| <= ln(2)/2, so the term of degree 8 is below half an ulp).
template <class S>
typename S::Float exp(typename S::Float x) {
  using F = typename S::Float;
  x = S::max(S::set(-87.0f), S::min(S::set(88.0f), x));
  const F n = S::round(S::mul(x, S::set(1.44269504f)));
  // ln 2 in two parts, the first with few bits, so that n * the first is exact.
  F r = S::fma(n, S::set(-0.693359375f), x);
  r = S::fma(n, S::set(2.12194440e-4f), r);
  F sum = S::set(1.0f / 5040.0f);
  for (const float term :
       {1.0f / 720.0f, 1.0f / 120.0f, 1.0f / 24.0f, 1.0f / 6.0f, 0.5f, 1.0f, 1.0f}) {
    sum = S::fma(sum, r, S::set(term));
  }
  return S::scale_by_power(sum, n);
}

template <class S>
typename S::Float sigmoid(typename S::Float x) {
  const auto one = S::set(1.0f);
  return S::div(one, S::add(one, exp<S>(S::sub(S::set(0.0f), x))));
}

/// log(1 + exp(x)) = max(x, 0) + log(1 + t) with t = exp(-|x|), and log(1 + t) = 2 atanh(z) with
/// z = t / (2 + t) <= 1/3, of which the first nine terms are enough.
template <class S>
typename S::Float softplus(typename S::Float x) {
  using F = typename S::Float;
  const F t = exp<S>(S::sub(S::set(0.0f), S::abs(x)));
  const F z = S::div(t, S::add(t, S::set(2.0f)));
  const F square = S::mul(z, z);
  F sum = S::set(1.0f / 17.0f);
  for (const float term : {1.0f / 15.0f, 1.0f / 13.0f, 1.0f / 11.0f, 1.0f / 9.0f, 1.0f / 7.0f,
                           1.0f / 5.0f, 1.0f / 3.0f, 1.0f}) {
    sum = S::fma(sum, square, S::set(term));
  }
  return S::fma(S::add(z, z), sum, S::max(x, S::set(0.0f)));
}

/// 1 - 2 / (exp(2x) + 1); near zero, where this cancels, x - x^3 / 3 + 2 x^5 / 15.
template <class S>
typename S::Float tanh(typename S::Float x) {
  using F = typename S::Float;
  const F e = exp<S>(S::add(x, x));
  const F far = S::sub(S::set(1.0f), S::div(S::set(2.0f), S::add(e, S::set(1.0f))));
  const F square = S::mul(x, x);
  F near = S::fma(square, S::set(2.0f / 15.0f), S::set(-1.0f / 3.0f));
  near = S::fma(S::mul(near, square), x, x);
  float f[16], n[16], v[16];
  S::store(f, far);
  S::store(n, near);
  S::store(v, x);
  for (int i = 0; i < 16; ++i) f[i] = v[i] < 0.06f && v[i] > -0.06f ? n[i] : f[i];
  return S::load(f);
}

/// The `count` <= 16 values at p, the other lanes 0.
template <class S>
typename S::Float load_some(const float* p, std::int64_t count) {
  if (count == 16) return S::load(p);
  float v[16] = {};
  for (std::int64_t i = 0; i < count; ++i) v[i] = p[i];
  return S::load(v);
}

template <class S>
void store_some(float* p, typename S::Float x, std::int64_t count) {
  if (count == 16) return S::store(p, x);
  float v[16];
  S::store(v, x);
  for (std::int64_t i = 0; i < count; ++i) p[i] = v[i];
}

}  // namespace linnet::cpu
