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
      auto found = candidates.between(distribution.highest - depth / distribution.scale, kInfinity);
      double sum = 0.0;
      for (const Candidate& candidate : found) sum += distribution.weight(candidate.logit);
      const bool is_all = static_cast<std::int64_t>(found.size()) >= distribution.count;
      if (sum >= wanted || is_all) return cut(candidates, std::move(found), distribution, wanted);
    }
  }

 private:
  static constexpr float kInfinity = std::numeric_limits<float>::infinity();

  static void cut(Candidates& candidates, std::vector<Candidate> found,
                  const Candidates::Softmax& distribution, double wanted) {
    std::sort(found.begin(), found.end(), likelier);
    double sum = 0.0;
    std::size_t kept = 0;
    while (kept < found.size() && (kept == 0 || sum < wanted)) {
      sum += distribution.weight(found[kept++].logit);
    }
    found.resize(kept);
    candidates.keep(std::move(found));
  }

  double p_;
};

}  // namespace

SamplerStepPointer make_top_p(const SamplingParams& params) {
  if (params.top_p >= 1.0f) return nullptr;
  return std::make_unique<TopP>(params.top_p);
}

}  // namespace linnet
