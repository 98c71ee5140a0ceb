#pragma once

#include <cstdint>
#include <vector>

namespace linnet {

/// Samples a second of the sounds that most models hear.
inline constexpr int kSoundRate = 16000;

/// A sound of one channel, samples from -1 to 1, as many a second as its model hears.
struct Sound {
  std::vector<float> samples;

  bool operator==(const Sound&) const = default;
};

}  // namespace linnet
