#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "formats/block_format.hpp"
#include "formats/fit_scale.hpp"
#include "formats/packing.hpp"
#include "formats/refine_scales.hpp"

/// Scales of the K types: what Q4_K and Q5_K share, and how they are chosen for writing.
namespace linnet::formats {

/// Eight pairs of 6-bit numbers in 12 bytes. The first four scales and minimums have bytes 0-3 and
/// 4-7; the low nibbles of the last four are in bytes 8-11 and their upper two bits on top of the
/// bytes of the first four.
struct PackedScales6 {
  std::uint8_t bytes[12];

  void unpack(std::int8_t* scales, std::int8_t* minimums) const {
    for (int i = 0; i < 4; ++i) {
      scales[i] = bytes[i] & 63;
      minimums[i] = bytes[i + 4] & 63;
      scales[i + 4] = static_cast<std::int8_t>((bytes[i + 8] & 0xf) | (bytes[i] >> 6) << 4);
      minimums[i + 4] = static_cast<std::int8_t>(bytes[i + 8] >> 4 | (bytes[i + 4] >> 6) << 4);
    }
  }

  void pack(const std::int8_t* scales, const std::int8_t* minimums) {
    for (int i = 0; i < 4; ++i) {
      bytes[i] = static_cast<std::uint8_t>(scales[i] | (scales[i + 4] >> 4) << 6);
      bytes[i + 4] = static_cast<std::uint8_t>(minimums[i] | (minimums[i + 4] >> 4) << 6);
      bytes[i + 8] =
          static_cast<std::uint8_t>((scales[i + 4] & 0xf) | (minimums[i + 4] & 0xf) << 4);
    }
  }
};

/// Fits a line to every group, scales and minimums being 0 to scale_max; the super scales come out
/// as they will be read back.
template <class T>
SuperScales<T::groups> fit_ranges(const float* in, const float* weights, int scale_max) {
  float scales[T::groups];
  float minimums[T::groups];
  for (std::ptrdiff_t g = 0; g < T::groups; ++g) {
    const std::ptrdiff_t first = g * T::group_elements;
    const Line line = fit_line<T>(in + first, weights + first, 0.0f);
    minimums[g] = -line.offset;
    scales[g] = line.scale;
  }
  const float largest_scale = *std::max_element(scales, scales + T::groups);
  const float largest_minimum = *std::max_element(minimums, minimums + T::groups);
  SuperScales<T::groups> result;
  result.super_scale = half_from(largest_scale / static_cast<float>(scale_max));
  result.super_minimum = half_from(largest_minimum / static_cast<float>(scale_max));
  for (int g = 0; g < T::groups; ++g) {
    result.scales[g] =
        round_to_range(scales[g] * inverse_or_zero(result.super_scale), 0, scale_max);
    result.minimums[g] =
        round_to_range(minimums[g] * inverse_or_zero(result.super_minimum), 0, scale_max);
  }
  refine_scales<T>(in, weights, {0, scale_max}, result);
  return result;
}

/// The same for types without minimums: scales may have signs, so that a group's largest value can
/// have the lowest code.
template <class T>
SuperScales<T::groups> fit_extremes(const float* in, const float* weights, ScaleRange range) {
  float scales[T::groups];
  for (std::ptrdiff_t g = 0; g < T::groups; ++g) {
    const std::ptrdiff_t first = g * T::group_elements;
    scales[g] = fit_scale<T>(in + first, weights + first);
  }
  const float largest = std::fabs(extreme(scales, T::groups));
  SuperScales<T::groups> result{};
  result.super_scale = half_from(largest / (T::scale_factor * static_cast<float>(range.high)));
  const float inverse = inverse_or_zero(T::scale_factor * result.super_scale);
  for (int g = 0; g < T::groups; ++g) result.scales[g] = range.nearest(scales[g] * inverse);
  refine_scales<T>(in, weights, range, result);
  return result;
}

/// Fits the scales of a block of a type with patterns, has `put(group, scale, patterns)` pack each
/// group, and returns the number of the block.
template <class T, class Put>
float put_patterns(const float* in, const float* weights, ScaleRange range, const Put& put) {
  const auto super = fit_extremes<T>(in, weights, range);
  float xx = 0.0f, xq = 0.0f, qq = 0.0f;
  for (std::ptrdiff_t g = 0; g < T::groups; ++g) {
    const float* const x = in + g * T::group_elements;
    const float* const weight = weights + g * T::group_elements;
    const float scale = T::scale_factor * super.super_scale * super.scales[g];
    const auto patterns = nearest_patterns<T>(x, weight, scale);
    const auto codes = patterns.codes();
    const auto [own, with, of_codes] = sum_terms<T::group_elements, 3>([&](int i) {
      const float q = scale * codes[i], weighted = weight[i] * q;
      return std::array{weight[i] * x[i] * x[i], weighted * x[i], weighted * q};
    });
    xx += own;
    xq += with;
    qq += of_codes;
    put(static_cast<int>(g), super.scales[g], patterns);
  }
  constexpr float kMost = std::numeric_limits<float>::max();
  if (qq >= 2.0f * xq && qq <= kMost)
    return 0.0f;  // zeros lose less: the numbers lie too far apart
  // The least error is that of values which are too small by its share, and so is then what a
  // matrix gives. A quarter of it back costs next to no error, and models are nearer to themselves.
  const bool is_sound = xq > 0.5f * xx && xx <= kMost;
  const float stretch = is_sound ? 0.75f + 0.25f * (xx / xq) : 1.0f;
  return PackedHalf::of(super.super_scale * stretch).value();
}

/// The nearest code, as its distance from T::code_min, of each value of a block.
template <class T>
void nearest_stored_codes(const float* in, const SuperScales<T::groups>& super,
                          std::uint8_t* stored) {
  for (int g = 0; g < T::groups; ++g) {
    const float inverse = inverse_or_zero(T::scale_factor * super.super_scale * super.scales[g]);
    const float minimum = T::has_minimum ? super.super_minimum * super.minimums[g] : 0.0f;
    for (int i = g * T::group_elements; i < (g + 1) * T::group_elements; ++i) {
      const float code = (in[i] + minimum) * inverse;
      if constexpr (T::has_codebook) {
        stored[i] = nearest_index(T::codebook, code);
      } else {
        const float from_least = code - static_cast<float>(T::code_min);
        stored[i] = round_to_range(from_least, 0, (1 << T::code_bits) - 1);
      }
    }
  }
}

}  // namespace linnet::formats
