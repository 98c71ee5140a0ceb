#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.hpp"
#include "sound/sound.hpp"

namespace linnet {

/// What a sound may cost. A file of a few kilobytes can ask for all of it: FLAC has silence nearly
/// for nothing.
struct SoundLimits {
  std::int64_t most_seconds = 40 * 60;  ///< 4 bytes for each sample are kept
  /// Most samples of all channels together, as they are decoded: this bounds the time.
  std::int64_t most_samples = std::int64_t{40} * 60 * 96000 * 2;
  int rate = kSoundRate;  ///< samples a second that are kept
};

/// The sound in a whole file of WAV, FLAC, MP3 or Ogg (Vorbis, Opus); its first bytes tell
/// which. Channels become their mean, and other rates SoundLimits::rate (see Resampler).
///
/// Whatever the bytes are, this ends, and the memory that it takes follows from `limits` and the
/// size of the file. An Error says why there is no sound. If a WAV's header promises more than
/// the file has, as from programs that can't seek, the sound is what the file has. May be called by
/// several threads at once.
Result<Sound> decode_sound(std::span<const std::byte> file, const SoundLimits& limits = {});

}  // namespace linnet
