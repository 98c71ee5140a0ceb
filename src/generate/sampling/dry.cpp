#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "generate/sampling/sampler_step.hpp"

namespace linnet {
namespace {

// "Don't repeat yourself": a token that would prolong a repetition of what was said before loses
// multiplier * base^(length of the repetition - allowed length).
// https://github.com/oobabooga/text-generation-webui/pull/5677
class Dry : public SamplerStep {
 public:
  explicit Dry(const SamplingParams& params)
      : multiplier_(params.dry_multiplier),
        base_(params.dry_base),
        allowed_(std::max<std::int64_t>(params.dry_allowed_length, 1)),
        window_(params.dry_window),
        breakers_(params.dry_breakers.begin(), params.dry_breakers.end()) {}

  void apply(Candidates& candidates, const DrawContext& context) override {
    reverse(context.tokens);
    const auto logits = candidates.logits();
    for (const auto& [token, length] : longest_repetitions()) {
      if (static_cast<std::size_t>(token) >= logits.size()) continue;
      const double penalty = multiplier_ * std::pow(base_, static_cast<double>(length - allowed_));
      // A penalty must not make minus infinity, which bans.
      logits[token] -= static_cast<float>(std::min(penalty, 1e30));
    }
  }

 private:
  void reverse(std::span<const std::int32_t> tokens) {
    const std::size_t count =
        window_ < 0 ? tokens.size() : std::min(tokens.size(), static_cast<std::size_t>(window_));
    reversed_.assign(tokens.rbegin(), tokens.rbegin() + static_cast<std::ptrdiff_t>(count));
  }

  // By token, the length of the longest end of the text that stood before it earlier.
  std::unordered_map<std::int32_t, std::int64_t> longest_repetitions() {
    std::unordered_map<std::int32_t, std::int64_t> longest;
    const auto is_breaker = [&](std::int32_t token) { return breakers_.contains(token); };
    const auto limit =
        std::find_if(reversed_.begin(), reversed_.end(), is_breaker) - reversed_.begin();
    match_front();
    for (std::size_t i = 1; i < reversed_.size(); ++i) {
      const std::int64_t length = std::min<std::int64_t>(matches_[i], limit);
      const std::int32_t next = reversed_[i - 1];
      if (length < allowed_ || is_breaker(next)) continue;
      auto& known = longest[next];
      known = std::max(known, length);
    }
    return longest;
  }

  // matches_[i]: how many tokens from i on are those at the front (the Z algorithm).
  void match_front() {
    const std::size_t count = reversed_.size();
    matches_.assign(count, 0);
    std::size_t left = 0, right = 0;  // the match that reaches furthest
    for (std::size_t i = 1; i < count; ++i) {
      std::size_t length =
          i < right ? std::min(right - i, static_cast<std::size_t>(matches_[i - left])) : 0;
      while (i + length < count && reversed_[length] == reversed_[i + length]) ++length;
      if (i + length > right) left = i, right = i + length;
      matches_[i] = static_cast<std::int64_t>(length);
    }
  }

  double multiplier_, base_;
  std::int64_t allowed_, window_;
  std::unordered_set<std::int32_t> breakers_;
  std::vector<std::int32_t> reversed_;  // the window, the last token first
  std::vector<std::int64_t> matches_;
};

}  // namespace

SamplerStepPointer make_dry(const SamplingParams& params) {
  if (params.dry_multiplier <= 0.0f || params.dry_window == 0) return nullptr;
  return std::make_unique<Dry>(params);
}

}  // namespace linnet
