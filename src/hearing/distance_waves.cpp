#include "hearing/distance_waves.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace linnet {
namespace {

// The waves that the values of one period are made of.
Wave wave_in(const std::vector<double>& period, int number) {
  const auto length = static_cast<int>(period.size());
  Wave wave;
  for (int i = 0; i < length; ++i) {
    const double angle = 2.0 * std::numbers::pi * (i * number % length) / length;
    wave.sine += period[i] * std::sin(angle);
    wave.cosine += period[i] * std::cos(angle);
  }
  const double share = (number == 0 || 2 * number == length ? 1.0 : 2.0) / length;
  return {wave.sine * share, wave.cosine * share};
}

}  // namespace

// In a window there are those of 0 to window / 2 turns, and one of nothing if it takes that for
// a multiple of 4, which heads are usually of.
int wave_columns(const HearingSpec& spec) {
  const int window = spec.attention().window;
  return window > 0 ? (window / 2 + 2) / 2 * 4 : static_cast<int>(spec.tower.width / 2 * 2);
}

// In a window, waves that repeat after it give the same for its distances, and are fewer.
DistanceWaves::DistanceWaves(const HearingSpec& spec)
    : width_(spec.tower.width),
      half_(width_ / 2),
      is_apart_(spec.conformer->waves == ConformerSpec::Waves::kApart),
      window_(spec.attention().window) {
  if (window_ == 0) {
    for (std::int64_t i = 0; i < half_; ++i) {
      frequencies_.push_back(static_cast<float>(frequency(i)));
    }
    return;
  }
  for (int i = 0; i < wave_columns(spec) / 2; ++i) {
    frequencies_.push_back(static_cast<float>(2.0 * std::numbers::pi * i / window_));
  }
  for (int distance = 0; distance < window_; ++distance) {
    for (std::int64_t i = 0; i < half_; ++i) {
      sines_.push_back(std::sin(distance * frequency(i)));
      cosines_.push_back(std::cos(distance * frequency(i)));
    }
  }
}

double DistanceWaves::frequency(std::int64_t i) const {
  const std::int64_t steps = std::max<std::int64_t>(1, is_apart_ ? half_ - 1 : half_);
  return std::pow(10000.0, -static_cast<double>(i) / static_cast<double>(steps));
}

std::vector<float> DistanceWaves::input_at(int distance) const {
  std::vector<float> input(static_cast<std::size_t>(width_), 0.0f);
  for (std::int64_t i = 0; i < half_; ++i) {
    const double angle = distance * frequency(i);
    input[is_apart_ ? i : 2 * i] = static_cast<float>(std::sin(angle));
    input[is_apart_ ? half_ + i : 2 * i + 1] = static_cast<float>(std::cos(angle));
  }
  return input;
}

Wave DistanceWaves::in_file(const float* weights, std::int64_t i) const {
  return is_apart_ ? Wave{weights[i], weights[half_ + i]}
                   : Wave{weights[2 * i], weights[2 * i + 1]};
}

// What the output is for each distance in the window.
std::vector<double> DistanceWaves::by_distance(const float* weights) const {
  std::vector<double> values;
  for (int distance = 0; distance < window_; ++distance) {
    double sum = 0.0;
    for (std::int64_t i = 0; i < half_; ++i) {
      const Wave wave = in_file(weights, i);
      sum +=
          wave.sine * sines_[distance * half_ + i] + wave.cosine * cosines_[distance * half_ + i];
    }
    values.push_back(sum);
  }
  return values;
}

std::vector<Wave> DistanceWaves::of(const float* weights) const {
  std::vector<Wave> waves;
  if (window_ == 0) {
    for (std::int64_t i = 0; i < half_; ++i) waves.push_back(in_file(weights, i));
    return waves;
  }
  const std::vector<double> period = by_distance(weights);
  for (int i = 0; i <= window_ / 2; ++i) waves.push_back(wave_in(period, i));
  waves.resize(frequencies_.size());
  return waves;
}

}  // namespace linnet
