#pragma once

#include <cmath>
#include <cstddef>
#include <filesystem>
#include <numbers>
#include <span>
#include <string>
#include <vector>

#include "sound/sound.hpp"
#include "support/golden_files.hpp"
#include "support/paths.hpp"
#include "support/temporary_folder.hpp"

namespace linnet::test {

/// What tests/oracles/sounds.cpp writes.
inline const std::filesystem::path kSounds = in_repository("tests/data/sound/decode");

inline std::vector<std::string> sound_files() { return file_names(kSounds); }

inline std::vector<float> tone(double hertz, double amplitude, int rate, int samples) {
  std::vector<float> values;
  for (int i = 0; i < samples; ++i) {
    const double turn = 2.0 * std::numbers::pi * hertz * i / rate;
    values.push_back(static_cast<float>(amplitude * std::sin(turn)));
  }
  return values;
}

/// How loud a tone is in samples of kSoundRate, whatever its phase.
inline double amplitude_of(double hertz, std::span<const float> samples) {
  double sine = 0.0, cosine = 0.0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const double turn = 2.0 * std::numbers::pi * hertz * static_cast<double>(i) / kSoundRate;
    sine += samples[i] * std::sin(turn);
    cosine += samples[i] * std::cos(turn);
  }
  return 2.0 * std::hypot(sine, cosine) / static_cast<double>(samples.size());
}

}  // namespace linnet::test
