#include "generate/sampling/sampler_step.hpp"

namespace linnet {
namespace {

class TopK : public SamplerStep {
 public:
  explicit TopK(std::int64_t k) : k_(k) {}

  void apply(Candidates& candidates, const DrawContext&) override { candidates.keep_top(k_); }
  void state_needs(LogitNeeds& needs, const DrawContext&) override { needs.cut(k_); }

 private:
  std::int64_t k_;
};

}  // namespace

SamplerStepPointer make_top_k(const SamplingParams& params) {
  if (params.top_k <= 0) return nullptr;
  return std::make_unique<TopK>(params.top_k);
}

}  // namespace linnet
