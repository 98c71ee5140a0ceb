#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "generate/sampling/sampler_step.hpp"

namespace linnet {
namespace {

// Prefers tokens whose probability is close to a target, which moves so that the probabilities of
// what was drawn have the target as their mean, where those that are long ago count less.
// https://github.com/ggml-org/llama.cpp/pull/17927
class AdaptiveP : public SamplerStep {
 public:
  explicit AdaptiveP(const SamplingParams& params)
      : target_(params.adaptive_target),
        decay_(std::clamp(double{params.adaptive_decay}, 0.0, kSlowest)),
        sum_(target_ / (1.0 - decay_)),
        weight_(1.0 / (1.0 - decay_)) {}

  void apply(Candidates& candidates, const DrawContext&) override {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    const auto distribution = candidates.softmax();
    if (!(distribution.sum > 0.0)) return;
    const double target = std::clamp(2.0 * target_ - sum_ / weight_, 0.0, 1.0);
    auto tokens = candidates.between(-std::numeric_limits<float>::max(), kInfinity);
    std::ranges::sort(tokens, {}, &Candidate::id);  // one order, whatever came before
    probabilities_.clear();
    for (Candidate& token : tokens) {
      const double probability = distribution.weight(token.logit) / distribution.sum;
      probabilities_[token.id] = probability;
      const double distance = std::abs(probability - target) / kWidth;
      token.logit = static_cast<float>(kPeak - kSharpness * distance * distance / (1.0 + distance));
    }
    candidates.keep(std::move(tokens));
    candidates.temperature = 1.0;
  }

  // The probability that it had before.
  void accept(TokenId token, double) override {
    const auto known = probabilities_.find(token);
    if (known == probabilities_.end()) return;
    sum_ = known->second + decay_ * sum_;
    weight_ = 1.0 + decay_ * weight_;
  }

 private:
  static constexpr double kWidth = 0.3, kPeak = 5.0, kSharpness = 10.0, kSlowest = 0.99;
  double target_, decay_, sum_, weight_;
  std::unordered_map<TokenId, double> probabilities_;
};

}  // namespace

SamplerStepPointer make_adaptive_p(const SamplingParams& params) {
  if (params.adaptive_target < 0.0f) return nullptr;
  return std::make_unique<AdaptiveP>(params);
}

}  // namespace linnet
