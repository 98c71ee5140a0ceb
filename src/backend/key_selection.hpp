#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backend/backend.hpp"

namespace linnet {

/// The keys that each row of a batch picked, a bit for each key: word p holds those of page p.
class KeySelection {
 public:
  /// Nothing picked, for `rows` rows of at most `pages` pages.
  void reset(std::int64_t rows, std::int64_t pages);

  std::uint32_t* words(std::int64_t row) { return words_.data() + row * pages_; }
  const std::uint32_t* words(std::int64_t row) const { return words_.data() + row * pages_; }

 private:
  std::int64_t pages_ = 0;
  std::vector<std::uint32_t> words_;
};

inline bool is_selected(const std::uint32_t* words, std::int32_t key) {
  return ((words[key / kPageTokens] >> (key % kPageTokens)) & 1) != 0;
}

/// Marks the `most` keys of the best scores. Equal scores, which relu makes frequent, fall as
/// std::partial_sort by score alone leaves them: that is what llama.cpp does, and what the golden
/// cases of DeepSeek 3.2 hold.
void pick_keys(std::span<const float> scores, int most, std::uint32_t* words);

}  // namespace linnet
