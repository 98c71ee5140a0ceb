#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backend/backend.hpp"
#include "backend/visible_keys.hpp"

namespace linnet {

/// The keys that each row of a batch picked, a bit for each key: word p holds those of page p.
class KeySelection {
 public:
  /// Nothing picked, for `rows` rows of `heads` pickers over `pages` pages.
  void reset(std::int64_t rows, int heads, std::int64_t pages);

  /// The words of a row for KV head `kv_head`.
  std::uint32_t* words(std::int64_t row, int kv_head);
  const std::uint32_t* words(std::int64_t row, int kv_head) const;

 private:
  int heads_ = 1;
  std::int64_t pages_ = 0;
  std::vector<std::uint32_t> words_;
};

inline bool is_selected(const std::uint32_t* words, std::int32_t key) {
  return ((words[key / kPageTokens] >> (key % kPageTokens)) & 1) != 0;
}

/// Picks by `scores` (of the keys from 0 on) among `visible`; see SelectParams.
void pick_keys(std::span<const float> scores, KeyRange visible, const SelectParams& params,
               std::uint32_t* words);

}  // namespace linnet
