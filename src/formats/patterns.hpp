#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "formats/packing.hpp"

/// How types are written that only have some patterns of levels for runs of values. Such a type T
/// has
///   - `grid`: its patterns, of T::level_bits for each of T::pattern_elements values, the first
///     value lowest: which of the levels it has;
///   - `levels`: what they stand for, ascending. Of all types but the shifted ones these are
///     magnitudes, with a sign for each value;
///   - where eight signs must have an even number of minuses, `signs_are_even`;
///   - where values are moved up or down by `shift`, `shift_elements` of them alike, these two.
namespace linnet::formats {

template <class T>
inline constexpr bool kHasPatterns = requires {
  T::grid;
};
template <class T>
inline constexpr bool kHasEvenSigns = requires {
  T::signs_are_even;
};
template <class T>
inline constexpr bool kIsShifted = requires {
  T::shift_elements;
};

/// The patterns that come near a run of levels, for all such runs. Immutable, made when it is first
/// asked for.
template <class T>
class NearPatterns {
 public:
  static constexpr int kElements = T::pattern_elements;
  // Enough: the best by weights is seldom far behind the nearest.
  static constexpr std::size_t kMost = kHasEvenSigns<T> ? 16 : 10;
  using Levels = std::array<std::uint8_t, kElements>;
  using Values = std::array<float, kElements>;

  static const NearPatterns& instance() {
    static const NearPatterns patterns;
    return patterns;
  }

  /// Indices of T::grid, the nearest first; one alone where the levels are a pattern themselves and
  /// no sign can be wrong.
  std::span<const std::uint16_t> near(const Levels& levels) const {
    return near_[index_of(levels)];
  }

  /// What a pattern stands for.
  const Values& values(int pattern) const { return values_[pattern]; }

 private:
  NearPatterns() : near_(std::size_t{1} << (kElements * T::level_bits)) {
    for (const std::uint16_t pattern : T::grid) {
      Values values;
      for (int i = 0; i < kElements; ++i) {
        const int level = pattern >> (i * T::level_bits) & ((1 << T::level_bits) - 1);
        values[i] = static_cast<float>(T::levels[level]);
      }
      values_.push_back(values);
    }
    Levels levels{};
    do {
      near_[index_of(levels)] = find_near(levels);
    } while (advance(levels));
  }

  static std::size_t index_of(const Levels& levels) {
    std::size_t index = 0;
    for (int i = kElements - 1; i >= 0; --i) index = index << T::level_bits | levels[i];
    return index;
  }

  // To the next run of levels; false after the last.
  static bool advance(Levels& levels) {
    for (std::uint8_t& level : levels) {
      if (++level < T::levels.size()) return true;
      level = 0;
    }
    return false;
  }

  std::vector<std::uint16_t> find_near(const Levels& levels) const {
    std::vector<std::pair<float, std::uint16_t>> found;  // square distances
    found.reserve(values_.size());
    for (std::size_t p = 0; p < values_.size(); ++p) {
      float distance = 0.0f;
      for (int i = 0; i < kElements; ++i) {
        const float apart = static_cast<float>(T::levels[levels[i]]) - values_[p][i];
        distance += apart * apart;
      }
      if (distance == 0.0f && !kHasEvenSigns<T>) return {static_cast<std::uint16_t>(p)};
      found.emplace_back(distance, p);
    }
    std::partial_sort(found.begin(), found.begin() + kMost, found.end());
    std::vector<std::uint16_t> near;
    for (std::size_t i = 0; i < kMost; ++i) near.push_back(found[i].second);
    return near;
  }

  std::vector<Values> values_;
  std::vector<std::vector<std::uint16_t>> near_;
};

/// Which of T::levels is nearest to a value; the first for NaN.
template <class T>
std::uint8_t nearest_level(float value) {
  std::uint8_t level = 0;
  for (std::size_t i = 1; i < T::levels.size(); ++i) {
    level += value > 0.5f * static_cast<float>(T::levels[i - 1] + T::levels[i]);
  }
  return level;
}

/// A pattern for a run of values, and what it loses.
struct NearestPattern {
  int pattern = 0;
  float error = HUGE_VALF;
  int flipped = 0;  ///< the value with the wrong sign, if there is one
};

/// The best of the patterns near a run of values, which are over their scale; `error_of` gives the
/// error of one.
template <class T, class ErrorOf>
NearestPattern best_pattern(const float* values, const ErrorOf& error_of) {
  const NearPatterns<T>& patterns = NearPatterns<T>::instance();
  typename NearPatterns<T>::Levels levels;
  for (int i = 0; i < T::pattern_elements; ++i) levels[i] = nearest_level<T>(values[i]);
  const auto near = patterns.near(levels);
  NearestPattern best{.pattern = near.front()};
  for (const int pattern : near) {
    const NearestPattern tried = error_of(pattern, patterns.values(pattern));
    if (tried.error < best.error) best = tried;
  }
  return best;
}

template <class T>
float pattern_error(const float* values, const float* weights,
                    const typename NearPatterns<T>::Values& pattern) {
  float error = 0.0f;
  for (int i = 0; i < T::pattern_elements; ++i) {
    const float lost = values[i] - pattern[i];
    error += weights[i] * lost * lost;
  }
  return error;
}

/// The pattern that comes nearest to a run of values over their scale.
template <class T>
NearestPattern nearest_pattern(const float* values, const float* weights) {
  return best_pattern<T>(values, [&](int pattern, const auto& levels) {
    return NearestPattern{pattern, pattern_error<T>(values, weights, levels)};
  });
}

/// The same for magnitudes of which one gets the wrong sign.
template <class T>
NearestPattern nearest_flipped_pattern(const float* magnitudes, const float* weights) {
  return best_pattern<T>(magnitudes, [&](int pattern, const auto& levels) {
    NearestPattern result{pattern};
    for (int i = 0; i < T::pattern_elements; ++i) {
      const float more = 4.0f * weights[i] * magnitudes[i] * levels[i];
      if (!(more < result.error)) continue;
      result.error = more;
      result.flipped = i;
    }
    result.error += pattern_error<T>(magnitudes, weights, levels);
    return result;
  });
}

/// What stands for a group of values.
template <class T>
struct GroupPatterns {
  static constexpr int kRuns = T::group_elements / T::pattern_elements;
  int patterns[kRuns];
  std::uint8_t signs[T::group_elements / 8];  ///< value i: bit i % 8 of byte i / 8

  std::array<float, T::group_elements> codes() const {
    std::array<float, T::group_elements> codes;
    for (int i = 0; i < T::group_elements; ++i) {
      const auto& levels = NearPatterns<T>::instance().values(patterns[i / T::pattern_elements]);
      const float level = levels[i % T::pattern_elements];
      codes[i] = signs[i / 8] >> (i % 8) & 1 ? -level : level;
    }
    return codes;
  }
};

/// Has one value more get the wrong sign: the one of the eight that loses least by it.
template <class T>
void flip_one(const float* magnitudes, const float* weights, const NearestPattern* nearest,
              int* patterns, std::uint8_t& signs) {
  constexpr int kElements = T::pattern_elements;
  NearestPattern best;
  int best_run = 0;
  float best_gain = HUGE_VALF;
  for (int run = 0; run < 8 / kElements; ++run) {
    const int first = run * kElements;
    const auto flipped = nearest_flipped_pattern<T>(magnitudes + first, weights + first);
    const float more = flipped.error - nearest[run].error;
    if (run > 0 && !(more < best_gain)) continue;
    best = flipped;
    best_run = run;
    best_gain = more;
  }
  patterns[best_run] = best.pattern;
  signs ^= 1 << (best_run * kElements + best.flipped);
}

/// The patterns that, times `scale` (not below 0), come nearest to a group of values.
template <class T>
GroupPatterns<T> nearest_patterns(const float* in, const float* weights, float scale) {
  constexpr int kElements = T::pattern_elements, kTogether = 8 / kElements;
  const float inverse = inverse_or_zero(scale);
  GroupPatterns<T> result{};
  float magnitudes[T::group_elements];
  for (int i = 0; i < T::group_elements; ++i) {
    magnitudes[i] = std::fabs(in[i]) * inverse;
    result.signs[i / 8] |= (std::signbit(in[i]) ? 1 : 0) << (i % 8);
  }
  for (int first = 0; first < T::group_elements; first += 8) {
    int* const patterns = result.patterns + first / kElements;
    NearestPattern nearest[kTogether];
    for (int run = 0; run < kTogether; ++run) {
      const int at = first + run * kElements;
      nearest[run] = nearest_pattern<T>(magnitudes + at, weights + at);
      patterns[run] = nearest[run].pattern;
    }
    std::uint8_t& signs = result.signs[first / 8];
    if (!kHasEvenSigns<T> || std::popcount(signs) % 2 == 0) continue;
    flip_one<T>(magnitudes + first, weights + first, nearest, patterns, signs);
  }
  return result;
}

/// What stands for a group of values of a type that shifts them.
template <class T>
struct ShiftedPatterns {
  static constexpr int kRuns = T::group_elements / T::pattern_elements;
  int patterns[kRuns];
  bool shifts_down[kRuns];

  std::array<float, T::group_elements> codes() const {
    std::array<float, T::group_elements> codes;
    for (int i = 0; i < T::group_elements; ++i) {
      const int run = i / T::pattern_elements;
      const auto& levels = NearPatterns<T>::instance().values(patterns[run]);
      codes[i] = levels[i % T::pattern_elements] + (shifts_down[run] ? -T::shift : T::shift);
    }
    return codes;
  }
};

/// The patterns and shifts that, times `scale`, come nearest to a group of values.
template <class T>
requires(kIsShifted<T>) ShiftedPatterns<T> nearest_patterns(const float* in, const float* weights,
                                                            float scale) {
  constexpr int kElements = T::pattern_elements, kTogether = T::shift_elements / kElements;
  const float inverse = inverse_or_zero(scale);
  ShiftedPatterns<T> result{};
  for (int first = 0; first < T::group_elements; first += T::shift_elements) {
    float best_error = HUGE_VALF;
    for (const bool shifts_down : {false, true}) {
      int tried[kTogether];
      float error = 0.0f;
      for (int run = 0; run < kTogether; ++run) {
        const int at = first + run * kElements;
        float values[kElements];
        for (int i = 0; i < kElements; ++i) {
          values[i] = in[at + i] * inverse + (shifts_down ? T::shift : -T::shift);
        }
        const NearestPattern nearest = nearest_pattern<T>(values, weights + at);
        tried[run] = nearest.pattern;
        error += nearest.error;
      }
      if (!(error < best_error)) continue;
      best_error = error;
      std::copy_n(tried, kTogether, result.patterns + first / kElements);
      std::fill_n(result.shifts_down + first / kElements, kTogether, shifts_down);
    }
  }
  return result;
}

}  // namespace linnet::formats
