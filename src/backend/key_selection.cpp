#include "backend/key_selection.hpp"

#include <algorithm>
#include <bit>
#include <limits>

#include "backend/kv_pages.hpp"
#include "backend/ranked_keys.hpp"

namespace linnet {

static_assert(kPageTokens == 32, "a page's keys are the bits of one word");

namespace {

// Sets the bits [first, end).
void mark(std::uint32_t* words, std::int64_t first, std::int64_t end) {
  while (first < end) {
    const std::int64_t bit = first % kPageTokens, count = std::min(kPageTokens - bit, end - first);
    words[first / kPageTokens] |= (~std::uint32_t{0} >> (kPageTokens - count)) << bit;
    first += count;
  }
}

}  // namespace

void KeySelection::reset(std::int64_t rows, std::int64_t pages, int heads) {
  pages_ = pages;
  heads_ = heads;
  words_.assign(static_cast<std::size_t>(rows * heads * pages), 0);
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

void pick_token_blocks(std::span<const float> scores, const SelectParams& params,
                       std::uint32_t* words) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::int64_t tokens = std::ssize(scores), size = params.blocks.tokens;
  const std::int64_t blocks = (tokens - 1) / size + 1;
  const auto end_of = [&](std::int64_t block) { return std::min((block + 1) * size, tokens); };
  std::vector<float> best(static_cast<std::size_t>(blocks), -kInfinity);
  for (std::int64_t b = 0; b < blocks; ++b) {
    for (std::int64_t t = b * size; t < end_of(b); ++t) best[b] = std::max(best[b], scores[t]);
  }
  std::fill_n(best.rbegin(), std::min<std::int64_t>(params.blocks.recent, blocks), kInfinity);
  std::vector<std::uint32_t> picked(static_cast<std::size_t>(pages_for(blocks)), 0);
  pick_keys(best, params.most, picked.data());
  for (std::int64_t b = 0; b < blocks; ++b) {
    if (is_selected(picked.data(), static_cast<std::int32_t>(b))) mark(words, b * size, end_of(b));
  }
}

}  // namespace linnet
