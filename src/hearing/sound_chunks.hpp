#pragma once

#include <vector>

#include "hearing/hearing_spec.hpp"
#include "sound/log_mel.hpp"

namespace linnet {

/// A part of a sound that the encoder hears by itself.
struct SoundChunk {
  MelFrames frames;  ///< all that its rows are made of
  std::int64_t tower_rows = 0;

  bool operator==(const SoundChunk&) const = default;
};

/// `sound`, which has a sample, for the encoder `spec`.
std::vector<SoundChunk> chunks_of(const HearingSpec& spec, const Sound& sound);

}  // namespace linnet
