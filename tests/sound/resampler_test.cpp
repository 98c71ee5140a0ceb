#include "sound/resampler.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sound/support.hpp"

namespace linnet {
namespace {

std::vector<float> resampled(std::span<const float> samples, int from, int to,
                             std::size_t piece = 1 << 20) {
  Resampler resampler(from, to);
  std::vector<float> result;
  for (std::size_t i = 0; i < samples.size(); i += piece) {
    resampler.push(samples.subspan(i, std::min(piece, samples.size() - i)), result);
  }
  resampler.finish(result);
  return result;
}

class RateTest : public testing::TestWithParam<int> {};

TEST_P(RateTest, TonesOfTheBandStayWhatTheyAre) {
  const int rate = GetParam();
  const double hertz = 0.4 * std::min(rate, kSoundRate);  // of which half is the Nyquist frequency
  const auto result = resampled(test::tone(hertz, 0.5, rate, rate / 2), rate, kSoundRate);
  ASSERT_EQ(std::ssize(result), (rate / 2 * std::int64_t{kSoundRate} + rate - 1) / rate);
  const auto expected = test::tone(hertz, 0.5, kSoundRate, static_cast<int>(result.size()));
  for (std::size_t i = 1000; i + 1000 < result.size(); ++i) {  // away from the ends
    ASSERT_NEAR(result[i], expected[i], 1e-4) << i;
  }
}

TEST_P(RateTest, TonesAboveTheBandVanish) {
  const int rate = GetParam();
  if (rate < 18000) GTEST_SKIP() << "has none";
  const auto result = resampled(test::tone(8500.0, 1.0, rate, rate / 2), rate, kSoundRate);
  for (std::size_t i = 1000; i + 1000 < result.size(); ++i) ASSERT_NEAR(result[i], 0.0, 1e-4) << i;
}

TEST_P(RateTest, PiecesDoNotMatter) {
  const int rate = GetParam();
  const auto sound = test::tone(300.0, 0.5, rate, 3000);
  EXPECT_EQ(resampled(sound, rate, kSoundRate), resampled(sound, rate, kSoundRate, 7));
}

INSTANTIATE_TEST_SUITE_P(Rates, RateTest,
                         testing::Values(8000, 11025, 22050, 24000, 44100, 44101, 48000, 96000,
                                         191990));

TEST(ResamplerTest, TheSameRateChangesNothing) {
  const auto sound = test::tone(7900.0, 1.0, kSoundRate, 500);
  EXPECT_EQ(resampled(sound, kSoundRate, kSoundRate), sound);
}

TEST(ResamplerTest, OneSampleIsASound) {
  const std::vector<float> one = {0.5f};
  EXPECT_EQ(resampled(one, 8000, kSoundRate).size(), 2u);
  EXPECT_EQ(resampled(one, 384000, kSoundRate).size(), 1u);
  EXPECT_EQ(resampled(one, 1000, kSoundRate).size(), 16u);
  EXPECT_TRUE(resampled({}, 8000, kSoundRate).empty());
}

}  // namespace
}  // namespace linnet
