#pragma once

#include <span>
#include <vector>

#include "hearing/hearing_spec.hpp"

namespace linnet {

/// How much of a sine and of a cosine something has.
struct Wave {
  double sine = 0.0, cosine = 0.0;
};

/// What attention with biases by distance (https://arxiv.org/abs/1901.02860) makes of the
/// projection of a distance's sines and cosines: waves that turn with the places of query and key,
/// as ropes do, so that their product has the bias.
class DistanceWaves {
 public:
  /// `spec` has a ConformerSpec.
  explicit DistanceWaves(const HearingSpec& spec);

  /// The frequencies of the waves, by which they turn from row to row.
  std::span<const float> frequencies() const { return frequencies_; }
  /// The waves of an output of the file's projection, whose weights these are.
  std::vector<Wave> of(const float* weights) const;
  /// What the file's projection reads of a distance, as many columns as the tower has.
  std::vector<float> input_at(int distance) const;

 private:
  double frequency(std::int64_t i) const;
  Wave in_file(const float* weights, std::int64_t i) const;
  std::vector<double> by_distance(const float* weights) const;

  const std::int64_t width_;
  const std::int64_t half_;  // sines in the file
  const bool is_apart_;
  const int window_;  // distances that there are; 0: any
  std::vector<float> frequencies_;
  std::vector<double> sines_, cosines_;  // [window][half]
};

/// Columns of the waves of a head.
int wave_columns(const HearingSpec& spec);

}  // namespace linnet
