#include <algorithm>
#include <limits>

#include "generate/sampling/sampler_step.hpp"

namespace linnet {
namespace {

// Nucleus sampling: https://arxiv.org/abs/1904.09751
class TopP : public SamplerStep {
 public:
  explicit TopP(float p) : p_(p) {}

  void apply(Candidates& candidates, const DrawContext&) override {
    const auto distribution = candidates.softmax();
    const double wanted = distribution.sum * p_;
    // Few are wanted, mostly: look further down until those found suffice.
    for (float depth = 4.0f;; depth *= 2.0f) {
      auto found = candidates.between(
          static_cast<float>(distribution.highest - depth / distribution.scale), kInfinity);
      const bool is_all = static_cast<std::int64_t>(found.size()) >= distribution.count;
      if (is_all || distribution.weight(found) >= wanted) {
        std::sort(found.begin(), found.end(), likelier);
        return candidates.keep_until(std::move(found), distribution, wanted);
      }
    }
  }

 private:
  static constexpr float kInfinity = std::numeric_limits<float>::infinity();

  double p_;
};

}  // namespace

SamplerStepPointer make_top_p(const SamplingParams& params) {
  if (params.top_p >= 1.0f) return nullptr;
  return std::make_unique<TopP>(params.top_p);
}

}  // namespace linnet
