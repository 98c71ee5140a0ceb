#include "hearing/distance_waves.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace linnet {
namespace {

constexpr int kWidth = 24;

HearingSpec spec_of(ConformerSpec::Waves waves, int window) {
  HearingSpec spec;
  spec.tower.width = kWidth;
  spec.tower.layers.resize(1);
  spec.tower.layers[0].attention.window = window;
  spec.conformer = {.waves = waves};
  return spec;
}

std::vector<float> weights() {
  std::vector<float> values;
  for (int i = 0; i < kWidth; ++i) values.push_back(static_cast<float>(std::cos(3.0 * i * i)));
  return values;
}

double at(const DistanceWaves& waves, int distance) {
  const auto frequencies = waves.frequencies();
  const std::vector<Wave> all = waves.of(weights().data());
  double sum = 0.0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const double angle = double{frequencies[i]} * distance;
    sum += all[i].sine * std::sin(angle) + all[i].cosine * std::cos(angle);
  }
  return sum;
}

// LFM2's, of any distance, also to later rows.
TEST(DistanceWavesTest, GiveWhatTheProjectionGives) {
  const DistanceWaves waves(spec_of(ConformerSpec::Waves::kInPairs, 0));
  EXPECT_EQ(wave_columns(spec_of(ConformerSpec::Waves::kInPairs, 0)), kWidth);
  for (const int distance : {-40, -1, 0, 1, 7, 200}) {
    double want = 0.0;
    for (int i = 0; i < kWidth / 2; ++i) {
      const double angle = distance * std::pow(10000.0, -2.0 * i / kWidth);
      want += weights()[2 * i] * std::sin(angle) + weights()[2 * i + 1] * std::cos(angle);
    }
    EXPECT_NEAR(at(waves, distance), want, 1e-4) << distance;
  }
}

TEST(DistanceWavesTest, InputsOfTheProjectionAreSinesAndCosines) {
  for (const auto order : {ConformerSpec::Waves::kInPairs, ConformerSpec::Waves::kApart}) {
    const DistanceWaves waves(spec_of(order, 0));
    for (const int distance : {-40, 0, 7}) {
      const std::vector<float> input = waves.input_at(distance);
      ASSERT_EQ(std::ssize(input), kWidth);
      double want = 0.0, got = 0.0;
      for (int i = 0; i < kWidth; ++i) got += weights()[i] * input[i];
      for (int i = 0; i < kWidth / 2; ++i) {
        const bool in_pairs = order == ConformerSpec::Waves::kInPairs;
        const double angle =
            distance * std::pow(10000.0, -i / (kWidth / 2 - (in_pairs ? 0.0 : 1.0)));
        want += weights()[in_pairs ? 2 * i : i] * std::sin(angle) +
                weights()[in_pairs ? 2 * i + 1 : kWidth / 2 + i] * std::cos(angle);
      }
      EXPECT_NEAR(got, want, 1e-5) << distance;
    }
  }
}

// Gemma 4's.
TEST(DistanceWavesTest, InAWindowAreFewerAndGiveTheSame) {
  for (const int window : {1, 2, 5, 12}) {
    const HearingSpec spec = spec_of(ConformerSpec::Waves::kApart, window);
    const DistanceWaves waves(spec);
    EXPECT_EQ(std::ssize(waves.frequencies()), wave_columns(spec) / 2);
    EXPECT_EQ(wave_columns(spec) % 4, 0);
    for (int distance = 0; distance < window; ++distance) {
      double want = 0.0;
      for (int i = 0; i < kWidth / 2; ++i) {
        const double angle = distance * std::pow(10000.0, -i / (kWidth / 2 - 1.0));
        want += weights()[i] * std::sin(angle) + weights()[kWidth / 2 + i] * std::cos(angle);
      }
      EXPECT_NEAR(at(waves, distance), want, 1e-5) << window << ", " << distance;
    }
  }
}

}  // namespace
}  // namespace linnet
