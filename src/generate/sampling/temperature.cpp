#include "generate/sampling/sampler_step.hpp"

namespace linnet {
namespace {

class Temperature : public SamplerStep {
 public:
  explicit Temperature(float temperature) : temperature_(temperature) {}

  void apply(Candidates& candidates, const DrawContext&) override {
    candidates.temperature = temperature_;
  }

 private:
  double temperature_;
};

}  // namespace

SamplerStepPointer make_temperature(const SamplingParams& params) {
  if (params.dynamic_range > 0.0f) return nullptr;
  return std::make_unique<Temperature>(params.temperature);
}

}  // namespace linnet
