#include "backend/key_selection.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

namespace linnet {

static_assert(kPageTokens == 32, "a page's keys are the bits of one word");

void KeySelection::reset(std::int64_t rows, int heads, std::int64_t pages) {
  heads_ = heads;
  pages_ = pages;
  words_.assign(static_cast<std::size_t>(rows * heads * pages), 0);
}

std::uint32_t* KeySelection::words(std::int64_t row, int kv_head) {
  return words_.data() + (row * heads_ + std::min(kv_head, heads_ - 1)) * pages_;
}

const std::uint32_t* KeySelection::words(std::int64_t row, int kv_head) const {
  return words_.data() + (row * heads_ + std::min(kv_head, heads_ - 1)) * pages_;
}

void pick_keys(std::span<const float> scores, KeyRange visible, const SelectParams& params,
               std::uint32_t* words) {
  const std::int32_t blocks = (visible.end + params.block - 1) / params.block;
  std::vector<float> best(static_cast<std::size_t>(blocks),
                          -std::numeric_limits<float>::infinity());
  for (std::int32_t key = visible.begin; key < visible.end; ++key) {
    float& block = best[static_cast<std::size_t>(key / params.block)];
    block = std::max(block, scores[static_cast<std::size_t>(key)]);
  }
  for (std::int32_t i = 0; i < std::min(params.local_blocks, blocks); ++i) {
    best[static_cast<std::size_t>(blocks - 1 - i)] = std::numeric_limits<float>::infinity();
  }
  std::vector<std::int32_t> order(best.size());
  std::iota(order.begin(), order.end(), 0);
  const auto count = std::min<std::size_t>(order.size(), static_cast<std::size_t>(params.most));
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                    [&](std::int32_t a, std::int32_t b) {
                      return best[a] != best[b] ? best[a] > best[b] : a < b;
                    });
  for (std::size_t i = 0; i < count; ++i) {
    const std::int32_t first = std::max(visible.begin, order[i] * params.block);
    const std::int32_t last = std::min(visible.end, (order[i] + 1) * params.block);
    for (std::int32_t key = first; key < last; ++key) {
      words[key / kPageTokens] |= std::uint32_t{1} << (key % kPageTokens);
    }
  }
}

}  // namespace linnet
