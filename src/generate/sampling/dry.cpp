#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "generate/sampling/sampler_step.hpp"

namespace linnet {
namespace {

// An earlier place in a text where its end stood, too.
struct Repetition {
  std::int64_t last;    ///< position of its last token
  std::int64_t length;  ///< tokens of the end that stood there
};

// The repetitions of the end of a text that grows. A token prolongs those repetitions whose next
// token it is and begins others where it stood before, so it costs as much as it is frequent,
// however long the text is.
class RepetitionFinder {
 public:
  // `tokens` is the text of the last call and what has come since.
  void follow(std::span<const TokenId> tokens) {
    const auto known = static_cast<std::size_t>(count_);
    if (tokens.size() < known) *this = {};
    if (tokens.size() > static_cast<std::size_t>(count_) + 1) {
      begin(tokens);
    } else if (tokens.size() == static_cast<std::size_t>(count_) + 1) {
      prolong(tokens.back());
    }
  }

  // By position.
  const std::vector<Repetition>& repetitions() const { return repetitions_; }

 private:
  void prolong(TokenId token) {
    std::vector<std::int64_t>& places = places_[token];
    longer_.clear();
    auto before = repetitions_.begin();
    for (const std::int64_t place : places) {
      while (before != repetitions_.end() && before->last < place - 1) ++before;
      const bool goes_on = before != repetitions_.end() && before->last == place - 1;
      longer_.push_back({place, goes_on ? before->length + 1 : 1});
    }
    repetitions_.swap(longer_);
    places.push_back(count_++);
  }

  // All at once, because a prompt that says one thing again and again would take quadratic time.
  void begin(std::span<const TokenId> tokens) {
    count_ = std::ssize(tokens);
    places_.clear();
    for (std::int64_t i = 0; i < count_; ++i) places_[tokens[i]].push_back(i);
    repetitions_.clear();
    const std::vector<std::int64_t> matches = match_end(tokens);
    for (std::int64_t i = 0; i + 1 < count_; ++i) {
      if (matches[i] > 0) repetitions_.push_back({i, matches[i]});
    }
  }

  // How many tokens up to each position are those at the end (the Z algorithm, from behind).
  static std::vector<std::int64_t> match_end(std::span<const TokenId> tokens) {
    const std::int64_t count = std::ssize(tokens);
    const auto from_behind = [&](std::int64_t i) { return tokens[count - 1 - i]; };
    std::vector<std::int64_t> matches(count);  // by distance from the end, turned round at last
    std::int64_t left = 0, right = 0;          // the match that reaches furthest
    for (std::int64_t i = 1; i < count; ++i) {
      std::int64_t length = i < right ? std::min(right - i, matches[i - left]) : 0;
      while (i + length < count && from_behind(length) == from_behind(i + length)) ++length;
      if (i + length > right) left = i, right = i + length;
      matches[i] = length;
    }
    std::ranges::reverse(matches);
    return matches;
  }

  std::int64_t count_ = 0;
  std::unordered_map<TokenId, std::vector<std::int64_t>> places_;  // of each token
  std::vector<Repetition> repetitions_, longer_;
};

// "Don't repeat yourself": a token that would prolong a repetition of what was said before loses
// multiplier * base^(length of the repetition - allowed length).
// https://github.com/oobabooga/text-generation-webui/pull/5677
class Dry : public SamplerStep {
 public:
  explicit Dry(const SamplingParams& params)
      : multiplier_(params.dry_multiplier),
        base_(params.dry_base),
        allowed_(std::max<std::int64_t>(params.dry_allowed_length, 0)),
        window_(params.dry_window < 0 ? std::numeric_limits<std::int64_t>::max()
                                      : params.dry_window),
        breakers_(params.dry_breakers.tokens.begin(), params.dry_breakers.tokens.end()) {
    for (const TokenRun& run : params.dry_breakers.runs) runs_.emplace(run.first, run.rest);
  }

  void apply(Candidates& candidates, const DrawContext& context) override {
    finder_.follow(context.tokens);
    const auto logits = candidates.logits();
    for (const auto& [token, length] : longest_repetitions(context.tokens)) {
      if (static_cast<std::size_t>(token) >= logits.size()) continue;
      const double penalty = multiplier_ * std::pow(base_, static_cast<double>(length - allowed_));
      // A penalty must not make minus infinity, which bans.
      logits[token] -= static_cast<float>(std::min(penalty, 1e30));
    }
  }
  void state_needs(LogitNeeds& needs, const DrawContext& context) override {
    finder_.follow(context.tokens);
    needs.depends_on_text = true;
    for (const auto& [token, length] : longest_repetitions(context.tokens)) needs.add({&token, 1});
  }

 private:
  // By token, the length of the longest end of the text that stood before it earlier.
  std::unordered_map<TokenId, std::int64_t> longest_repetitions(
      std::span<const TokenId> tokens) const {
    std::unordered_map<TokenId, std::int64_t> longest;
    const std::int64_t first = std::max<std::int64_t>(std::ssize(tokens) - window_, 0);
    if (allowed_ == 0) {  // whatever stood behind another token
      for (std::int64_t i = first + 1; i < std::ssize(tokens); ++i) {
        if (!breakers_.contains(tokens[i])) longest.try_emplace(tokens[i], 0);
      }
    }
    const std::int64_t most = tokens_since_breaker(tokens);
    for (const Repetition& repetition : finder_.repetitions()) {
      const std::int64_t length = std::min({repetition.length, most, repetition.last - first + 1});
      const TokenId next = tokens[repetition.last + 1];
      if (length < allowed_ || breakers_.contains(next)) continue;
      auto& known = longest[next];
      known = std::max(known, length);
    }
    return longest;
  }

  // Nothing counts as repeated across a breaker, of which the last token that begins one counts.
  std::int64_t tokens_since_breaker(std::span<const TokenId> tokens) const {
    if (breakers_.empty() && runs_.empty()) return std::ssize(tokens);
    for (std::int64_t behind = 0; behind < std::ssize(tokens); ++behind) {
      const auto place = tokens.size() - 1 - static_cast<std::size_t>(behind);
      const auto length = breaker_length(tokens.subspan(place));
      if (length > 0) return behind + 1 - length;
    }
    return std::ssize(tokens);
  }

  // Tokens of the longest breaker with which `tokens` begins; 0: with none.
  std::int64_t breaker_length(std::span<const TokenId> tokens) const {
    std::int64_t length = breakers_.contains(tokens.front()) ? 1 : 0;
    const auto [first, last] = runs_.equal_range(tokens.front());
    for (auto run = first; run != last; ++run) {
      const std::vector<TokenId>& rest = run->second;
      const auto behind = tokens.subspan(1);
      if (rest.size() > behind.size() || !std::ranges::equal(rest, behind.first(rest.size()))) {
        continue;
      }
      length = std::max(length, std::ssize(rest) + 1);
    }
    return length;
  }

  double multiplier_, base_;
  std::int64_t allowed_, window_;
  std::unordered_set<TokenId> breakers_;
  std::unordered_multimap<TokenId, std::vector<TokenId>> runs_;  // the rest, by the first token
  RepetitionFinder finder_;
};

}  // namespace

SamplerStepPointer make_dry(const SamplingParams& params) {
  if (params.dry_multiplier <= 0.0f || params.dry_window == 0) return nullptr;
  return std::make_unique<Dry>(params);
}

}  // namespace linnet
