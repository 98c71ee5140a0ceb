#include <algorithm>
#include <cmath>

#include "generate/sampling/sampler_step.hpp"

namespace linnet {
namespace {

// Mirostat, algorithm 1 of https://arxiv.org/abs/2007.14966: keeps the surprise of the text near
// tau bits a token, by a top-k whose k follows from the estimated exponent of Zipf's law.
class Mirostat : public SamplerStep {
 public:
  explicit Mirostat(const SamplingParams& params)
      : tau_(params.mirostat_tau), eta_(params.mirostat_eta), highest_surprise_(2.0 * tau_) {}

  void apply(Candidates& candidates, const DrawContext&) override {
    const std::size_t vocabulary = candidates.logits().size();
    const double exponent =
        estimate_exponent(candidates.top(kEstimatedFrom), candidates.temperature);
    const double excess = exponent - 1.0;
    const double k = std::pow(excess * std::exp2(highest_surprise_) /
                                  (1.0 - std::pow(static_cast<double>(vocabulary), -excess)),
                              1.0 / exponent);
    // An estimate without sense (a flat distribution) cuts nothing.
    if (std::isfinite(k)) {
      const double most = static_cast<double>(vocabulary);
      candidates.keep_top(static_cast<std::int64_t>(std::clamp(k, 1.0, most)));
    }
  }
  void accept(TokenId, double probability) override {
    highest_surprise_ -= eta_ * (-std::log2(probability) - tau_);
  }

 private:
  static constexpr std::int64_t kEstimatedFrom = 100;

  // Of p(i) ~ i^-s, by least squares over the ratios of the likeliest tokens.
  static double estimate_exponent(const std::vector<Candidate>& list, double temperature) {
    double products = 0.0, squares = 0.0;
    for (std::size_t i = 0; i + 1 < list.size(); ++i) {
      const double t = std::log(static_cast<double>(i + 2) / static_cast<double>(i + 1));
      const double b = (double{list[i].logit} - list[i + 1].logit) / temperature;
      products += t * b;
      squares += t * t;
    }
    return squares > 0.0 ? products / squares : 0.0;
  }

  double tau_, eta_, highest_surprise_;
};

}  // namespace

SamplerStepPointer make_mirostat(const SamplingParams& params) {
  if (params.mirostat != 1) return nullptr;
  return std::make_unique<Mirostat>(params);
}

}  // namespace linnet
