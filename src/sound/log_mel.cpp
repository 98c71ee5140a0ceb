#include "sound/log_mel.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <complex>
#include <numbers>

#include "sound/fourier.hpp"

namespace linnet {
namespace {

constexpr int kWindow = 400;
constexpr int kFrequencies = kWindow / 2 + 1;

// Slaney's scale: linear up to 1000 Hz, logarithmic above.
constexpr double kLinearHertz = 1000.0, kHertzPerMel = 200.0 / 3.0;
constexpr double kLinearMels = kLinearHertz / kHertzPerMel;
const double kLogStep = std::log(6.4) / 27.0;

double mel_of(double hertz) {
  return hertz < kLinearHertz ? hertz / kHertzPerMel
                              : kLinearMels + std::log(hertz / kLinearHertz) / kLogStep;
}

double hertz_of(double mel) {
  return mel < kLinearMels ? mel * kHertzPerMel
                           : kLinearHertz * std::exp((mel - kLinearMels) * kLogStep);
}

// A triangle over some frequencies, of the same area as all others.
struct Band {
  int first = 0;
  std::vector<double> weights;
};

std::vector<Band> make_bands(int bins) {
  const double most = mel_of(kSoundRate / 2.0);
  const auto edge = [&](int i) { return hertz_of(most * i / (bins + 1)); };
  std::vector<Band> bands(static_cast<std::size_t>(bins));
  for (int b = 0; b < bins; ++b) {
    const double left = edge(b), centre = edge(b + 1), right = edge(b + 2);
    for (int f = 0; f < kFrequencies; ++f) {
      const double hertz = static_cast<double>(f) * kSoundRate / kWindow;
      const double up = (hertz - left) / (centre - left), down = (right - hertz) / (right - centre);
      const double weight = std::min(up, down);
      if (weight <= 0.0) continue;
      if (bands[b].weights.empty()) bands[b].first = f;
      bands[b].weights.push_back(weight * 2.0 / (right - left));
    }
  }
  return bands;
}

// Makes frames, one after the other.
class Spectrum {
 public:
  explicit Spectrum(int bins) : bands_(make_bands(bins)), fourier_(kWindow), values_(kWindow) {
    for (int i = 0; i < kWindow; ++i) {
      window_.push_back(0.5 - 0.5 * std::cos(2.0 * std::numbers::pi * i / kWindow));
    }
  }

  // The frame around sample `centre`, to the end of `frames`. `sample` tells one by its number.
  template <class Sample>
  void add(std::int64_t centre, const Sample& sample, std::vector<float>& frames) {
    for (int i = 0; i < kWindow; ++i) {
      values_[i] = {window_[i] * sample(centre + i - kWindow / 2), 0.0};
    }
    fourier_.transform(values_);
    for (const Band& band : bands_) {
      double sum = 0.0;
      for (std::size_t i = 0; i < band.weights.size(); ++i) {
        sum += band.weights[i] * std::norm(values_[band.first + i]);
      }
      frames.push_back(static_cast<float>(std::log10(std::max(sum, kLeastPower))));
    }
  }

 private:
  static constexpr double kLeastPower = 1e-10;

  const std::vector<Band> bands_;
  std::vector<double> window_;
  Fourier fourier_;
  std::vector<std::complex<double>> values_;
};

}  // namespace

MelFrames log_mel_frames(const Sound& sound, int bins, std::int64_t chunk_frames) {
  assert(!sound.samples.empty() && chunk_frames * kMelHop > kWindow);
  const std::int64_t samples = std::ssize(sound.samples), chunk = chunk_frames * kMelHop;
  const std::int64_t whole = (samples + chunk - 1) / chunk * chunk;
  // What is beyond both ends mirrors what is before them.
  const auto sample = [&](std::int64_t i) {
    const std::int64_t inside = i < 0 ? -i : i < whole ? i : 2 * (whole - 1) - i;
    return inside < samples ? double{sound.samples[inside]} : 0.0;
  };
  MelFrames mel{bins, {}};
  mel.values.reserve(static_cast<std::size_t>(whole / kMelHop * bins));
  Spectrum spectrum(bins);
  const std::int64_t heard = std::min(whole, samples + kWindow) / kMelHop + 1;
  for (std::int64_t f = 0; f < whole / kMelHop; ++f) {
    if (f <= heard) {
      spectrum.add(f * kMelHop, sample, mel.values);
    } else {  // the silence there, which is the same in all frames
      mel.values.resize(mel.values.size() + static_cast<std::size_t>(bins), mel.values.back());
    }
  }
  const float least = *std::ranges::max_element(mel.values) - 8.0f;
  for (float& value : mel.values) value = (std::max(value, least) + 4.0f) / 4.0f;
  return mel;
}

}  // namespace linnet
