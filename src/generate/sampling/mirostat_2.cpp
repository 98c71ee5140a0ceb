#include <cmath>

#include "generate/sampling/sampler_step.hpp"

namespace linnet {
namespace {

// Mirostat 2 of https://arxiv.org/abs/2007.14966: removes tokens of more than this many bits of
// surprise, and moves that limit so that the text has tau bits a token.
class Mirostat2 : public SamplerStep {
 public:
  explicit Mirostat2(const SamplingParams& params)
      : tau_(params.mirostat_tau), eta_(params.mirostat_eta), highest_surprise_(2.0 * tau_) {}

  void apply(Candidates& candidates, const DrawContext&) override {
    const auto distribution = candidates.softmax();
    // The likeliest token always stays.
    const auto limit = static_cast<float>(distribution.logit_of(std::exp2(-highest_surprise_)));
    candidates.keep_at_least(limit < distribution.highest ? limit : distribution.highest);
  }
  void accept(TokenId, double probability) override {
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
