#include "generate/sampling/sampler_step.hpp"

namespace linnet {
namespace {

// https://arxiv.org/abs/2411.07641
class TopNSigma : public SamplerStep {
 public:
  explicit TopNSigma(float n) : n_(n) {}

  void apply(Candidates& candidates, const DrawContext&) override {
    const double limit = candidates.best().logit - n_ * candidates.spread().deviation;
    candidates.keep_at_least(static_cast<float>(limit));
  }

 private:
  double n_;
};

}  // namespace

SamplerStepPointer make_top_n_sigma(const SamplingParams& params) {
  if (params.top_n_sigma <= 0.0f) return nullptr;
  return std::make_unique<TopNSigma>(params.top_n_sigma);
}

}  // namespace linnet
