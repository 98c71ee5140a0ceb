#include "generate/sampling/logprobs.hpp"

#include "generate/sampling/candidates.hpp"

namespace linnet {
namespace {

std::vector<TokenLogprobs::Entry> likeliest(std::span<const float> logits, std::int64_t top,
                                            double normalizer) {
  std::vector<float> copy(logits.begin(), logits.end());
  std::vector<TokenLogprobs::Entry> entries;
  for (const Candidate& candidate : Candidates(copy).top(top)) {
    entries.push_back({candidate.id, candidate.logit - normalizer});
  }
  return entries;
}

}  // namespace

TokenLogprobs top_logprobs(std::span<const float> logits, std::int64_t top) {
  TokenLogprobs result;
  if (top > 0) result.top = likeliest(logits, top, log_sum_exp(logits));
  return result;
}

TokenLogprobs token_logprobs(std::span<const float> logits, TokenId token, std::int64_t top) {
  const double normalizer = log_sum_exp(logits);
  TokenLogprobs result;
  result.chosen = {token, logits[static_cast<std::size_t>(token)] - normalizer};
  if (top > 0) result.top = likeliest(logits, top, normalizer);
  return result;
}

}  // namespace linnet
