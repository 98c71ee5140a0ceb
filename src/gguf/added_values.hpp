#pragma once

#include <algorithm>
#include <cmath>
#include <span>

namespace linnet::gguf {

/// Most that a value of what is added to a model (adapters, control vectors) may be in size: sums
/// and products of such values stay numbers, so that what has a strength of 0 adds nothing.
inline constexpr float kLargestAddedValue = 1e15f;

/// Whether all of `values`, times `scale`, are numbers within that.
inline bool can_be_added(std::span<const float> values, float scale = 1.0f) {
  return std::ranges::all_of(
      values, [&](float value) { return std::abs(value * scale) <= kLargestAddedValue; });
}

}  // namespace linnet::gguf
