#include <limits>

#include "generate/sampling/sampler_step.hpp"
#include "generate/sampling/uniform.hpp"

namespace linnet {
namespace {

// Its draws are another series than the chain's.
constexpr std::uint64_t kSeries = 0x5854432d64726177u;

// "Exclude top choices": https://github.com/oobabooga/text-generation-webui/pull/6335
class Xtc : public SamplerStep {
 public:
  explicit Xtc(const SamplingParams& params)
      : seed_(params.seed ^ kSeries),
        probability_(params.xtc_probability),
        threshold_(params.xtc_threshold) {}

  void apply(Candidates& candidates, const DrawContext& context) override {
    if (uniform(seed_, static_cast<std::uint64_t>(context.drawn)) >= probability_) return;
    const auto distribution = candidates.softmax();
    const auto limit = static_cast<float>(distribution.logit_of(threshold_));
    // At most 1 / threshold of them reach it.
    const auto above = candidates.between(limit, std::numeric_limits<float>::infinity());
    if (above.size() >= 2) candidates.remove_top(static_cast<std::int64_t>(above.size()) - 1);
  }

 private:
  std::uint64_t seed_;
  double probability_, threshold_;
};

}  // namespace

SamplerStepPointer make_xtc(const SamplingParams& params) {
  // Above one half there is never a second choice.
  if (params.xtc_probability <= 0.0f || params.xtc_threshold > 0.5f) return nullptr;
  return std::make_unique<Xtc>(params);
}

}  // namespace linnet
