#include <algorithm>
#include <cmath>

#include "generate/sampling/sampler_step.hpp"

namespace linnet {
namespace {

// Between temperature - range and temperature + range, the higher the less certain the model is:
// by its entropy as a part of the highest possible one, to the power of the exponent.
// https://github.com/ggml-org/llama.cpp/pull/4972
class DynamicTemperature : public SamplerStep {
 public:
  explicit DynamicTemperature(const SamplingParams& params)
      : low_(std::max(kLowest, double{params.temperature} - params.dynamic_range)),
        high_(double{params.temperature} + params.dynamic_range),
        exponent_(params.dynamic_exponent) {}

  void apply(Candidates& candidates, const DrawContext&) override {
    const auto distribution = candidates.softmax();
    if (distribution.count < 2 || !(distribution.sum > 0.0)) return;
    const double highest_entropy = std::log(static_cast<double>(distribution.count));
    const double part = std::clamp(distribution.entropy / highest_entropy, 0.0, 1.0);
    candidates.temperature = low_ + (high_ - low_) * std::pow(part, exponent_);
  }

 private:
  static constexpr double kLowest = 1e-4;  // nothing is divided by 0
  double low_, high_, exponent_;
};

}  // namespace

SamplerStepPointer make_dynamic_temperature(const SamplingParams& params) {
  if (params.dynamic_range <= 0.0f) return nullptr;
  return std::make_unique<DynamicTemperature>(params);
}

}  // namespace linnet
