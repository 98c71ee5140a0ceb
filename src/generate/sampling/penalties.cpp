#include <algorithm>
#include <unordered_map>

#include "generate/sampling/sampler_step.hpp"

namespace linnet {
namespace {

// Repetition: https://arxiv.org/abs/1909.05858, section 4.1. Frequency and presence: OpenAI's API.
class Penalties : public SamplerStep {
 public:
  explicit Penalties(const SamplingParams& params)
      : window_(params.penalty_window),
        repeat_(params.repeat_penalty),
        frequency_(params.frequency_penalty),
        presence_(params.presence_penalty) {}

  void apply(Candidates& candidates, const DrawContext& context) override {
    count(context.tokens);
    const auto logits = candidates.logits();
    for (const auto& [token, times] : counts_) {
      if (static_cast<std::size_t>(token) >= logits.size()) continue;
      float& logit = logits[token];
      logit = logit > 0.0f ? logit / repeat_ : logit * repeat_;
      logit -= static_cast<float>(times) * frequency_ + presence_;
    }
  }
  void state_needs(LogitNeeds& needs, const DrawContext& context) override {
    count(context.tokens);
    needs.depends_on_text = true;
    for (const auto& [token, times] : counts_) needs.add({&token, 1});
  }

 private:
  // Counts the tokens that came into the window since the last call; forgets those that left.
  void count(std::span<const TokenId> tokens) {
    const std::size_t length = tokens.size();
    const std::size_t window =
        window_ < 0 ? length : std::min(length, static_cast<std::size_t>(window_));
    const std::size_t begin = length - window;
    for (; end_ < length; ++end_) ++counts_[tokens[end_]];
    for (; begin_ < begin; ++begin_) {
      const auto found = counts_.find(tokens[begin_]);
      if (--found->second == 0) counts_.erase(found);
    }
  }

  std::int64_t window_;
  float repeat_, frequency_, presence_;
  std::unordered_map<TokenId, std::int64_t> counts_;  // of the tokens [begin_, end_)
  std::size_t begin_ = 0, end_ = 0;
};

}  // namespace

SamplerStepPointer make_penalties(const SamplingParams& params) {
  const bool is_off = params.repeat_penalty == 1.0f && params.frequency_penalty == 0.0f &&
                      params.presence_penalty == 0.0f;
  if (is_off || params.penalty_window == 0) return nullptr;
  return std::make_unique<Penalties>(params);
}

}  // namespace linnet
