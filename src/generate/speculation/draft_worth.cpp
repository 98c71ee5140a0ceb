#include "generate/speculation/draft_worth.hpp"

namespace linnet {

std::int64_t DraftWorth::next() {
  const std::int64_t count = worthwhile();
  if (count > 0) return count;
  if (++rest_ < kLongestRest) return 0;
  rest_ = 0;
  return 1;
}

std::int64_t DraftWorth::worthwhile() const {
  std::int64_t best = 0;
  double most = 1.0;  // tokens for the time of a step without guesses
  double tokens = 1.0, all_right = 1.0;
  for (std::int64_t count = 1; count <= most_; ++count) {
    all_right *= right_;
    tokens += all_right;
    const double gain = tokens / (1.0 + block_cost_ + cost_ * static_cast<double>(count));
    if (gain <= most) continue;
    most = gain;
    best = count;
  }
  return best;
}

void DraftWorth::report(std::int64_t guessed, std::int64_t accepted) {
  for (std::int64_t i = 0; i < accepted; ++i) right_ += kNewest * (1.0 - right_);
  if (accepted < guessed) right_ -= kNewest * right_;
}

}  // namespace linnet
