#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include "base/half.hpp"
#include "formats/lane_sums.hpp"

namespace linnet {

/// Values that share a scale in KvType::kQ4_0.
inline constexpr int kFourBitBlock = 32;

/// Rounds `count` <= kFourBitBlock values to scale * code, and returns the scale (a bfloat16) and
/// in `codes` whole numbers from -8 to 7. Of the scales that bring the value furthest from 0 to
/// some place about -8 it takes the one that loses least. If a value is not finite, none of those
/// that are restored is.
inline float round_to_four_bits(const float* values, int count, float* codes) {
  constexpr float kPlaces[] = {-8.0f, -8.8f, -7.2f, -6.5f};  // measured: docs/performance.md
  constexpr float kRounder = 0x1.8p23f;  // next to it, numbers have no fractional digits
  float block[kFourBitBlock] = {}, furthest = 0.0f;
  for (int i = 0; i < count; ++i) {
    block[i] = values[i];
    if (!(std::fabs(block[i]) <= std::fabs(furthest))) furthest = block[i];
    if (!std::isfinite(block[i])) return std::fill_n(codes, count, 0.0f), block[i];
  }
  float best_scale = 0.0f, least_loss = 0.0f;
  for (const float place : kPlaces) {
    const float scale = bfloat16_to_float(float_to_bfloat16(furthest / place));
    const float inverse = std::isnormal(scale) ? 1.0f / scale : 0.0f;
    float tried[kFourBitBlock];
    for (int i = 0; i < kFourBitBlock; ++i) {
      const float code = block[i] * inverse;  // not std::clamp, which compilers make no vectors of
      const float above = code > -8.0f ? code : -8.0f;
      tried[i] = (above < 7.0f ? above : 7.0f) + kRounder - kRounder;
    }
    const auto [loss] = formats::sum_terms<kFourBitBlock, 1>([&](int i) {
      const float lost = block[i] - scale * tried[i];
      return std::array{lost * lost};
    });
    if (place != kPlaces[0] && !(loss < least_loss)) continue;
    least_loss = loss;
    best_scale = scale;
    std::copy_n(tried, count, codes);
  }
  return best_scale;
}

}  // namespace linnet
