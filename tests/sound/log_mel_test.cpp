#include "sound/log_mel.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "sound/support.hpp"
#include "support/oracle_case.hpp"

namespace linnet {
namespace {

constexpr std::int64_t kChunkFrames = 3000;

std::int64_t loudest_bin(const MelFrames& mel, std::int64_t frame) {
  const auto values =
      std::span(mel.values)
          .subspan(static_cast<std::size_t>(frame * mel.bins), static_cast<std::size_t>(mel.bins));
  return std::ranges::max_element(values) - values.begin();
}

// The noise of sound_cases.py, loud for 4000 samples and soft for as many.
Sound noise_of(std::uint64_t seed, std::int64_t samples) {
  const std::uint64_t start = test::fnv1a("sound") ^ (seed * 0x9e3779b97f4a7c15u);
  Sound sound;
  for (std::int64_t i = 0; i < samples; ++i) {
    const float loudness = i / 4000 % 2 == 0 ? 0.5f : 0.001f;
    sound.samples.push_back(test::weight_element(start, i, 0.0, 1.0) * loudness);
  }
  return sound;
}

// Its least power is 2^-24, where Whisper's is 1e-10.
const float kFloorOfLlamaCpp = static_cast<float>((-24.0 * std::log10(2.0) + 4.0) / 4.0);

TEST(LogMelTest, GivesTheSpectrogramsOfLlamaCpp) {
  std::ifstream in(test::in_repository("tests/data/sound/spectrograms.json"));
  const auto results = nlohmann::json::parse(in)["results"];
  ASSERT_FALSE(results.empty());
  for (const auto& result : results) {
    const MelFrames mel =
        log_mel_frames(noise_of(result["mels"], result["samples"]), result["mels"], kChunkFrames);
    ASSERT_EQ(mel.frames(), result["frames"]);
    const std::size_t every = result["every"];
    for (std::size_t i = 0; i < result["values"].size(); ++i) {
      ASSERT_NEAR(std::max(mel.values[i * every], kFloorOfLlamaCpp),
                  result["values"][i].get<float>(), 2e-5)
          << i;
    }
    double sum = 0.0;
    for (const float value : mel.values) sum += std::max(value, kFloorOfLlamaCpp);
    EXPECT_NEAR(sum, result["sum"], 1e-6 * static_cast<double>(mel.values.size()));
  }
}

TEST(LogMelTest, SilenceFillsTheLastChunk) {
  for (const int samples : {1, 100, 479'999, 480'000}) {
    EXPECT_EQ(log_mel_frames({std::vector<float>(samples, 0.1f)}, 80, kChunkFrames).frames(),
              kChunkFrames);
  }
  EXPECT_EQ(log_mel_frames({std::vector<float>(480'001, 0.1f)}, 80, kChunkFrames).frames(),
            2 * kChunkFrames);
}

// Bins of 1000 Hz: 15 of 45.2 mels, spread over 81 edges.
TEST(LogMelTest, AToneIsInItsBin) {
  const auto mel = log_mel_frames({test::tone(1000.0, 0.5, kSoundRate, 16000)}, 80, kChunkFrames);
  for (const std::int64_t frame : {10, 50, 90}) EXPECT_EQ(loudest_bin(mel, frame), 26) << frame;
}

TEST(LogMelTest, WhatIsEightDecadesLowerIsAllTheSame) {
  const auto mel = log_mel_frames({test::tone(1000.0, 0.5, kSoundRate, 16000)}, 80, kChunkFrames);
  const auto [least, most] = std::ranges::minmax(mel.values);
  EXPECT_FLOAT_EQ(most - least, 2.0f);
  EXPECT_EQ(mel.values.back(), least);
}

TEST(LogMelTest, SilenceIsASound) {
  const auto mel = log_mel_frames({std::vector<float>(1000, 0.0f)}, 128, kChunkFrames);
  EXPECT_THAT(mel.values, testing::Each(testing::FloatEq(-1.5f)));
}

}  // namespace
}  // namespace linnet
