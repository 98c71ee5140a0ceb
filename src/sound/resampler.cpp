#include "sound/resampler.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <numbers>
#include <numeric>

namespace linnet {
namespace {

constexpr int kZeroCrossings = 32;
constexpr int kFinePlaces = 1024;
// Rates that hardly a file has come to more: samples are told from two of so many.
constexpr std::int64_t kMostPhases = 1024;
constexpr int kLanes = 8;
constexpr double kBand = 0.95;       // of the lower Nyquist frequency
constexpr double kKaiserBeta = 9.0;  // what is filtered out is some 90 dB lower

// The modified Bessel function of order 0.
double bessel(double x) {
  double term = 1.0, sum = 1.0;
  for (int k = 1; term > 1e-12 * sum; ++k) {
    term *= x * x / (4.0 * k * k);
    sum += term;
  }
  return sum;
}

double kaiser(double x) {  // from -1 to 1
  return x * x >= 1.0 ? 0.0 : bessel(kKaiserBeta * std::sqrt(1.0 - x * x)) / bessel(kKaiserBeta);
}

double sinc(double x) {
  const double turn = std::numbers::pi * x;
  return x == 0.0 ? 1.0 : std::sin(turn) / turn;
}

// The filter's right half, by 1024ths of a zero crossing.
std::vector<double> make_filter() {
  std::vector<double> filter;
  for (int i = 0; i <= kZeroCrossings * kFinePlaces + 1; ++i) {
    const double at = static_cast<double>(i) / kFinePlaces;
    filter.push_back(sinc(at) * kaiser(at / kZeroCrossings));
  }
  return filter;
}

// The sum of products. `count` is a multiple of kLanes, which are added side by side.
float product_of(const float* taps, const float* samples, int count) {
  std::array<float, kLanes> sums{};
  for (int i = 0; i < count; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) sums[lane] += taps[i + lane] * samples[i + lane];
  }
  return std::accumulate(sums.begin(), sums.end(), 0.0f);
}

}  // namespace

Resampler::Resampler(int from, int to) {
  assert(from >= 1000 && from <= 384000 && to >= 1000 && to <= 384000);
  const int common = std::gcd(from, to);
  from_ = from / common;
  to_ = to / common;
  if (from_ == to_) return;
  filter_ = make_filter();
  cutoff_ = kBand * std::min(1.0, static_cast<double>(to) / from);
  const auto reach = static_cast<int>(std::ceil(kZeroCrossings / cutoff_)) + 1;
  half_ = (reach + kLanes / 2 - 1) / (kLanes / 2) * (kLanes / 2);
  recent_.assign(static_cast<std::size_t>(half_), 0.0f);
  first_ = -half_;
  phases_ = std::min(to_, kMostPhases);
  const std::int64_t kept = phases_ < to_ ? phases_ + 1 : phases_;
  taps_.resize(static_cast<std::size_t>(kept * 2 * half_));
  for (std::int64_t phase = 0; phase < kept; ++phase) {
    make_taps(static_cast<double>(phase) / static_cast<double>(phases_),
              taps_.data() + phase * 2 * half_);
  }
}

// Those of a sample that stands `behind` another one, from 0 to 1 sample.
void Resampler::make_taps(double behind, float* taps) const {
  for (int tap = 1 - half_; tap <= half_; ++tap) {
    const double place = std::abs(tap - behind) * cutoff_ * kFinePlaces;
    const auto left = static_cast<std::size_t>(place);
    const double part = place - static_cast<double>(left);
    const bool is_inside = left + 1 < filter_.size();
    const double value =
        is_inside ? filter_[left] + part * (filter_[left + 1] - filter_[left]) : 0.0;
    *taps++ = static_cast<float>(cutoff_ * value);
  }
}

// One that stands `place` parts of `to_` after another one, to which `samples` lead.
float Resampler::sample_at(std::int64_t place, const float* samples) const {
  const std::int64_t phase = place * phases_ / to_, rest = place * phases_ % to_;
  const float* const taps = taps_.data() + phase * 2 * half_;
  const float sample = product_of(taps, samples, 2 * half_);
  if (rest == 0) return sample;
  const float next = product_of(taps + 2 * half_, samples, 2 * half_);
  const float part = static_cast<float>(rest) / static_cast<float>(to_);
  return sample + part * (next - sample);
}

// As many samples as those before `end` and the silence after them tell.
void Resampler::take(std::int64_t end, std::vector<float>& to) {
  while (true) {
    const std::int64_t at = given_ * from_, centre = at / to_;
    if (centre + half_ >= end) break;
    to.push_back(sample_at(at % to_, recent_.data() + (centre + 1 - half_ - first_)));
    ++given_;
  }
  const std::int64_t needed = given_ * from_ / to_ + 1 - half_;
  if (needed <= first_) return;
  const std::int64_t unused = std::min(needed - first_, std::ssize(recent_));
  recent_.erase(recent_.begin(), recent_.begin() + unused);
  first_ += unused;
}

void Resampler::push(std::span<const float> samples, std::vector<float>& to) {
  received_ += std::ssize(samples);
  if (from_ == to_) {
    to.insert(to.end(), samples.begin(), samples.end());
    return;
  }
  recent_.insert(recent_.end(), samples.begin(), samples.end());
  take(received_, to);
}

void Resampler::finish(std::vector<float>& to) {
  if (from_ == to_) return;
  const std::int64_t whole = (received_ * to_ + from_ - 1) / from_;
  const std::int64_t missing = whole - given_;
  const std::size_t length = to.size() + static_cast<std::size_t>(missing);
  const std::int64_t silence = 2 * half_ + from_ / to_ + 1;
  recent_.insert(recent_.end(), static_cast<std::size_t>(silence), 0.0f);
  take(received_ + silence, to);
  to.resize(length);
}

}  // namespace linnet
