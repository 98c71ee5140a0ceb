#pragma once

#include <cstdint>
#include <string_view>

#include "tokenizer/flat_map.hpp"
#include "tokenizer/merger.hpp"
#include "tokenizer/vocabulary.hpp"

namespace linnet {

/// The pairs of tokens that merge, into what and in which order.
class MergeTable {
 public:
  /// Reads `tokenizer.ggml.merges`: "LEFT RIGHT", the first line merges first. Lines whose tokens
  /// the vocabulary lacks can't apply and are left out. Without the key an Error, or, with
  /// `or_ranks_by_id`, what tiktoken does: any two tokens merge whose bytes together are a token,
  /// the one with the lowest id first.
  static Result<MergeTable> read(const gguf::File& file, const Vocabulary& vocabulary,
                                 bool or_ranks_by_id);

  /// What two neighbours become; token -1 if they don't merge.
  Merge find(TokenId left, TokenId right) const {
    if (left < 0 || right < 0) return {0, -1};
    const std::uint64_t value = map_.find(key_of(left, right));
    if (value == FlatMap::kAbsent) return {0, -1};
    return {static_cast<std::uint32_t>(value >> 32), static_cast<TokenId>(value & 0xffffffffu)};
  }

 private:
  explicit MergeTable(std::size_t expected) : map_(expected) {}

  static std::uint64_t key_of(TokenId left, TokenId right) {
    return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 |
           static_cast<std::uint32_t>(right);
  }
  static MergeTable from_ids(const Vocabulary& vocabulary);
  void add(const Vocabulary& vocabulary, std::string_view left, std::string_view right,
           std::uint32_t order);

  FlatMap map_;  // of equal pairs the first stays
};

}  // namespace linnet
