#include <cmath>

#include "generate/sampling/sampler_step.hpp"

namespace linnet {
namespace {

// Mirostat 2 of https://arxiv.org/abs/2007.14966: removes tokens of more than so many bits of
// surprise, and moves that limit so that the text has tau bits a token.
class Mirostat2 : public SamplerStep {
 public:
  explicit Mirostat2(const SamplingParams& params)
      : tau_(params.mirostat_tau), eta_(params.mirostat_eta), highest_surprise_(2.0 * tau_) {}

  void apply(Candidates& candidates, const DrawContext&) override {
    candidates.weights();
    const double best = candidates.best().logit;
    // -log2(p) <= limit, solved for the logit; the likeliest token always stays.
    const double room = highest_surprise_ * std::log(2.0) - std::log(candidates.weights_sum());
    const double limit = best - std::max(room, 0.0) * candidates.temperature;
    candidates.keep_at_least(static_cast<float>(limit));
  }
  void accept(std::int32_t, double probability) override {
    highest_surprise_ -= eta_ * (-std::log2(probability) - tau_);
  }

 private:
  double tau_, eta_, highest_surprise_;
};

}  // namespace

SamplerStepPointer make_mirostat_2(const SamplingParams& params) {
  if (params.mirostat != 2) return nullptr;
  return std::make_unique<Mirostat2>(params);
}

}  // namespace linnet
