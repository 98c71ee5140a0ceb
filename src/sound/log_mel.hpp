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

/// How a spectrogram is made of a sound: a frame every 10 ms, of a window (Hann's) of samples
/// around its place, on bands up to half the rate.
struct MelSpec {
  enum class Scale {
    kSlaney,  ///< linear up to 1000 Hz, logarithmic above; bands have the same area
    kHtk      ///< 2595 log10(1 + f / 700 Hz); bands have the same height
  };
  enum class Levels {
    kDecades,  ///< (log10 + 4) / 4, raised to at most 8 decades below the highest one of the whole
               ///< sound
    kNatural,  ///< natural logarithms
    kPerBand,  ///< the same, of each band less its mean and divided by its deviation
    kSamples   ///< no spectrogram: a frame has the next `bins` samples, and silence fills the last
  };

  int bins = 0;
  int rate = kSoundRate;             ///< samples a second
  int hop = 160;                     ///< samples from frame to frame
  int window = 400;                  ///< samples
  int transform = 400;               ///< samples, to which zeros fill the window up
  bool window_is_symmetric = false;  ///< its last sample counts as little as its first
  double preemphasis = 0.0;          ///< times the sample before is taken from each
  bool mirrors_ends = true;          ///< beyond a sound's ends is what is before them, else silence
  bool has_amplitudes = false;       ///< bands have the sums of amplitudes, not those of powers
  Scale scale = Scale::kSlaney;
  Levels levels = Levels::kDecades;
  double floor = 1e-10;     ///< the least of a band before the logarithm
  bool adds_floor = false;  ///< to all, instead
  /// Silence follows a sound up to a whole number of such chunks; 0: none does.
  std::int64_t chunk_frames = 0;
  /// Without silence after the sound: a frame needs at least this many samples from its place on.
  std::int64_t samples_behind = 160;
  bool ends_in_zeros = false;  ///< a frame of zeros is the last one
  /// So many frames stand side by side as one; what is left over at the end is left out.
  int joined_frames = 1;

  int columns() const { return bins * joined_frames; }  ///< of a frame of MelFrames
};

/// As Whisper's processor has it (https://arxiv.org/abs/2212.04356); `chunk_frames` may be 0.
MelSpec whisper_mel(int bins, std::int64_t chunk_frames);
/// As the Universal Speech Model has it (https://arxiv.org/abs/2303.01037), and so Gemma.
MelSpec universal_mel(int bins);
/// As NeMo's processor has it.
MelSpec nemo_mel(int bins);
/// As Granite Speech has it: the levels of Whisper, the bands of torchaudio, two frames side by
/// side.
MelSpec granite_mel(int bins);
/// As MiMo has it: the bands of torchaudio, of 24,000 samples a second.
MelSpec mimo_mel(int bins);
/// Samples as they are, this many in a frame.
MelSpec plain_samples(int in_frame);

/// The spectrogram of `sound`, which has a sample; at least one frame.
MelFrames log_mel_frames(const Sound& sound, const MelSpec& spec);

}  // namespace linnet
