#include "sound/resampler.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>
#include <numeric>

namespace linnet {
namespace {

constexpr int kZeroCrossings = 32;
constexpr int kFinePlaces = 1024;
// Rates that hardly a file has come to more, whose taps are made when they are needed.
constexpr std::int64_t kMostKeptPhases = 1024;
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

}  // namespace

Resampler::Resampler(int from, int to) {
  assert(from >= 1000 && from <= 384000 && to >= 1000 && to <= 384000);
  const int common = std::gcd(from, to);
  from_ = from / common;
  to_ = to / common;
  if (from_ == to_) return;
  filter_ = make_filter();
  cutoff_ = kBand * std::min(1.0, static_cast<double>(to) / from);
  half_ = static_cast<int>(std::ceil(kZeroCrossings / cutoff_)) + 1;
  recent_.assign(static_cast<std::size_t>(half_), 0.0f);
  first_ = -half_;
  const std::int64_t kept = to_ <= kMostKeptPhases ? to_ : 1;
  taps_.resize(static_cast<std::size_t>(kept * 2 * half_));
  for (std::int64_t phase = 0; phase < to_ && to_ <= kMostKeptPhases; ++phase) {
    make_taps(phase, taps_.data() + phase * 2 * half_);
  }
}

// Those of a sample that stands `phase` parts of `to_` behind another one.
void Resampler::make_taps(std::int64_t phase, float* taps) const {
  for (int tap = 1 - half_; tap <= half_; ++tap) {
    const double at = tap - static_cast<double>(phase) / static_cast<double>(to_);
    const double place = std::abs(at) * cutoff_ * kFinePlaces;
    const auto left = static_cast<std::size_t>(place);
    const double part = place - static_cast<double>(left);
    const bool is_inside = left + 1 < filter_.size();
    const double value =
        is_inside ? filter_[left] + part * (filter_[left + 1] - filter_[left]) : 0.0;
    *taps++ = static_cast<float>(cutoff_ * value);
  }
}

const float* Resampler::taps_of(std::int64_t phase) {
  if (to_ <= kMostKeptPhases) return taps_.data() + phase * 2 * half_;
  make_taps(phase, taps_.data());
  return taps_.data();
}

// As many samples as those before `end` and the silence behind them tell.
void Resampler::take(std::int64_t end, std::vector<float>& to) {
  while (true) {
    const std::int64_t at = given_ * from_, centre = at / to_;
    if (centre + half_ >= end) break;
    const float* const taps = taps_of(at % to_);
    const float* const samples = recent_.data() + (centre + 1 - half_ - first_);
    double left = 0.0, right = 0.0;  // two sums, which can be added to at once
    for (int i = 0; i < half_; ++i) {
      left += double{taps[i]} * samples[i];
      right += double{taps[half_ + i]} * samples[half_ + i];
    }
    to.push_back(static_cast<float>(left + right));
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
