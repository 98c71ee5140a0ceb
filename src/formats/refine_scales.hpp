#pragma once

#include <algorithm>
#include <cmath>

#include "formats/block_format.hpp"
#include "formats/fit_scale.hpp"

/// The scales of groups are small integers times numbers of the block. Rounding each of them to the
/// nearest is not the best choice: here integers and numbers are fitted in turn.
namespace linnet::formats {

/// The integers that a group's scale may be: every step-th from `low` to `high`; its minimum may be
/// 0 to `high`.
struct ScaleRange {
  int low, high, step = 1;
  int nearest(float value) const {
    const float steps = (value - static_cast<float>(low)) / static_cast<float>(step);
    return low + step * round_to_range(steps, 0, (high - low) / step);
  }
};

/// A block that is fitted: its values, and what their errors count.
template <class T>
struct FittedBlock {
  const float* in;
  const float* weights;

  float group_error(int group, float scale, float minimum) const {
    const int first = group * T::group_elements;
    return formats::group_error<T>(in + first, weights + first, {scale, -minimum});
  }

  float error(const SuperScales<T::groups>& super) const {
    float error = 0.0f;
    for (int g = 0; g < T::groups; ++g) {
      error += group_error(g, T::scale_factor * super.super_scale * super.scales[g],
                           minimum_of(super, g));
    }
    return error;
  }

  static float minimum_of(const SuperScales<T::groups>& super, int group) {
    return T::has_minimum ? super.super_minimum * super.minimums[group] : 0.0f;
  }
};

/// Moves the integers of each group to the best ones near them.
template <class T>
void refine_integers(const FittedBlock<T>& block, ScaleRange range, SuperScales<T::groups>& super) {
  const int reach = range.high < 16 ? 2 : 1, scale_reach = reach * range.step;
  for (int g = 0; g < T::groups; ++g) {
    const std::int8_t scale = super.scales[g];
    const int minimum = T::has_minimum ? super.minimums[g] : 0;
    const int minimum_reach = T::has_minimum ? reach : 0;
    float best = HUGE_VALF;
    for (int s = std::max(scale - scale_reach, range.low);
         s <= std::min(scale + scale_reach, range.high); s += range.step) {
      for (int m = std::max(minimum - minimum_reach, 0);
           m <= std::min(minimum + minimum_reach, range.high); ++m) {
        const float error = block.group_error(g, T::scale_factor * super.super_scale * s,
                                              T::has_minimum ? super.super_minimum * m : 0.0f);
        if (!(error < best)) continue;
        best = error;
        super.scales[g] = static_cast<std::int8_t>(s);
        super.minimums[g] = static_cast<std::int8_t>(m);
      }
    }
  }
}

/// The numbers of the block that fit its integers and the codes which they give best.
template <class T>
void refine_numbers(const FittedBlock<T>& block, SuperScales<T::groups>& super) {
  // value = scale * a - minimum * b
  float aa = 0.0f, ab = 0.0f, bb = 0.0f, ax = 0.0f, bx = 0.0f;
  for (int g = 0; g < T::groups; ++g) {
    const float factor = T::scale_factor * super.scales[g];
    const float minimum = block.minimum_of(super, g);
    const float b = T::has_minimum ? super.minimums[g] : 0.0f;
    const float* const x = block.in + g * T::group_elements;
    const float* const weight = block.weights + g * T::group_elements;
    const auto code = nearest_codes<T>(x, weight, factor * super.super_scale, -minimum);
    const auto [w, wa, waa, wax, wx] = sum_terms<T::group_elements, 5>([&](int i) {
      const float a = factor * code(i), weighted = weight[i] * a;
      return std::array{weight[i], weighted, weighted * a, weighted * x[i], weight[i] * x[i]};
    });
    aa += waa;
    ab += wa * b;
    bb += w * b * b;
    ax += wax;
    bx += wx * b;
  }
  SuperScales<T::groups> tried = super;
  const float inverse = inverse_or_zero(aa * bb - ab * ab);
  if (T::has_minimum && inverse > 0.0f) {
    tried.super_scale = (ax * bb - bx * ab) * inverse;
    tried.super_minimum = (ax * ab - bx * aa) * inverse;
  } else {
    tried.super_scale =
        (ax + (T::has_minimum ? super.super_minimum * ab : 0.0f)) * inverse_or_zero(aa);
  }
  tried.super_scale = PackedHalf::of(tried.super_scale).value();
  if (T::has_minimum) tried.super_minimum = PackedHalf::of(tried.super_minimum).value();
  const bool fits = !T::has_minimum || (tried.super_scale >= 0.0f && tried.super_minimum >= 0.0f);
  if (fits && block.error(tried) < block.error(super)) super = tried;
}

/// Moves the scales of a block to better ones; more rounds gain next to nothing.
template <class T>
void refine_scales(const float* in, const float* weights, ScaleRange range,
                   SuperScales<T::groups>& super) {
  const FittedBlock<T> block{in, weights};
  refine_integers(block, range, super);
  refine_numbers(block, super);
  refine_integers(block, range, super);
}

}  // namespace linnet::formats
