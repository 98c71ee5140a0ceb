#include <cmath>

#include "generate/sampling/sampler_step.hpp"

namespace linnet {
namespace {

// https://arxiv.org/abs/2407.01082
class MinP : public SamplerStep {
 public:
  explicit MinP(float p) : p_(p) {}

  void apply(Candidates& candidates, const DrawContext&) override {
    const double limit = candidates.best().logit + std::log(p_) * candidates.temperature;
    candidates.keep_at_least(static_cast<float>(limit));
  }
  // Before a temperature, as it stands in the chain.
  void state_needs(LogitNeeds& needs, const DrawContext&) override {
    needs.cut_below(-std::log(p_));
  }

 private:
  double p_;
};

}  // namespace

SamplerStepPointer make_min_p(const SamplingParams& params) {
  if (params.min_p <= 0.0f) return nullptr;
  return std::make_unique<MinP>(params.min_p);
}

}  // namespace linnet
