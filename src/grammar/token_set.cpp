#include "grammar/token_set.hpp"

#include <algorithm>
#include <bit>

namespace linnet::grammar {

std::int32_t TokenSet::count() const {
  std::int32_t count = 0;
  for (const std::uint64_t word : words_) count += std::popcount(word);
  return count;
}

void TokenSet::apply(std::span<float> logits) const {
  constexpr float kNever = -std::numeric_limits<float>::infinity();
  for (std::size_t first = 0; first < logits.size(); first += 64) {
    const std::uint64_t word = first / 64 < words_.size() ? words_[first / 64] : 0;
    if (word == ~std::uint64_t{0}) continue;
    const auto some = logits.subspan(first, std::min<std::size_t>(64, logits.size() - first));
    if (word == 0) {
      std::fill(some.begin(), some.end(), kNever);
      continue;
    }
    for (std::size_t i = 0; i < some.size(); ++i) {
      if ((word >> i & 1) == 0) some[i] = kNever;
    }
  }
}

}  // namespace linnet::grammar
