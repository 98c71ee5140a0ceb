#pragma once

#include <algorithm>
#include <cstdint>

namespace linnet {

/// How many tokens of a sequence are worth guessing where a guess has its price: the number that
/// brings most tokens for its cost, if guesses go on being right as often as they were
/// (https://arxiv.org/abs/2211.17192, theorem 3.8). If none is worth it, one is tried now and
/// then.
class DraftWorth {
 public:
  static constexpr std::int64_t kMost = 8;

  /// `cost`: of a guess, in steps of the model for one token (guess_cost()), and `block_cost` of
  /// all guesses of a step together. What costs more counts as half a step: who has asked for that
  /// wants it tried.
  explicit DraftWorth(double cost, double block_cost = 0.0, std::int64_t most = kMost)
      : cost_(std::min(cost, 0.5)), block_cost_(std::min(block_cost, 0.5)), most_(most) {}

  /// For the next step.
  std::int64_t next();
  /// `accepted` of `guessed` (at least 1) were right.
  void report(std::int64_t guessed, std::int64_t accepted);

 private:
  static constexpr double kNewest = 0.05;
  static constexpr int kLongestRest = 32;

  std::int64_t worthwhile() const;

  double cost_, block_cost_;
  std::int64_t most_;
  double right_ = 0.7;  // the share of guesses, of those after a right one
  int rest_ = 0;        // steps without guesses so far
};

}  // namespace linnet
