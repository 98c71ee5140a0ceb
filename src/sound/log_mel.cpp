#include "sound/log_mel.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <complex>
#include <numbers>

#include "sound/fourier.hpp"

namespace linnet {
namespace {

// Slaney's scale: linear up to 1000 Hz, logarithmic above.
constexpr double kLinearHertz = 1000.0, kHertzPerMel = 200.0 / 3.0;
constexpr double kLinearMels = kLinearHertz / kHertzPerMel;
const double kLogStep = std::log(6.4) / 27.0;

struct Scale {
  double (*mel_of)(double hertz);
  double (*hertz_of)(double mel);
};

double slaney_mel(double hertz) {
  return hertz < kLinearHertz ? hertz / kHertzPerMel
                              : kLinearMels + std::log(hertz / kLinearHertz) / kLogStep;
}

double slaney_hertz(double mel) {
  return mel < kLinearMels ? mel * kHertzPerMel
                           : kLinearHertz * std::exp((mel - kLinearMels) * kLogStep);
}

double htk_mel(double hertz) { return 2595.0 * std::log10(1.0 + hertz / 700.0); }

double htk_hertz(double mel) { return 700.0 * (std::pow(10.0, mel / 2595.0) - 1.0); }

// By MelSpec::Scale.
constexpr Scale kScales[] = {{slaney_mel, slaney_hertz}, {htk_mel, htk_hertz}};

// A triangle over some frequencies.
struct Band {
  int first = 0;
  std::vector<double> weights;
};

std::vector<Band> make_bands(const MelSpec& spec) {
  const Scale& scale = kScales[static_cast<int>(spec.scale)];
  const bool same_area = spec.scale == MelSpec::Scale::kSlaney;
  const double most = scale.mel_of(spec.rate / 2.0);
  const auto edge = [&](int i) { return scale.hertz_of(most * i / (spec.bins + 1)); };
  std::vector<Band> bands(static_cast<std::size_t>(spec.bins));
  for (int b = 0; b < spec.bins; ++b) {
    const double left = edge(b), centre = edge(b + 1), right = edge(b + 2);
    for (int f = 0; f <= spec.transform / 2; ++f) {
      const double hertz = static_cast<double>(f) * spec.rate / spec.transform;
      const double up = (hertz - left) / (centre - left), down = (right - hertz) / (right - centre);
      const double weight = std::min(up, down);
      if (weight <= 0.0) continue;
      if (bands[b].weights.empty()) bands[b].first = f;
      bands[b].weights.push_back(same_area ? weight * 2.0 / (right - left) : weight);
    }
  }
  return bands;
}

// Makes frames, one after the other.
class Spectrum {
 public:
  explicit Spectrum(const MelSpec& spec)
      : spec_(spec), bands_(make_bands(spec)), fourier_(spec.transform), values_(spec.transform) {
    const int steps = spec.window - (spec.window_is_symmetric ? 1 : 0);
    for (int i = 0; i < spec.window; ++i) {
      window_.push_back(0.5 - 0.5 * std::cos(2.0 * std::numbers::pi * i / steps));
    }
  }

  // The frame around sample `centre`, to the end of `frames`. `sample` tells one by its number.
  template <class Sample>
  void add(std::int64_t centre, const Sample& sample, std::vector<float>& frames) {
    std::ranges::fill(values_, 0.0);
    for (int i = 0; i < spec_.window; ++i) {
      values_[i] = window_[i] * sample(centre + i - spec_.window / 2);
    }
    fourier_.transform(values_);
    for (const Band& band : bands_) {
      double sum = 0.0;
      for (std::size_t i = 0; i < band.weights.size(); ++i) {
        const std::complex<double>& value = values_[band.first + i];
        sum += band.weights[i] * (spec_.has_amplitudes ? std::abs(value) : std::norm(value));
      }
      frames.push_back(static_cast<float>(level_of(sum)));
    }
  }

 private:
  double level_of(double sum) const {
    const double kept = spec_.adds_floor ? sum + spec_.floor : std::max(sum, spec_.floor);
    return spec_.levels == MelSpec::Levels::kDecades ? std::log10(kept) : std::log(kept);
  }

  const MelSpec& spec_;
  const std::vector<Band> bands_;
  std::vector<double> window_;
  Fourier fourier_;
  std::vector<std::complex<double>> values_;
};

// Normalises each band, as NeMo does it.
void normalise_bands(MelFrames& mel) {
  constexpr double kEpsilon = 1e-5;
  const std::int64_t frames = mel.frames();
  for (int b = 0; b < mel.bins; ++b) {
    double mean = 0.0, squares = 0.0;
    for (std::int64_t f = 0; f < frames; ++f) mean += mel.values[f * mel.bins + b];
    mean /= static_cast<double>(frames);
    for (std::int64_t f = 0; f < frames; ++f) {
      squares += std::pow(mel.values[f * mel.bins + b] - mean, 2.0);
    }
    const double variance = frames > 1 ? squares / static_cast<double>(frames - 1) : 0.0;
    for (std::int64_t f = 0; f < frames; ++f) {
      float& value = mel.values[f * mel.bins + b];
      value = static_cast<float>((value - mean) / (std::sqrt(variance) + kEpsilon));
    }
  }
}

void keep_highest_decades(MelFrames& mel) {
  const float least = *std::ranges::max_element(mel.values) - 8.0f;
  for (float& value : mel.values) value = (std::max(value, least) + 4.0f) / 4.0f;
}

MelFrames sample_frames(const Sound& sound, int in_frame) {
  MelFrames frames{in_frame, sound.samples};
  const std::size_t length = static_cast<std::size_t>(in_frame);
  frames.values.resize((sound.samples.size() + length - 1) / length * length, 0.0f);
  return frames;
}

void join_frames(MelFrames& mel, int count) {
  mel.bins *= count;
  mel.values.resize(static_cast<std::size_t>(mel.frames() * mel.bins));
}

// Samples with the silence after them.
std::int64_t whole_of(std::int64_t samples, const MelSpec& spec) {
  const std::int64_t chunk = spec.chunk_frames * spec.hop;
  return chunk == 0 ? samples : (samples + chunk - 1) / chunk * chunk;
}

std::int64_t frames_of(std::int64_t samples, const MelSpec& spec) {
  if (spec.chunk_frames > 0) return whole_of(samples, spec) / spec.hop;
  const std::int64_t behind = samples - spec.samples_behind;
  if (behind < 0) return spec.ends_in_zeros ? 0 : 1;
  return std::max<std::int64_t>(behind / spec.hop + 1, spec.joined_frames);
}

}  // namespace

MelSpec whisper_mel(int bins, std::int64_t chunk_frames) {
  return {.bins = bins, .chunk_frames = chunk_frames};
}

MelSpec universal_mel(int bins) {
  return {.bins = bins,
          .window = 320,
          .transform = 512,
          .mirrors_ends = false,
          .has_amplitudes = true,
          .scale = MelSpec::Scale::kHtk,
          .levels = MelSpec::Levels::kNatural,
          .floor = 1e-3,
          .adds_floor = true,
          .samples_behind = 161};
}

MelSpec nemo_mel(int bins) {
  return {.bins = bins,
          .transform = 512,
          .window_is_symmetric = true,
          .preemphasis = 0.97,
          .mirrors_ends = false,
          .levels = MelSpec::Levels::kPerBand,
          .floor = 0x1p-24,
          .adds_floor = true,
          .ends_in_zeros = true};
}

MelSpec granite_mel(int bins) {
  return {.bins = bins,
          .transform = 512,
          .scale = MelSpec::Scale::kHtk,
          .samples_behind = 0,
          .joined_frames = 2};
}

MelSpec mimo_mel(int bins) {
  return {.bins = bins,
          .rate = 24000,
          .hop = 240,
          .window = 960,
          .transform = 960,
          .has_amplitudes = true,
          .scale = MelSpec::Scale::kHtk,
          .levels = MelSpec::Levels::kNatural,
          .floor = 1e-7,
          .samples_behind = 0};
}

MelSpec plain_samples(int in_frame) {
  return {.bins = in_frame, .levels = MelSpec::Levels::kSamples};
}

MelFrames log_mel_frames(const Sound& sound, const MelSpec& spec) {
  assert(!sound.samples.empty());
  if (spec.levels == MelSpec::Levels::kSamples) return sample_frames(sound, spec.bins);
  const std::int64_t samples = std::ssize(sound.samples), whole = whole_of(samples, spec);
  const auto plain = [&](std::int64_t i) {
    return i >= 0 && i < samples ? double{sound.samples[i]} : 0.0;
  };
  const auto sample = [&](std::int64_t i) {
    const bool is_outside = i < 0 || i >= whole;
    if (is_outside && !spec.mirrors_ends) return 0.0;
    const std::int64_t inside = i < 0 ? -i : i < whole ? i : 2 * (whole - 1) - i;
    const double value = plain(inside);
    return spec.preemphasis == 0.0 ? value : value - spec.preemphasis * plain(inside - 1);
  };
  MelFrames mel{spec.bins, {}};
  const std::int64_t frames = frames_of(samples, spec);
  mel.values.reserve(static_cast<std::size_t>((frames + 1) * spec.bins));
  Spectrum spectrum(spec);
  const std::int64_t heard = std::min(whole, samples + spec.window) / spec.hop + 1;
  for (std::int64_t f = 0; f < frames; ++f) {
    if (f <= heard) {
      spectrum.add(f * spec.hop, sample, mel.values);
    } else {  // the silence there, which is the same in all frames
      mel.values.resize(mel.values.size() + static_cast<std::size_t>(spec.bins), mel.values.back());
    }
  }
  if (spec.levels == MelSpec::Levels::kDecades) keep_highest_decades(mel);
  if (spec.levels == MelSpec::Levels::kPerBand) normalise_bands(mel);
  if (spec.ends_in_zeros) mel.values.resize(mel.values.size() + spec.bins, 0.0f);
  join_frames(mel, spec.joined_frames);
  return mel;
}

}  // namespace linnet
