#pragma once

#include <cmath>

#include "backend/cpu/kernels/kernels.hpp"
#include "backend/cpu/kernels/math.hpp"
#include "base/half.hpp"

namespace linnet::cpu {

template <class S>
float sum_row(const float* x, std::int64_t width, float mean, bool squares) {
  auto sum = S::set(0.0f);
  for (std::int64_t i = 0; i < width; i += 16) {
    const std::int64_t count = width - i < 16 ? width - i : 16;
    auto value = load_some<S>(x + i, count);
    if (squares) {
      // Lanes beyond the end must add nothing.
      value = count == 16 ? S::sub(value, S::set(mean)) : value;
      if (count < 16) {
        float v[16] = {};
        for (std::int64_t k = 0; k < count; ++k) v[k] = x[i + k] - mean;
        value = S::load(v);
      }
      sum = S::fma(value, value, sum);
    } else {
      sum = S::add(sum, value);
    }
  }
  return S::sum_lanes(sum);
}

template <class S>
void norm_row(const float* x, std::int64_t width, NormKind kind, float epsilon, const float* weight,
              const float* bias, float* out) {
  const auto count = static_cast<float>(width);
  const float mean = kind == NormKind::kLayer ? sum_row<S>(x, width, 0.0f, false) / count : 0.0f;
  const float squares = sum_row<S>(x, width, mean, true);
  const float length = std::sqrt(squares);
  const auto factor = S::set(1.0f / (kind == NormKind::kL2 ? (length > epsilon ? length : epsilon)
                                                           : std::sqrt(squares / count + epsilon)));
  for (std::int64_t i = 0; i < width; i += 16) {
    const std::int64_t some = width - i < 16 ? width - i : 16;
    auto value = S::mul(S::sub(load_some<S>(x + i, some), S::set(mean)), factor);
    if (weight) value = S::mul(value, load_some<S>(weight + i, some));
    if (bias) value = S::add(value, load_some<S>(bias + i, some));
    store_some<S>(out + i, value, some);
  }
}

// The lesser of x and limit.
template <class S>
typename S::Float clamp_above(typename S::Float x, float limit) {
  const auto zero = S::set(0.0f);
  return S::sub(zero, S::max(S::set(-limit), S::sub(zero, x)));
}

// What the activated gate is multiplied with.
template <class S>
typename S::Float up_factor(typename S::Float up, Activation activation) {
  if (activation != Activation::kClampedSwiglu) return up;
  return S::add(S::max(S::set(-7.0f), clamp_above<S>(up, 7.0f)), S::set(1.0f));
}

template <class S>
typename S::Float round_to_half(typename S::Float x) {
  float v[16];
  S::store(v, x);
  for (float& y : v) y = half_to_float(float_to_half(y));
  return S::load(v);
}

// See Activation::kGeluOfHalves; `gelu` is that of the rounded argument.
template <class S>
typename S::Float gelu_of_halves(typename S::Float x, typename S::Float gelu) {
  float arguments[16], values[16];
  S::store(arguments, x);
  S::store(values, round_to_half<S>(gelu));
  for (int i = 0; i < 16; ++i) {
    if (std::fabs(arguments[i]) >= 10.0f) values[i] = arguments[i] > 0.0f ? arguments[i] : 0.0f;
  }
  return S::load(values);
}

template <class S>
typename S::Float activate(typename S::Float x, Activation activation) {
  const auto zero = S::set(0.0f);
  switch (activation) {
    case Activation::kSilu:
      return S::mul(x, sigmoid<S>(x));
    case Activation::kGelu: {  // 0.5 x (1 + tanh(u)) = x sigmoid(2 u)
      const auto cube = S::mul(S::mul(x, x), x);
      const auto u = S::fma(cube, S::set(0.044715f), x);
      return S::mul(x, sigmoid<S>(S::mul(u, S::set(1.59576912f))));  // 2 sqrt(2 / pi)
    }
    case Activation::kGeluQuick:
      return S::mul(x, sigmoid<S>(S::mul(x, S::set(1.702f))));
    case Activation::kRelu:
      return S::max(zero, x);
    case Activation::kReluSquared:
      return S::mul(S::max(zero, x), S::max(zero, x));
    case Activation::kSigmoid:
      return sigmoid<S>(x);
    case Activation::kTanh:
      return tanh<S>(x);
    case Activation::kIdentity:
      return x;
    case Activation::kSquareRoot: {
      float v[16];
      S::store(v, x);
      for (float& y : v) y = std::sqrt(y);
      return S::load(v);
    }
    case Activation::kElu: {  // exp(x) - 1 = 2 t / (1 - t) with t = tanh(x / 2), exact near 0
      const auto t = tanh<S>(S::mul(clamp_above<S>(x, 0.0f), S::set(0.5f)));
      return S::add(S::max(x, zero), S::div(S::add(t, t), S::sub(S::set(1.0f), t)));
    }
    case Activation::kClampedSwiglu: {
      const auto limited = clamp_above<S>(x, 7.0f);
      return S::mul(limited, sigmoid<S>(S::mul(limited, S::set(1.702f))));
    }
    case Activation::kGeluOfHalves:
      return gelu_of_halves<S>(x, activate<S>(round_to_half<S>(x), Activation::kGelu));
    case Activation::kSoftplus:
      return softplus<S>(x);
    case Activation::kGeluErf: {
      float v[16];
      S::store(v, x);
      for (float& y : v) {
        const double d = y;
        y = static_cast<float>(0.5 * d * (1.0 + std::erf(d * 0.70710678118654752)));
      }
      return S::load(v);
    }
  }
  return x;
}

template <class S>
typename S::Float gate(typename S::Float x, typename S::Float up, Activation activation) {
  return S::mul(activate<S>(x, activation), up_factor<S>(up, activation));
}

template <class S>
void activate_row(const float* gates, const float* up, std::int64_t width, Activation activation,
                  float* out) {
  for (std::int64_t i = 0; i < width; i += 16) {
    const std::int64_t some = width - i < 16 ? width - i : 16;
    const auto x = load_some<S>(gates + i, some);
    store_some<S>(
        out + i,
        up ? gate<S>(x, load_some<S>(up + i, some), activation) : activate<S>(x, activation), some);
  }
}

template <class S>
void softcap_row(float* x, std::int64_t width, float cap) {
  for (std::int64_t i = 0; i < width; i += 16) {
    const std::int64_t some = width - i < 16 ? width - i : 16;
    const auto inner = S::div(load_some<S>(x + i, some), S::set(cap));
    store_some<S>(x + i, S::mul(tanh<S>(inner), S::set(cap)), some);
  }
}

}  // namespace linnet::cpu
