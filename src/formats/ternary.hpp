#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "formats/block_format.hpp"
#include "formats/fit_scale.hpp"

/// How types of three or two values are written: their best scales need no search.
namespace linnet::formats {

/// The scale of a group whose values become -1, 0 or 1, with the least error. However large it is,
/// those that do not become 0 are the largest ones; for each number of them least squares give it.
template <int kCount>
float fit_ternary_scale(const float* in, const float* weights) {
  // As bits their order is that of magnitudes, and one, even if a value is NaN.
  struct Value {
    std::uint32_t magnitude;
    float weight;
  };
  std::array<Value, kCount> values;
  for (std::size_t i = 0; i < kCount; ++i) {
    values[i] = {std::bit_cast<std::uint32_t>(std::fabs(in[i])), weights[i]};
  }
  std::ranges::sort(values, std::greater(), &Value::magnitude);
  // Where squares overflow the scale does, too, so that whoever asked for the type hears of it.
  double best_scale = std::bit_cast<float>(values[0].magnitude);
  double wx = 0.0, w = 0.0, best_gain = 0.0;
  for (const Value& value : values) {
    wx += double{value.weight} * std::bit_cast<float>(value.magnitude);
    w += value.weight;
    // The error is the values' own size less this.
    const double gain = wx * wx / w;
    if (!(gain > best_gain)) continue;
    best_gain = gain;
    best_scale = wx / w;
  }
  return static_cast<float>(best_scale);
}

/// The same if no value becomes 0.
template <int kCount>
float fit_binary_scale(const float* in, const float* weights) {
  const auto [w, wx] = sum_terms<kCount, 2>([&](int i) {
    return std::array{weights[i], weights[i] * std::fabs(in[i])};
  });
  return wx * inverse_or_zero(w);
}

/// Packs the scale of a block, and gives the stored codes of its values.
template <class T>
PackedHalf put_ternary(const float* in, const float* weights, std::uint8_t* stored) {
  const float fitted = fit_ternary_scale<T::block_elements>(in, weights);
  const PackedHalf scale = nearest_half<T>(in, weights, {fitted, 0.0f});
  const float inverse = inverse_or_zero(scale.value());
  for (int i = 0; i < T::block_elements; ++i) {
    stored[i] = static_cast<std::uint8_t>(round_to_range(in[i] * inverse, -1, 1) + 1);
  }
  return scale;
}

}  // namespace linnet::formats
