#include <algorithm>
#include <cmath>

#include "generate/sampling/sampler_step.hpp"

namespace linnet {
namespace {

// Locally typical sampling: https://arxiv.org/abs/2202.00666
class Typical : public SamplerStep {
 public:
  explicit Typical(float p) : p_(p) {}

  void apply(Candidates& candidates, const DrawContext&) override {
    const auto distribution = candidates.softmax();
    const double wanted = distribution.sum * p_;
    // The logit of a token with exactly the expected information.
    const double centre = distribution.logit_of(std::exp(-distribution.entropy));
    // Few are wanted, mostly: look further around until those found suffice.
    for (double distance = 1.0;; distance *= 2.0) {
      const double reach = distance / distribution.scale;
      auto found = candidates.between(static_cast<float>(centre - reach),
                                      static_cast<float>(centre + reach));
      const bool is_all = static_cast<std::int64_t>(found.size()) >= distribution.count;
      const bool is_beyond = !(reach < kFarthest);
      if (is_all || is_beyond || distribution.weight(found) >= wanted) {
        return cut(candidates, std::move(found), centre, distribution, wanted);
      }
    }
  }

 private:
  static constexpr double kFarthest = 1e38;  // of what a float holds

  static void cut(Candidates& candidates, std::vector<Candidate> found, double centre,
                  const Candidates::Softmax& distribution, double wanted) {
    if (found.empty()) return candidates.keep_top(1);
    std::sort(found.begin(), found.end(), [&](const Candidate& a, const Candidate& b) {
      const double of_a = std::abs(a.logit - centre), of_b = std::abs(b.logit - centre);
      return of_a != of_b ? of_a < of_b : likelier(a, b);
    });
    candidates.keep_until(std::move(found), distribution, wanted);
  }

  double p_;
};

}  // namespace

SamplerStepPointer make_typical(const SamplingParams& params) {
  if (params.typical_p >= 1.0f) return nullptr;
  return std::make_unique<Typical>(params.typical_p);
}

}  // namespace linnet
