#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include "formats/lane_sums.hpp"
#include "formats/nearest_code.hpp"
#include "formats/packing.hpp"

/// How the scales of quantised types are chosen when they are written: by trying some, for the
/// smallest error, where the error of each value counts by a weight (see error_weights).
namespace linnet::formats {

/// What the error of each value of a group counts: by its size and the group's, because what a
/// matrix product loses depends most on the large weights, and the small ones are many; times
/// `importance`, if that is not null.
template <int kCount>
void error_weights(const float* in, const float* importance, float* weights) {
  const auto [squares] = sum_terms<kCount, 1>([&](int i) { return std::array{in[i] * in[i]}; });
  const float mean_square = squares / kCount;
  for (int i = 0; i < kCount; ++i) weights[i] = std::sqrt(mean_square + in[i] * in[i]);
  if (!importance) return;
  for (int i = 0; i < kCount; ++i) weights[i] *= importance[i];
}

/// value = scale * code + offset
struct Line {
  float scale, offset;
};

/// The error of a group whose values become the nearest codes.
template <class T>
float group_error(const float* in, const float* weights, Line line) {
  const auto code = nearest_codes<T>(in, weights, line.scale, line.offset);
  const auto [error] = sum_terms<T::group_elements, 1>([&](int i) {
    const float lost = in[i] - line.offset - line.scale * code(i);
    return std::array{weights[i] * lost * lost};
  });
  return error;
}

/// The scale of a line as half-precision number: the nearest, but of the subnormal ones, which lie
/// far apart, the better of the two beside it.
template <class T>
PackedHalf nearest_half(const float* in, const float* weights, Line line) {
  const PackedHalf nearest = PackedHalf::of(line.scale);
  if (!(std::fabs(line.scale) < kSmallestNormalHalf)) return nearest;
  const bool is_below = nearest.value() < line.scale;
  const float other = nearest.value() + (is_below ? kHalfStep : -kHalfStep);
  const auto error = [&](float scale) { return group_error<T>(in, weights, {scale, line.offset}); };
  return error(other) < error(nearest.value()) ? PackedHalf::of(other) : nearest;
}

/// The codes that the value of the largest magnitude in a group is tried at: from well within the
/// range, where it is cut off or others find better codes, to a little beyond.
template <class T>
constexpr auto tried_ends() {
  std::array<float, kHasPatterns<T> ? 17 : T::has_codebook ? 24 : 16> ends{};
  for (std::size_t i = 0; i < ends.size(); ++i) {
    const auto number = static_cast<float>(i);
    if constexpr (kHasPatterns<T>) {  // whose codes come with either sign
      ends[i] = static_cast<float>(T::levels.back()) * (0.75f + 0.05f * number);
    } else if constexpr (T::has_codebook) {  // whose two ends differ
      const std::size_t step = i / 2;
      const float end = 95.0f + 4.0f * static_cast<float>(step);
      ends[i] = i % 2 == 0 ? -end : end;
    } else if constexpr (kMostCode<T> > -T::code_min) {  // whose two ends differ
      const float step = static_cast<float>(i / 2);
      ends[i] =
          i % 2 == 0 ? kMostCode<T> * (0.5f + 0.125f * step) : T::code_min * (0.7f + 0.1f * step);
    } else {
      constexpr float kLow = T::code_min, kStep = (0.2f * kLow - 0.8f) / 14.0f;
      ends[i] = i == 0 ? kLow : 0.8f * kLow + kStep * (number - 1.0f);
    }
  }
  // For magnitudes that are all the same.
  if constexpr (kIsShifted<T>) {
    ends.back() = static_cast<float>(T::levels.back()) + T::shift;
  } else if constexpr (kHasPatterns<T>) {
    ends.back() = static_cast<float>(T::levels.front());
  }
  return ends;
}

/// The scale of a group without a minimum: the codes that come of each scale tried are fitted by
/// least squares, and what fits best is taken.
template <class T>
float fit_scale(const float* in, const float* weights) {
  const float first = extreme(in, T::group_elements);
  const float largest = kHasPatterns<T> ? std::fabs(first) : first;
  // Where squares are beyond floats, or nothing but zero, there is nothing to gain.
  float best_gain = 0.0f, best_scale = largest / tried_ends<T>()[0];
  for (const float end : tried_ends<T>()) {
    const auto code = nearest_codes<T>(in, weights, largest / end, 0.0f);
    const auto [wxc, wcc] = sum_terms<T::group_elements, 2>([&](int i) {
      const float c = code(i), weighted = weights[i] * c;
      return std::array{weighted * in[i], weighted * c};
    });
    // The error is the values' own size less this. What sums round tells no scales apart: if all
    // values are the same, the first one stays.
    const float gain = wxc * wxc * inverse_or_zero(wcc);
    if (!(gain > best_gain * (1.0f + 0x1p-20f))) continue;
    best_gain = gain;
    best_scale = wxc / wcc;
  }
  return best_scale;
}

/// Fits lines to a group of values, whose errors are weighted by `weights`.
template <class T>
class LineFit {
 public:
  LineFit(const float* in, const float* weights, float most_offset)
      : in_(in), weights_(weights), most_offset_(most_offset) {
    const auto [w, wx, wxx] = sum_terms<T::group_elements, 3>([&](int i) {
      const float weighted = weights[i] * in[i];
      return std::array{weights[i], weighted, weighted * in[i]};
    });
    w_ = w;
    wx_ = wx;
    wxx_ = wxx;
  }

  /// Takes the line that fits the codes best which `tried` gives, if its error is less than this
  /// share of the least so far.
  void improve(Line tried, float share = 1.0f) {
    const auto code = nearest_codes<T>(in_, weights_, tried.scale, tried.offset);
    const auto [wc, wcc, wxc] = sum_terms<T::group_elements, 3>([&](int i) {
      const float c = code(i), weighted = weights_[i] * c;
      return std::array{weighted, weighted * c, weighted * in_[i]};
    });
    // If all codes are the same, the offset alone.
    const float determinant = inverse_or_zero(std::max(w_ * wcc - wc * wc, 0.0f));
    Line line{(w_ * wxc - wc * wx_) * determinant, 0.0f};
    line.offset = (wx_ - line.scale * wc) * inverse_or_zero(w_);
    if (line.offset > most_offset_) {
      line = {(wxc - most_offset_ * wc) * inverse_or_zero(wcc), most_offset_};
    }
    const float error =
        wxx_ + line.scale * line.scale * wcc + line.offset * line.offset * w_ -
        2.0f * (line.scale * wxc + line.offset * wx_ - line.scale * line.offset * wc);
    if (!(error < share * best_error_) || !(line.scale >= 0.0f)) return;
    best_error_ = error;
    best_ = line;
  }

  Line best() const { return best_; }
  void set_best(Line line) { best_ = line; }

 private:
  const float* in_;
  const float* weights_;
  float most_offset_, w_, wx_, wxx_;
  float best_error_ = HUGE_VALF;
  Line best_{};
};

/// The scale (not below 0) and the offset (`most_offset` at most) of a group for the codes of T,
/// which begin at 0: the best of some lines that leave out no values or a few of the least and the
/// largest, and what it becomes when values are rounded to it anew.
template <class T>
Line fit_line(const float* in, const float* weights, float most_offset) {
  constexpr int kOffsets = 2, kWidths = 12, kRounds = 2;
  constexpr float kMostCode = formats::kMostCode<T>;
  constexpr float kStep = (0.1f * kMostCode + 1.0f) / (kWidths - 1);
  const Range range = range_of(in, T::group_elements);
  const float low = std::min(range.low, most_offset), width = range.high - low;
  LineFit<T> fit(in, weights, most_offset);
  fit.set_best({width / kMostCode, low});
  for (int i = 0; i < kOffsets; ++i) {
    const float offset = std::min(low + 0.027f * static_cast<float>(i) * width, most_offset);
    for (int j = 0; j < kWidths; ++j) {
      const float codes = 0.9f * kMostCode + kStep * static_cast<float>(j);
      fit.improve({(range.high - offset) / codes, offset});
    }
  }
  // Three values that are equally far apart, as those of ternary weights are. If that is no real
  // gain, scales are best small: they have to do with integers as small as the others'.
  if (T::code_bits == 2) fit.improve({0.5f * width, low}, 0.9f);
  for (int i = 0; i < kRounds; ++i) fit.improve(fit.best());
  return fit.best();
}

}  // namespace linnet::formats
