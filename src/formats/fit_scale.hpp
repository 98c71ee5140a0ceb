#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <utility>

#include "formats/packing.hpp"

/// How the scales of quantised types are chosen when they are written: by trying some, for the
/// smallest error, where the error of each value counts by a weight (see error_weights).
namespace linnet::formats {

/// The nearest integer of |value| < 2^22; faster than lrintf, which may set errno.
inline float round_fast(float value) {
  constexpr float kShift = 12582912.0f;  // 1.5 * 2^23: no bits behind the point are left
  return (value + kShift) - kShift;
}

inline float mean_square(const float* in, int count) {
  float sum = 0.0f;
  for (int i = 0; i < count; ++i) sum += in[i] * in[i];
  return sum / static_cast<float>(count);
}

/// What the error of each value of a group counts: by its size and the group's, because what a
/// matrix product loses depends most on the large weights, and the small ones are many; times
/// `importance`, if that is not null.
inline void error_weights(const float* in, const float* importance, int count, float* weights) {
  const float size = mean_square(in, count);
  for (int i = 0; i < count; ++i) {
    weights[i] = std::sqrt(size + in[i] * in[i]) * (importance ? importance[i] : 1.0f);
  }
}

/// The scale of the smallest error among those that come near `inverses`, each the inverse of a
/// scale: codes are round(value * inverse), and the scale is what fits these codes best.
template <class Round, std::size_t kTries>
float search_scale(const float* in, const float* weights, int count,
                   const std::array<float, kTries>& inverses, const Round& round) {
  // Where squares are beyond floats, or nothing but zero, there is nothing to gain.
  float best_gain = 0.0f, best_scale = inverse_or_zero(inverses[kTries / 2]);
  for (const float inverse : inverses) {
    float values_by_codes = 0.0f, codes_by_codes = 0.0f;
    for (int i = 0; i < count; ++i) {
      const float code = round(in[i] * inverse), weighted = weights[i] * code;
      values_by_codes += weighted * in[i];
      codes_by_codes += weighted * code;
    }
    // The error is the values' own size less this.
    const float gain = values_by_codes * values_by_codes * inverse_or_zero(codes_by_codes);
    if (!(gain > best_gain)) continue;
    best_gain = gain;
    best_scale = values_by_codes / codes_by_codes;
  }
  return best_scale;
}

/// The scale for codes -magnitude to magnitude - 1.
inline float fit_scale(const float* in, const float* weights, int count, int magnitude) {
  const float inverse = inverse_or_zero(extreme(in, count)), low = -static_cast<float>(magnitude);
  std::array<float, 19> inverses;
  for (std::size_t i = 0; i < inverses.size(); ++i) {
    inverses[i] = (low + 0.1f * (static_cast<float>(i) - 9.0f)) * inverse;
  }
  return search_scale(in, weights, count, inverses,
                      [low](float code) { return std::clamp(round_fast(code), low, -low - 1.0f); });
}

/// The scale for codes out of a codebook.
inline float fit_scale(const float* in, const float* weights, int count,
                       const std::array<std::int8_t, 16>& codebook) {
  const float inverse = inverse_or_zero(extreme(in, count));
  std::array<float, 12> inverses;
  for (std::size_t i = 0; i < inverses.size(); ++i) {  // the largest value to either end
    const float end = i % 2 == 0 ? codebook.front() : codebook.back();
    const std::size_t step = i / 2;
    inverses[i] = end * (0.8f + 0.05f * static_cast<float>(step)) * inverse;
  }
  return search_scale(in, weights, count, inverses, [&](float code) {
    return static_cast<float>(codebook[nearest_index(codebook, code)]);
  });
}

/// value = scale * code + offset
struct Line {
  float scale, offset;
};

/// The line that fits given codes best, and its error.
template <class Code>
std::pair<Line, float> fit_line(const float* in, const float* weights, int count, float most_offset,
                                const Code& code_of) {
  float w = 0.0f, wc = 0.0f, wcc = 0.0f, wx = 0.0f, wxc = 0.0f, wxx = 0.0f;
  for (int i = 0; i < count; ++i) {
    const float weight = weights[i], code = code_of(in[i]);
    w += weight;
    wc += weight * code;
    wcc += weight * code * code;
    wx += weight * in[i];
    wxc += weight * in[i] * code;
    wxx += weight * in[i] * in[i];
  }
  // Where all codes are the same, the offset alone.
  const float inverse = inverse_or_zero(std::max(w * wcc - wc * wc, 0.0f));
  Line line{(w * wxc - wc * wx) * inverse, 0.0f};
  line.offset = (wx - line.scale * wc) * inverse_or_zero(w);
  if (line.offset > most_offset) {
    line = {(wxc - most_offset * wc) * inverse_or_zero(wcc), most_offset};
  }
  const float error = wxx + line.scale * line.scale * wcc + line.offset * line.offset * w -
                      2.0f * (line.scale * wxc + line.offset * wx - line.scale * line.offset * wc);
  return {line, error};
}

/// The scale (not below 0) and the offset (`most_offset` at most) for codes 0 to code_max: the best
/// of some ranges, and what it becomes when values are rounded to it anew.
inline Line fit_line(const float* in, const float* weights, int count, int code_max,
                     float most_offset) {
  constexpr int kRanges = 12, kRounds = 3;
  const float most_code = static_cast<float>(code_max);
  const Range range = range_of(in, count);
  const float low = std::min(range.low, most_offset);
  Line best{(range.high - low) / most_code, low};
  float best_error = HUGE_VALF;
  for (int i = 0; i < kRanges + kRounds; ++i) {
    const float steps = most_code - 0.8f + 0.15f * static_cast<float>(i);
    const Line tried = i < kRanges ? Line{(range.high - low) / steps, low} : best;
    const float inverse = inverse_or_zero(tried.scale);
    const auto [line, error] = fit_line(in, weights, count, most_offset, [&](float value) {
      return std::clamp(round_fast((value - tried.offset) * inverse), 0.0f, most_code);
    });
    if (!(error < best_error) || !(line.scale >= 0.0f)) continue;
    best = line;
    best_error = error;
  }
  return best;
}

}  // namespace linnet::formats
