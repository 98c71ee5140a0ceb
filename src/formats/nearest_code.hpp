#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>

#include "formats/packing.hpp"
#include "formats/patterns.hpp"

/// Which codes stand best for values, once the scale is known.
namespace linnet::formats {

/// The nearest integer of |value| < 2^22; faster than lrintf, which may set errno.
inline float round_fast(float value) {
  constexpr float kShift = 12582912.0f;  // 1.5 * 2^23: no bits after the point are left
  return (value + kShift) - kShift;
}

/// The entry of T::codebook, which ascends, nearest to `value`: as many steps up from the first as
/// there are middles between neighbours below it. No branches, so that loops become vectors.
template <class T>
float nearest_entry(float value) {
  return [value]<std::size_t... kSteps>(std::index_sequence<kSteps...>) {
    const auto step = [value](float entry, float next) {
      return value > 0.5f * (entry + next) ? next - entry : 0.0f;
    };
    return (static_cast<float>(T::codebook[0]) + ... +
            step(T::codebook[kSteps], T::codebook[kSteps + 1]));
  }
  (std::make_index_sequence<(std::size_t{1} << T::code_bits) - 1>());
}

/// The largest code of a type without a codebook.
template <class T>
inline constexpr float kMostCode = [] {
  if constexpr (requires { T::code_max; }) {
    return T::code_max;
  } else {
    return T::code_min + (1 << T::code_bits) - 1;
  }
}();

/// The code of a type nearest to `value`, as a number.
template <class T>
float nearest_code(float value) {
  if constexpr (T::has_codebook) {
    return nearest_entry<T>(value);
  } else {
    constexpr float kLow = T::code_min;
    return std::min(kMostCode<T>, std::max(kLow, round_fast(value)));
  }
}

/// Returns the code of value i of a group, so that scale * code + offset comes nearest to its
/// values, whose errors count by `weights`.
template <class T>
auto nearest_codes(const float* in, [[maybe_unused]] const float* weights, float scale,
                   [[maybe_unused]] float offset) {
  if constexpr (kHasPatterns<T>) {
    return [codes = nearest_patterns<T>(in, weights, scale).codes()](int i) { return codes[i]; };
  } else {
    const float inverse = inverse_or_zero(scale);
    return [=](int i) { return nearest_code<T>((in[i] - offset) * inverse); };
  }
}

}  // namespace linnet::formats
