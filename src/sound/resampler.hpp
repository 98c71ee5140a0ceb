#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace linnet {

/// Gives a sound another rate, piece by piece: a low-pass filter of 32 zero crossings each way
/// under a Kaiser window, whose band ends a twentieth below the lower of both Nyquist frequencies.
/// What lies beyond the ends of the sound is silence.
class Resampler {
 public:
  /// Samples a second, both from 1000 to 384000.
  Resampler(int from, int to);

  /// The sound goes on; what can be told of the other one goes to the end of `to`.
  void push(std::span<const float> samples, std::vector<float>& to);
  /// The sound has ended. The other one is as long, to the next whole sample.
  void finish(std::vector<float>& to);

 private:
  void make_taps(double behind, float* taps) const;
  float sample_at(std::int64_t place, const float* samples) const;
  void take(std::int64_t end, std::vector<float>& to);

  std::int64_t from_, to_;  // without common factors
  std::vector<double> filter_;
  double cutoff_ = 1.0;        // of half the rate
  int half_ = 0;               // taps each way
  std::int64_t phases_ = 0;    // places between two samples; if `to_` are more, one after them
  std::vector<float> taps_;    // [phases][2 * half_]
  std::vector<float> recent_;  // samples from `first_` on
  std::int64_t first_ = 0;
  std::int64_t received_ = 0;  // samples
  std::int64_t given_ = 0;     // samples of the other sound
};

}  // namespace linnet
