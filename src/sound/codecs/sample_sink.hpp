#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "sound/decode.hpp"
#include "sound/resampler.hpp"

namespace linnet {

/// Makes a Sound of samples as a file has them, and lets go where they become too many.
class SampleSink {
 public:
  /// `limits` must outlive the object.
  explicit SampleSink(const SoundLimits& limits) : limits_(limits) {}

  /// The samples to come: `rate` a second in each of `channels` channels.
  Status begin(std::int64_t rate, int channels);
  bool goes_on_with(std::int64_t rate, int channels) const {
    return rate == rate_ && channels == channels_;
  }
  /// Samples of whole frames, channel by channel.
  Status put(std::span<const float> samples);
  /// Samples of each channel so far.
  std::int64_t frames() const { return frames_; }
  /// After it nothing comes any more.
  Result<Sound> finish();

 private:
  Status check_length() const;

  const SoundLimits& limits_;
  std::int64_t rate_ = 0;
  int channels_ = 0;
  std::int64_t frames_ = 0;
  std::optional<Resampler> resampler_;
  std::vector<float> mixed_;
  Sound sound_;
};

}  // namespace linnet
