#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backend/backend.hpp"

namespace linnet {

/// The keys that each row of a batch has picked, one bit a key: word p holds those of page p.
class KeySelection {
 public:
  /// Picks nothing, for `rows` rows of at most `pages` pages. With one head: for all KV heads.
  void reset(std::int64_t rows, std::int64_t pages, int heads = 1);

  std::uint32_t* words(std::int64_t row, int kv_head) {
    return words_.data() + first_word(row, kv_head);
  }
  const std::uint32_t* words(std::int64_t row, int kv_head) const {
    return words_.data() + first_word(row, kv_head);
  }

 private:
  std::int64_t first_word(std::int64_t row, int kv_head) const {
    return (row * heads_ + (heads_ == 1 ? 0 : kv_head)) * pages_;
  }

  std::int64_t pages_ = 0;
  int heads_ = 1;
  std::vector<std::uint32_t> words_;
};

inline bool is_selected(const std::uint32_t* words, std::int32_t key) {
  return ((words[key / kPageTokens] >> (key % kPageTokens)) & 1) != 0;
}

/// The scores of the first `tokens` tokens if each key stands for `stride` tokens: see
/// SelectParams::picks_tokens.
std::vector<float> token_scores(std::span<const float> key_scores, int stride, std::int32_t tokens);

/// Marks the `most` keys of the best scores. Among equal scores, which relu makes frequent, it
/// keeps those that stay in a heap that begins as the first `most` keys and takes each later key
/// that is better than its root: as std::partial_sort does, and so llama.cpp and the golden cases
/// of DeepSeek 3.2.
void pick_keys(std::span<const float> scores, int most, std::uint32_t* words);

/// Marks the tokens of the picked blocks, given a score for each token: see PickedBlocks.
void pick_token_blocks(std::span<const float> scores, const SelectParams& params,
                       std::uint32_t* words);

}  // namespace linnet
