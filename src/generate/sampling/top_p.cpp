#include <algorithm>
#include <cmath>

#include "generate/sampling/sampler_step.hpp"

namespace linnet {
namespace {

// Nucleus sampling: https://arxiv.org/abs/1904.09751
class TopP : public SamplerStep {
 public:
  explicit TopP(float p) : p_(p) {}

  void apply(Candidates& candidates, const DrawContext&) override {
    const double wanted = (candidates.weights(), candidates.weights_sum() * p_);
    const std::size_t count = candidates.list().size();
    // Few are wanted, mostly: sort them in growing portions.
    double sum = 0.0;
    std::size_t kept = 0;
    for (std::size_t sorted = 64; kept < count; sorted *= 8) {
      candidates.sort_front(sorted);
      const double best = candidates.list().front().logit;
      for (; kept < std::min(sorted, count); ++kept) {
        if (kept > 0 && sum >= wanted) return candidates.keep_top(static_cast<std::int64_t>(kept));
        sum += std::exp((candidates.list()[kept].logit - best) / candidates.temperature);
      }
    }
  }

 private:
  double p_;
};

}  // namespace

SamplerStepPointer make_top_p(const SamplingParams& params) {
  if (params.top_p >= 1.0f) return nullptr;
  return std::make_unique<TopP>(params.top_p);
}

}  // namespace linnet
