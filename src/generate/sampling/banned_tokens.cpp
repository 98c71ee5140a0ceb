#include <limits>

#include "generate/sampling/sampler_step.hpp"

namespace linnet {
namespace {

class BannedTokens : public SamplerStep {
 public:
  explicit BannedTokens(const SamplingParams& params)
      : always_(params.banned_tokens),
        at_first_(params.end_tokens),
        min_tokens_(params.min_tokens) {}

  void apply(Candidates& candidates, const DrawContext& context) override {
    ban(always_, candidates.logits());
    if (context.drawn < min_tokens_) ban(at_first_, candidates.logits());
  }
  void state_needs(LogitNeeds& needs, const DrawContext& context) override {
    needs.add(always_);
    if (context.drawn < min_tokens_) needs.add(at_first_);  // later on no more than that
  }

 private:
  static void ban(const std::vector<TokenId>& tokens, std::span<float> logits) {
    for (const TokenId token : tokens) {
      if (token < 0 || static_cast<std::size_t>(token) >= logits.size()) continue;
      logits[token] = -std::numeric_limits<float>::infinity();
    }
  }

  std::vector<TokenId> always_, at_first_;
  std::int64_t min_tokens_;
};

}  // namespace

SamplerStepPointer make_banned_tokens(const SamplingParams& params) {
  const bool bans_ends = params.min_tokens > 0 && !params.end_tokens.empty();
  if (params.banned_tokens.empty() && !bans_ends) return nullptr;
  return std::make_unique<BannedTokens>(params);
}

}  // namespace linnet
