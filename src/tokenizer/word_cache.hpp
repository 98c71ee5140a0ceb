#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "tokenizer/tokenizer.hpp"

namespace linnet {

/// Remembers the ids of the words of one text while it is encoded: most words come again. Of fixed
/// size, a word may displace another. The words must outlive the cache.
class WordCache {
 public:
  explicit WordCache(std::size_t text_bytes)
      : slots_(std::bit_ceil(std::clamp<std::size_t>(text_bytes / 16, 1, kMostSlots))) {}

  /// Appends the ids of `word` to `ids`: those remembered, or else what `encode(word, ids)`
  /// appends.
  template <class Encode>
  void append(std::string_view word, std::vector<TokenId>& ids, Encode encode) {
    if (word.size() > kLongestWordBytes) return encode(word, ids);
    Slot& slot = slots_[std::hash<std::string_view>()(word) & (slots_.size() - 1)];
    if (slot.word == word) {
      ids.insert(ids.end(), slot.ids.begin(), slot.ids.begin() + slot.count);
      return;
    }
    const std::size_t before = ids.size();
    encode(word, ids);
    const std::size_t count = ids.size() - before;
    if (count > kMostIds) return;
    slot.word = word;
    slot.count = static_cast<std::uint32_t>(count);
    std::copy(ids.begin() + static_cast<std::ptrdiff_t>(before), ids.end(), slot.ids.begin());
  }

 private:
  static constexpr std::size_t kMostSlots = 1 << 16;
  static constexpr std::size_t kLongestWordBytes = 64;
  static constexpr std::size_t kMostIds = 11;  // a slot is one cache line

  struct Slot {
    std::string_view word;  // words are not empty
    std::uint32_t count;
    std::array<TokenId, kMostIds> ids;
  };
  std::vector<Slot> slots_;
};

}  // namespace linnet
