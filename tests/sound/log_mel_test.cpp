#include "sound/log_mel.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numbers>
#include <numeric>

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

// Where llama.cpp differs, most have this for the least power.
constexpr double kFloorOfLlamaCpp = 0x1p-24;

MelSpec spec_of(const std::string& projector, int mels) {
  if (projector == "gemma4a") return universal_mel(mels);
  if (projector == "granite_speech") return granite_mel(mels / 2);
  if (projector == "mimo_audio") return mimo_mel(mels);
  if (projector == "qwen3a") return whisper_mel(mels, 0);
  if (projector != "lfm2a" && projector != "parakeet") return whisper_mel(mels, kChunkFrames);
  MelSpec spec = nemo_mel(mels);
  spec.ends_in_zeros = projector == "lfm2a";
  return spec;
}

MelSpec as_llama_cpp(const std::string& projector, int mels) {
  MelSpec spec = spec_of(projector, mels);
  if (projector == "granite_speech" || projector == "mimo_audio" || projector == "parakeet") {
    return spec;
  }
  spec.floor = std::max(spec.floor, kFloorOfLlamaCpp);
  spec.adds_floor = false;
  spec.window_is_symmetric = false;
  return spec;
}

// The natural logarithm of what a band of the HTK scale has in a frame, by the definitions.
double level_by_definition(const Sound& sound, const MelSpec& spec, std::int64_t frame, int bin) {
  const double mels = 2595.0 * std::log10(1.0 + kSoundRate / 2.0 / 700.0);
  const auto edge = [&](int i) {
    return 700.0 * (std::pow(10.0, mels / 2595.0 * i / (spec.bins + 1)) - 1.0);
  };
  const double left = edge(bin), centre = edge(bin + 1), right = edge(bin + 2);
  const double steps = spec.window_is_symmetric ? spec.window - 1 : spec.window;
  double sum = 0.0;
  for (int k = 0; k <= spec.transform / 2; ++k) {
    const double hertz = double{kSoundRate} * k / spec.transform;
    if (hertz <= left || hertz >= right) continue;
    std::complex<double> value;
    for (int i = 0; i < spec.window; ++i) {
      const float sample = sound.samples.at(frame * spec.hop + i - spec.window / 2);
      const double angle = -2.0 * std::numbers::pi * i * k / spec.transform;
      value += sample * std::pow(std::sin(std::numbers::pi * i / steps), 2.0) *
               std::complex(std::cos(angle), std::sin(angle));
    }
    sum += std::norm(value) *
           (hertz < centre ? (hertz - left) / (centre - left) : (right - hertz) / (right - centre));
  }
  return std::log(spec.adds_floor ? sum + spec.floor : std::max(sum, spec.floor));
}

TEST(LogMelTest, FloorsAndWindowsAreAsDefined) {
  constexpr std::int64_t kFrame = 2;
  const Sound sound = noise_of(5, 1000);
  MelSpec spec{.bins = 6,
               .transform = 512,
               .scale = MelSpec::Scale::kHtk,
               .levels = MelSpec::Levels::kNatural,
               .floor = 100.0};
  for (const bool adds_floor : {false, true}) {
    for (const bool is_symmetric : {false, true}) {
      spec.adds_floor = adds_floor;
      spec.window_is_symmetric = is_symmetric;
      const MelFrames mel = log_mel_frames(sound, spec);
      for (int bin = 0; bin < spec.bins; ++bin) {
        EXPECT_NEAR(mel.values.at(kFrame * spec.bins + bin),
                    level_by_definition(sound, spec, kFrame, bin), 1e-5)
            << adds_floor << is_symmetric << ": " << bin;
      }
    }
  }
}

TEST(LogMelTest, GivesTheSpectrogramsOfLlamaCpp) {
  std::ifstream in(test::in_repository("tests/data/sound/spectrograms.json"));
  const auto results = nlohmann::json::parse(in)["results"];
  ASSERT_FALSE(results.empty());
  for (const auto& result : results) {
    MelFrames mel = log_mel_frames(noise_of(result["mels"], result["samples"]),
                                   as_llama_cpp(result["projector"], result["mels"]));
    if (result["projector"] == "dots3note_a") {  // those that end within the sound
      mel.values.resize(result["frames"].get<std::size_t>() * mel.bins);
    }
    ASSERT_EQ(mel.frames(), result["frames"]) << result["projector"];
    const std::size_t every = result["every"];
    for (std::size_t i = 0; i < result["values"].size(); ++i) {
      ASSERT_NEAR(mel.values[i * every], result["values"][i].get<float>(), 2e-5)
          << result["projector"] << ": " << i;
    }
    const double sum = std::accumulate(mel.values.begin(), mel.values.end(), 0.0);
    EXPECT_NEAR(sum, result["sum"], 1e-6 * static_cast<double>(mel.values.size()));
  }
}

TEST(LogMelTest, SilenceFillsTheLastChunk) {
  for (const int samples : {1, 100, 479'999, 480'000}) {
    EXPECT_EQ(
        log_mel_frames({std::vector<float>(samples, 0.1f)}, whisper_mel(80, kChunkFrames)).frames(),
        kChunkFrames);
  }
  EXPECT_EQ(
      log_mel_frames({std::vector<float>(480'001, 0.1f)}, whisper_mel(80, kChunkFrames)).frames(),
      2 * kChunkFrames);
}

// Bins of 1000 Hz: 15 of 45.2 mels, spread over 81 edges.
TEST(LogMelTest, AToneIsInItsBin) {
  const auto mel =
      log_mel_frames({test::tone(1000.0, 0.5, kSoundRate, 16000)}, whisper_mel(80, kChunkFrames));
  for (const std::int64_t frame : {10, 50, 90}) EXPECT_EQ(loudest_bin(mel, frame), 26) << frame;
}

TEST(LogMelTest, WhatIsEightDecadesLowerIsAllTheSame) {
  const auto mel =
      log_mel_frames({test::tone(1000.0, 0.5, kSoundRate, 16000)}, whisper_mel(80, kChunkFrames));
  const auto [least, most] = std::ranges::minmax(mel.values);
  EXPECT_FLOAT_EQ(most - least, 2.0f);
  EXPECT_EQ(mel.values.back(), least);
}

TEST(LogMelTest, SilenceIsASound) {
  const auto mel = log_mel_frames({std::vector<float>(1000, 0.0f)}, whisper_mel(128, kChunkFrames));
  EXPECT_THAT(mel.values, testing::Each(testing::FloatEq(-1.5f)));
}

TEST(LogMelTest, ASampleIsAFrame) {
  for (const MelSpec& spec :
       {whisper_mel(80, 0), universal_mel(80), nemo_mel(80), granite_mel(80)}) {
    const MelFrames mel = log_mel_frames({{0.5f}}, spec);
    EXPECT_EQ(mel.frames(), 1);
    for (const float value : mel.values) EXPECT_TRUE(std::isfinite(value));
  }
}

TEST(LogMelTest, FramesMayBeTheSamplesThemselves) {
  const Sound sound = noise_of(3, 1000);
  const MelFrames frames = log_mel_frames(sound, plain_samples(640));
  ASSERT_EQ(frames.frames(), 2);
  std::vector<float> want = sound.samples;
  want.resize(1280, 0.0f);
  EXPECT_EQ(frames.values, want);
  EXPECT_EQ(log_mel_frames({{0.5f}}, plain_samples(640)).frames(), 1);
  EXPECT_EQ(log_mel_frames(noise_of(3, 1280), plain_samples(640)).frames(), 2);
}

TEST(LogMelTest, BandsAreNormalisedOneByOne) {
  const MelFrames mel = log_mel_frames(noise_of(7, 32000), nemo_mel(80));
  ASSERT_EQ(mel.frames(), 201);
  for (int bin = 0; bin < 80; ++bin) {
    double sum = 0.0, squares = 0.0;
    for (std::int64_t f = 0; f < 200; ++f) {
      const double value = mel.values[f * 80 + bin];
      sum += value;
      squares += value * value;
    }
    EXPECT_NEAR(sum / 200, 0.0, 1e-5) << bin;
    EXPECT_NEAR(squares / 199, 1.0, 1e-4) << bin;
  }
}

}  // namespace
}  // namespace linnet
