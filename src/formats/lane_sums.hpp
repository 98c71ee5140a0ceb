#pragma once

#include <array>
#include <cstddef>

namespace linnet::formats {

/// Sums of `kSums` terms over i = 0 ... kCount - 1, in lanes that compilers make vectors of: one
/// sum after the other can't be, since the order of additions counts. `terms(i)` gives an array.
template <int kCount, std::size_t kSums, class Terms>
std::array<float, kSums> sum_terms(const Terms& terms) {
  constexpr int kLanes = 8;
  static_assert(kCount % kLanes == 0);
  float lanes[kSums][kLanes] = {};
  for (int first = 0; first < kCount; first += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const std::array<float, kSums> added = terms(first + lane);
      for (std::size_t s = 0; s < kSums; ++s) lanes[s][lane] += added[s];
    }
  }
  std::array<float, kSums> sums;
  for (std::size_t s = 0; s < kSums; ++s) {
    for (int half = kLanes / 2; half > 0; half /= 2) {
      for (int i = 0; i < half; ++i) lanes[s][i] += lanes[s][i + half];
    }
    sums[s] = lanes[s][0];
  }
  return sums;
}

}  // namespace linnet::formats
