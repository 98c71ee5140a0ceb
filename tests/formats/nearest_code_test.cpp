// What writers choose must be the best there is.
#include "formats/nearest_code.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "formats/iq1_m.hpp"
#include "formats/iq1_s.hpp"
#include "formats/iq2_s.hpp"
#include "formats/iq2_xs.hpp"
#include "formats/iq2_xxs.hpp"
#include "formats/iq3_s.hpp"
#include "formats/iq3_xxs.hpp"
#include "formats/iq4_nl.hpp"
#include "formats/lane_sums.hpp"
#include "formats/q4_0.hpp"
#include "formats/q5_1.hpp"
#include "formats/ternary.hpp"
#include "formats/tq2_0.hpp"

namespace linnet::formats {
namespace {

TEST(SumTermsTest, adds_all_terms) {
  const auto [ones, numbers] = sum_terms<24, 2>([](int i) {
    return std::array{1.0f, static_cast<float>(i)};
  });
  EXPECT_EQ(ones, 24.0f);
  EXPECT_EQ(numbers, 276.0f);
}

template <class T>
std::vector<float> all_codes() {
  std::vector<float> codes;
  for (int stored = 0; stored < 1 << T::code_bits; ++stored) {
    codes.push_back(code_of<T>(static_cast<std::uint8_t>(stored)));
  }
  return codes;
}

template <class T>
void expect_nearest() {
  const std::vector<float> codes = all_codes<T>();
  for (float value = -150.0f; value < 150.0f; value += 0.37f) {
    float least = HUGE_VALF;
    for (const float code : codes) least = std::min(least, std::fabs(value - code));
    EXPECT_EQ(std::fabs(value - nearest_code<T>(value)), least) << T::name << " " << value;
  }
  EXPECT_EQ(nearest_code<T>(std::numeric_limits<float>::quiet_NaN()), codes.front()) << T::name;
}

TEST(NearestCodeTest, no_code_is_nearer) {
  expect_nearest<Q4_0>();
  expect_nearest<Q5_1>();
  expect_nearest<IQ4_NL>();
}

template <class T>
float squares(const float* in, const float* weights, const T& codes, int count) {
  float error = 0.0f;
  for (int i = 0; i < count; ++i) error += weights[i] * (in[i] - codes[i]) * (in[i] - codes[i]);
  return error;
}

// Values of a group, and what they count.
template <class T>
struct RandomGroup {
  explicit RandomGroup(std::mt19937& random) {
    std::normal_distribution<float> sizes(0.0f, static_cast<float>(T::levels.back()) / 2.0f);
    std::uniform_real_distribution<float> counts(0.5f, 2.0f);
    for (float& value : in) value = sizes(random);
    for (float& weight : weights) weight = counts(random);
  }
  float in[T::group_elements], weights[T::group_elements];
};

// Of the error that the best of all patterns has, on average of random groups, for types whose
// values have any signs.
template <class T>
double error_beside_best() {
  std::mt19937 random(5);
  double chosen = 0.0, best = 0.0;
  for (int i = 0; i < 500; ++i) {
    const RandomGroup<T> group(random);
    const auto codes = nearest_patterns<T>(group.in, group.weights, 1.0f).codes();
    chosen += squares(group.in, group.weights, codes, T::group_elements);
    for (int first = 0; first < T::group_elements; first += T::pattern_elements) {
      float least = HUGE_VALF;
      float magnitudes[T::pattern_elements];
      for (int j = 0; j < T::pattern_elements; ++j) magnitudes[j] = std::fabs(group.in[first + j]);
      for (int p = 0; p < static_cast<int>(std::size(T::grid)); ++p) {
        const auto& levels = NearPatterns<T>::instance().values(p);
        least = std::min(least,
                         squares(magnitudes, group.weights + first, levels, T::pattern_elements));
      }
      best += least;
    }
  }
  return chosen / best;
}

TEST(NearestPatternsTest, hardly_any_are_nearer) {
  EXPECT_LT(error_beside_best<IQ3_S>(), 1.02);
  EXPECT_LT(error_beside_best<IQ2_S>(), 1.02);
}

TEST(NearestPatternsTest, what_is_a_pattern_stays) {
  for (int p = 0; p < static_cast<int>(std::size(kIq3SGrid)); ++p) {
    float in[32], weights[32];
    std::fill_n(weights, 32, 1.0f);
    for (int i = 0; i < 32; ++i) in[i] = 0.25f * NearPatterns<IQ3_S>::instance().values(p)[i % 4];
    for (const int pattern : nearest_patterns<IQ3_S>(in, weights, 0.25f).patterns) {
      EXPECT_EQ(pattern, p);
    }
  }
}

// The least error of eight values with an even number of minuses: all signs, all patterns.
template <class T>
float least_with_even_signs(const float* in, const float* weights) {
  const NearPatterns<T>& patterns = NearPatterns<T>::instance();
  float least = HUGE_VALF;
  for (unsigned signs = 0; signs < 256; ++signs) {
    if (std::popcount(signs) % 2 != 0) continue;
    float error = 0.0f;
    for (int first = 0; first < 8; first += T::pattern_elements) {
      float signed_values[T::pattern_elements];
      for (int i = 0; i < T::pattern_elements; ++i) {
        signed_values[i] = signs >> (first + i) & 1 ? -in[first + i] : in[first + i];
      }
      float best = HUGE_VALF;
      for (int p = 0; p < static_cast<int>(std::size(T::grid)); ++p) {
        best = std::min(
            best, squares(signed_values, weights + first, patterns.values(p), T::pattern_elements));
      }
      error += best;
    }
    least = std::min(least, error);
  }
  return least;
}

template <class T>
void expect_best_even_signs() {
  std::mt19937 random(6);
  double chosen = 0.0, best = 0.0;
  for (int i = 0; i < 60; ++i) {
    const RandomGroup<T> group(random);
    const auto nearest = nearest_patterns<T>(group.in, group.weights, 1.0f);
    for (const std::uint8_t signs : nearest.signs) EXPECT_EQ(std::popcount(signs) % 2, 0);
    chosen += squares(group.in, group.weights, nearest.codes(), T::group_elements);
    for (int first = 0; first < T::group_elements; first += 8) {
      best += least_with_even_signs<T>(group.in + first, group.weights + first);
    }
  }
  EXPECT_LT(chosen / best, 1.02) << T::name;
}

TEST(NearestPatternsTest, a_wrong_sign_costs_as_little_as_can_be) {
  expect_best_even_signs<IQ2_XXS>();
  expect_best_even_signs<IQ2_XS>();
  expect_best_even_signs<IQ3_XXS>();
}

template <class T>
void expect_best_shifts() {
  std::mt19937 random(7);
  double chosen = 0.0, best = 0.0;
  for (int i = 0; i < 40; ++i) {
    const RandomGroup<T> group(random);
    const auto codes = nearest_patterns<T>(group.in, group.weights, 1.0f).codes();
    chosen += squares(group.in, group.weights, codes, T::group_elements);
    for (int first = 0; first < T::group_elements; first += T::shift_elements) {
      float least = HUGE_VALF;
      for (const float shift : {T::shift, -T::shift}) {
        float error = 0.0f;
        for (int run = first; run < first + T::shift_elements; run += 8) {
          float moved[8], nearest = HUGE_VALF;
          for (int j = 0; j < 8; ++j) moved[j] = group.in[run + j] - shift;
          for (int p = 0; p < static_cast<int>(std::size(T::grid)); ++p) {
            nearest = std::min(nearest, squares(moved, group.weights + run,
                                                NearPatterns<T>::instance().values(p), 8));
          }
          error += nearest;
        }
        least = std::min(least, error);
      }
      best += least;
    }
  }
  EXPECT_LT(chosen / best, 1.02) << T::name;
}

TEST(NearestPatternsTest, shifts_are_the_better_of_two) {
  expect_best_shifts<IQ1_S>();
  expect_best_shifts<IQ1_M>();
}

// No other scale has a smaller error, whatever it is.
TEST(TernaryScaleTest, is_the_best) {
  std::mt19937 random(8);
  std::normal_distribution<float> sizes;
  std::uniform_real_distribution<float> counts(0.5f, 2.0f);
  for (int round = 0; round < 20; ++round) {
    float in[256], weights[256];
    for (float& value : in) value = sizes(random);
    for (float& weight : weights) weight = counts(random);
    const auto error = [&](float scale) { return group_error<TQ2_0>(in, weights, {scale, 0.0f}); };
    const float fitted = error(fit_ternary_scale<256>(in, weights));
    for (float scale = 0.2f; scale < 3.0f; scale += 0.01f)
      EXPECT_LE(fitted, 1.0001f * error(scale));
  }
}

}  // namespace
}  // namespace linnet::formats
