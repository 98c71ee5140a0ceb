#include "backend/key_selection.hpp"

#include <algorithm>
#include <bit>
#include <limits>

#include "backend/ranked_keys.hpp"

namespace linnet {

static_assert(kPageTokens == 32, "a page's keys are the bits of one word");

void KeySelection::reset(std::int64_t rows, std::int64_t pages) {
  pages_ = pages;
  words_.assign(static_cast<std::size_t>(rows * pages), 0);
}

std::vector<float> token_scores(std::span<const float> key_scores, int stride,
                                std::int32_t tokens) {
  std::vector<float> scores(static_cast<std::size_t>(tokens),
                            std::numeric_limits<float>::infinity());
  const std::size_t covered = key_scores.size() * static_cast<std::size_t>(stride);
  for (std::size_t t = 0; t < covered; ++t) {
    scores[t] = key_scores[t / static_cast<std::size_t>(stride)];
  }
  return scores;
}

void pick_keys(std::span<const float> scores, int most, std::uint32_t* words) {
  const auto keys = static_cast<std::int32_t>(scores.size());
  const std::int32_t count = std::min(most, keys);
  if (count <= 0) return;
  const auto ranked = [&](std::int32_t key) {
    return RankedKey{rank_of_bits(std::bit_cast<std::uint32_t>(scores[key])), key};
  };
  std::vector<RankedKey> heap(static_cast<std::size_t>(count));
  for (std::int32_t key = 0; key < count; ++key) heap[key] = ranked(key);
  if (count < keys) {
    for (std::int32_t parent = count / 2; parent-- > 0;) {
      sink(heap.data(), count, parent, heap[parent]);
    }
  }
  for (std::int32_t key = count; key < keys; ++key) {
    const RankedKey next = ranked(key);
    if (next.rank > heap.front().rank) sink(heap.data(), count, 0, next);
  }
  for (const RankedKey& picked : heap) {
    words[picked.key / kPageTokens] |= std::uint32_t{1} << (picked.key % kPageTokens);
  }
}

}  // namespace linnet
