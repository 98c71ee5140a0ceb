#include <algorithm>
#include <cmath>
#include <numeric>

#include "generate/sampling/sampler_step.hpp"

namespace linnet {
namespace {

// Locally typical sampling: https://arxiv.org/abs/2202.00666
class Typical : public SamplerStep {
 public:
  explicit Typical(float p) : p_(p) {}

  void apply(Candidates& candidates, const DrawContext&) override {
    const std::vector<double> weights = candidates.weights();
    const double sum = candidates.weights_sum();
    double entropy = 0.0;
    for (const double weight : weights)
      entropy -= weight > 0.0 ? weight * std::log(weight / sum) : 0;
    entropy /= sum;
    std::vector<double> distances(weights.size());
    for (std::size_t i = 0; i < weights.size(); ++i) {
      distances[i] = std::abs(-std::log(weights[i] / sum) - entropy);
    }
    std::vector<std::size_t> order(weights.size());
    std::iota(order.begin(), order.end(), 0);
    const std::vector<Candidate> all = candidates.list();
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      if (distances[a] != distances[b]) return distances[a] < distances[b];
      return likelier(all[a], all[b]);
    });
    double reached = 0.0;
    std::size_t kept = 0;
    while (kept < order.size() && (kept == 0 || reached < p_ * sum))
      reached += weights[order[kept++]];
    std::sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept));
    std::vector<Candidate> chosen;
    for (std::size_t i = 0; i < kept; ++i) chosen.push_back(all[order[i]]);
    candidates.replace(std::move(chosen));
  }

 private:
  double p_;
};

}  // namespace

SamplerStepPointer make_typical(const SamplingParams& params) {
  if (params.typical_p >= 1.0f) return nullptr;
  return std::make_unique<Typical>(params.typical_p);
}

}  // namespace linnet
