#pragma once

#include <cstdint>
#include <vector>

#include "sound/sound.hpp"

namespace linnet {

/// What a sound has at which frequencies, frame by frame.
struct MelFrames {
  int bins = 0;
  std::vector<float> values;  ///< [frames][bins]

  std::int64_t frames() const { return std::ssize(values) / bins; }

  bool operator==(const MelFrames&) const = default;
};

/// Samples between two frames.
inline constexpr std::int64_t kMelHop = 160;

/// The spectrogram that Whisper's processor (https://arxiv.org/abs/2212.04356) makes of `sound` and
/// of silence behind it, up to a whole number of `chunk_frames`: windows of 25 ms every 10 ms,
/// `bins` bands of Slaney's mel scale up to 8 kHz, logarithms, of which no more than the highest 8
/// decades of the whole sound are kept.
MelFrames log_mel_frames(const Sound& sound, int bins, std::int64_t chunk_frames);

}  // namespace linnet
