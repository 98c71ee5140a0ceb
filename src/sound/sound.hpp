#pragma once

#include <cstdint>
#include <vector>

namespace linnet {

/// Samples a second of all sounds that models hear.
inline constexpr int kSoundRate = 16000;

/// A sound of one channel: kSoundRate samples a second, from -1 to 1.
struct Sound {
  std::vector<float> samples;

  bool operator==(const Sound&) const = default;
};

}  // namespace linnet
