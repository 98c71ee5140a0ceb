#include "backend/key_selection.hpp"

#include <algorithm>
#include <numeric>

namespace linnet {

static_assert(kPageTokens == 32, "a page's keys are the bits of one word");

void KeySelection::reset(std::int64_t rows, std::int64_t pages) {
  pages_ = pages;
  words_.assign(static_cast<std::size_t>(rows * pages), 0);
}

void pick_keys(std::span<const float> scores, int most, std::uint32_t* words) {
  std::vector<std::int32_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  const auto count = std::min<std::ptrdiff_t>(most, std::ssize(order));
  std::partial_sort(order.begin(), order.begin() + count, order.end(),
                    [&](std::int32_t a, std::int32_t b) { return scores[a] > scores[b]; });
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    words[order[i] / kPageTokens] |= std::uint32_t{1} << (order[i] % kPageTokens);
  }
}

}  // namespace linnet
