#include "generate/sampling/sampler_step.hpp"

namespace linnet {
namespace {

class Bias : public SamplerStep {
 public:
  explicit Bias(std::vector<LogitBias> biases) : biases_(std::move(biases)) {}

  void apply(Candidates& candidates, const DrawContext&) override {
    const auto logits = candidates.logits();
    for (const LogitBias& bias : biases_) {
      if (bias.token < 0 || static_cast<std::size_t>(bias.token) >= logits.size()) continue;
      logits[bias.token] += bias.bias;
    }
  }
  void state_needs(LogitNeeds& needs, const DrawContext&) override {
    for (const LogitBias& bias : biases_) needs.add({&bias.token, 1});
  }

 private:
  std::vector<LogitBias> biases_;
};

}  // namespace

SamplerStepPointer make_logit_bias(const SamplingParams& params) {
  if (params.logit_bias.empty()) return nullptr;
  return std::make_unique<Bias>(params.logit_bias);
}

}  // namespace linnet
