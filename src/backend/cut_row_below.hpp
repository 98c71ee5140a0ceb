#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace linnet {

/// x = max(0, x - (mean + deviations * standard deviation)), the deviation that of a sample.
inline void cut_row_below(float* x, std::int64_t width, float deviations) {
  double mean = 0.0;
  for (std::int64_t i = 0; i < width; ++i) mean += x[i];
  mean /= static_cast<double>(width);
  double variance = 0.0;
  for (std::int64_t i = 0; i < width; ++i) variance += (x[i] - mean) * (x[i] - mean);
  variance /= static_cast<double>(std::max<std::int64_t>(1, width - 1));
  const double cut = mean + deviations * std::sqrt(variance);
  for (std::int64_t i = 0; i < width; ++i) x[i] = static_cast<float>(std::max(x[i] - cut, 0.0));
}

}  // namespace linnet
