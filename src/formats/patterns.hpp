#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "formats/packing.hpp"

/// How types are written that only have some patterns of magnitudes for runs of values, with a sign
/// for each value. Such a type T has
///   - `grid`: its patterns, of T::level_bits for each of T::pattern_elements values, the first
///     value lowest: which of the levels it has;
///   - `levels`: the magnitudes they stand for, ascending.
namespace linnet::formats {

template <class T>
inline constexpr bool kHasPatterns = requires {
  T::grid;
};

/// The patterns that come near a run of levels, for all such runs. Immutable, made when it is first
/// asked for.
template <class T>
class NearPatterns {
 public:
  static constexpr int kElements = T::pattern_elements;
  // Enough: the best by weights is seldom far behind the nearest.
  static constexpr std::size_t kMost = 10;
  using Levels = std::array<std::uint8_t, kElements>;

  static const NearPatterns& instance() {
    static const NearPatterns patterns;
    return patterns;
  }

  /// Indices of T::grid, the nearest first; one alone where the levels are a pattern themselves.
  const std::vector<std::uint16_t>& near(const Levels& levels) const {
    return near_[index_of(levels)];
  }

  static int level(int pattern, int element) {
    return T::grid[pattern] >> (element * T::level_bits) & ((1 << T::level_bits) - 1);
  }

 private:
  NearPatterns() : near_(std::size_t{1} << (kElements * T::level_bits)) {
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

  // To the next run of levels; false behind the last.
  static bool advance(Levels& levels) {
    for (std::uint8_t& level : levels) {
      if (++level < T::levels.size()) return true;
      level = 0;
    }
    return false;
  }

  static std::vector<std::uint16_t> find_near(const Levels& levels) {
    std::vector<std::pair<int, std::uint16_t>> found;  // square distances
    for (std::size_t p = 0; p < std::size(T::grid); ++p) {
      int distance = 0;
      for (int i = 0; i < kElements; ++i) {
        const int apart = T::levels[levels[i]] - T::levels[level(static_cast<int>(p), i)];
        distance += apart * apart;
      }
      if (distance == 0) return {static_cast<std::uint16_t>(p)};
      found.emplace_back(distance, p);
    }
    std::partial_sort(found.begin(), found.begin() + kMost, found.end());
    std::vector<std::uint16_t> near;
    for (std::size_t i = 0; i < kMost; ++i) near.push_back(found[i].second);
    return near;
  }

  std::vector<std::vector<std::uint16_t>> near_;
};

/// Which of T::levels is nearest to a magnitude; the first for NaN.
template <class T>
std::uint8_t nearest_level(float magnitude) {
  std::uint8_t level = 0;
  for (std::size_t i = 1; i < T::levels.size(); ++i) {
    level += magnitude > 0.5f * static_cast<float>(T::levels[i - 1] + T::levels[i]);
  }
  return level;
}

/// The index in T::grid of the pattern that, times `scale` (not below 0), comes nearest to the
/// magnitudes of a run of values.
template <class T>
int nearest_pattern(const float* in, const float* weights, float scale) {
  const NearPatterns<T>& patterns = NearPatterns<T>::instance();
  const float inverse = inverse_or_zero(scale);
  float magnitudes[T::pattern_elements];
  typename NearPatterns<T>::Levels levels;
  for (int i = 0; i < T::pattern_elements; ++i) {
    magnitudes[i] = std::fabs(in[i]) * inverse;
    levels[i] = nearest_level<T>(magnitudes[i]);
  }
  const auto& near = patterns.near(levels);
  if (near.size() == 1) return near.front();
  int best = near.front();
  float best_error = HUGE_VALF;
  for (const int pattern : near) {
    float error = 0.0f;
    for (int i = 0; i < T::pattern_elements; ++i) {
      const float lost = magnitudes[i] - static_cast<float>(T::levels[patterns.level(pattern, i)]);
      error += weights[i] * lost * lost;
    }
    if (!(error < best_error)) continue;
    best_error = error;
    best = pattern;
  }
  return best;
}

/// A bit for each of 256 values, set for negative ones; `signs` must be zero before.
inline void put_signs(const float* in, std::uint8_t* signs) {
  for (int i = 0; i < 256; ++i) signs[i / 8] |= (std::signbit(in[i]) ? 1 : 0) << (i % 8);
}

/// The codes of the nearest patterns to a group, with the values' signs; `scale` is not below 0.
template <class T>
std::array<float, T::group_elements> nearest_patterns(const float* in, const float* weights,
                                                      float scale) {
  std::array<float, T::group_elements> codes;
  for (int first = 0; first < T::group_elements; first += T::pattern_elements) {
    const int pattern = nearest_pattern<T>(in + first, weights + first, scale);
    for (int i = 0; i < T::pattern_elements; ++i) {
      const auto level = static_cast<float>(T::levels[NearPatterns<T>::level(pattern, i)]);
      codes[first + i] = std::copysign(level, in[first + i]);
    }
  }
  return codes;
}

}  // namespace linnet::formats
