#include "generate/sampler.hpp"
#include "generate/sampling/sampler_step.hpp"

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
    candidates.weights();
    const double limit = threshold_ * candidates.weights_sum();
    // At most 1 / threshold of them reach it.
    const auto& weights = candidates.weights();
    std::size_t above = 0;
    for (const double weight : weights) above += weight >= limit;
    if (above < 2) return;
    candidates.sort_front(above);
    const auto& all = candidates.list();
    candidates.replace({all.begin() + static_cast<std::ptrdiff_t>(above) - 1, all.end()});
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
