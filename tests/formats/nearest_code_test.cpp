// What writers choose must be the best there is.
#include "formats/nearest_code.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "formats/iq2_s.hpp"
#include "formats/iq3_s.hpp"
#include "formats/iq4_nl.hpp"
#include "formats/lane_sums.hpp"
#include "formats/q4_0.hpp"
#include "formats/q5_1.hpp"

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

// Of the error that the best of all patterns has, on average of random runs.
template <class T>
double error_beside_best() {
  std::mt19937 random(5);
  std::normal_distribution<float> values(0.0f, static_cast<float>(T::levels.back()) / 2.0f);
  std::uniform_real_distribution<float> sizes(0.5f, 2.0f);
  double chosen = 0.0, best = 0.0;
  for (int run = 0; run < 2000; ++run) {
    float in[T::pattern_elements], weights[T::pattern_elements];
    for (float& value : in) value = values(random);
    for (float& weight : weights) weight = sizes(random);
    const auto error_of = [&](int pattern) {
      double error = 0.0;
      for (int i = 0; i < T::pattern_elements; ++i) {
        const int level = T::levels[NearPatterns<T>::level(pattern, i)];
        error += weights[i] * std::pow(std::fabs(in[i]) - static_cast<float>(level), 2);
      }
      return error;
    };
    double least = HUGE_VAL;
    for (int p = 0; p < static_cast<int>(std::size(T::grid)); ++p) {
      least = std::min(least, error_of(p));
    }
    chosen += error_of(nearest_pattern<T>(in, weights, 1.0f));
    best += least;
  }
  return chosen / best;
}

TEST(NearestPatternTest, hardly_any_is_nearer) {
  EXPECT_LT(error_beside_best<IQ3_S>(), 1.02);
  EXPECT_LT(error_beside_best<IQ2_S>(), 1.02);
}

TEST(NearestPatternTest, what_is_a_pattern_stays) {
  for (int p = 0; p < static_cast<int>(std::size(kIq3SGrid)); ++p) {
    float in[4], weights[4] = {1.0f, 1.0f, 1.0f, 1.0f};
    for (int i = 0; i < 4; ++i) {
      in[i] = 0.25f * static_cast<float>(IQ3_S::levels[NearPatterns<IQ3_S>::level(p, i)]);
    }
    EXPECT_EQ(nearest_pattern<IQ3_S>(in, weights, 0.25f), p);
  }
}

}  // namespace
}  // namespace linnet::formats
