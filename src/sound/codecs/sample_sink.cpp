#include "sound/codecs/sample_sink.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace linnet {
namespace {

constexpr std::int64_t kLowestRate = 1000, kHighestRate = 384000;
constexpr int kMostChannels = 16;

}  // namespace

Status SampleSink::begin(std::int64_t rate, int channels) {
  if (channels < 1 || channels > kMostChannels) {
    return Error{fmt::format("has {} channels, expected 1 to {}", channels, kMostChannels)};
  }
  if (rate < kLowestRate || rate > kHighestRate) {
    return Error{
        fmt::format("has {} samples a second, expected {} to {}", rate, kLowestRate, kHighestRate)};
  }
  rate_ = rate;
  channels_ = channels;
  resampler_.emplace(static_cast<int>(rate), limits_.rate);
  return {};
}

Status SampleSink::check_length() const {
  if (frames_ > limits_.most_seconds * rate_) {
    return Error{
        fmt::format("lasts longer than the {} seconds that are allowed", limits_.most_seconds)};
  }
  if (frames_ > limits_.most_samples / channels_) {
    return Error{
        fmt::format("has more than the {} samples that are allowed", limits_.most_samples)};
  }
  return {};
}

// Samples that are floats in the file can be anything.
Status SampleSink::put(std::span<const float> samples) {
  const std::int64_t frames = std::ssize(samples) / channels_;
  frames_ += frames;
  if (Status status = check_length(); !status) return status;
  mixed_.clear();
  for (std::int64_t i = 0; i < frames; ++i) {
    double sum = 0.0;
    for (int c = 0; c < channels_; ++c) sum += samples[i * channels_ + c];
    const double mean = sum / channels_;
    mixed_.push_back(std::isfinite(mean) ? static_cast<float>(std::clamp(mean, -1.0, 1.0)) : 0.0f);
  }
  resampler_->push(mixed_, sound_.samples);
  return {};
}

Result<Sound> SampleSink::finish() {
  if (resampler_) resampler_->finish(sound_.samples);
  if (sound_.samples.empty()) return Error{"has no samples"};
  return std::move(sound_);
}

}  // namespace linnet
