#include "generate/sampling/logprobs.hpp"

#include "generate/sampling/candidates.hpp"

namespace linnet {

TokenLogprobs top_logprobs(std::span<const float> logits, std::int64_t top) {
  TokenLogprobs result;
  if (top <= 0) return result;
  std::vector<float> copy(logits.begin(), logits.end());
  Candidates candidates(copy);
  const double normalizer = log_sum_exp(logits);
  const auto likeliest = candidates.top(top);
  result.top.reserve(likeliest.size());
  for (const Candidate& candidate : likeliest) {
    result.top.push_back({candidate.id, candidate.logit - normalizer});
  }
  return result;
}

}  // namespace linnet
