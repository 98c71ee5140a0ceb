#pragma once

#include <string_view>
#include <vector>

#include "tokenizer/cancellation_check.hpp"
#include "tokenizer/merge_table.hpp"
#include "tokenizer/merger.hpp"
#include "tokenizer/vocabulary.hpp"

namespace linnet {

/// Byte-pair encoding of words whose pieces are UTF-8: it begins with characters, and <0x00> to
/// <0xFF> stand for those that are not among the pieces. Immutable.
class CharacterMerges {
 public:
  /// `vocabulary` must outlive the object.
  CharacterMerges(const Vocabulary& vocabulary, MergeTable merges)
      : vocabulary_(vocabulary), merges_(std::move(merges)), bytes_(vocabulary.byte_tokens()) {}

  /// What encode() keeps from word to word.
  struct Scratch {
    Merger merger{};
    CancellationCheck cancelled{};
  };

  /// Appends the ids of `word`, which is valid UTF-8; some others once `scratch.cancelled` has
  /// ended.
  void encode(std::string_view word, Scratch& scratch, std::vector<TokenId>& ids) const;

 private:
  void append_bytes(std::string_view character, std::vector<TokenId>& ids) const;

  const Vocabulary& vocabulary_;
  MergeTable merges_;
  std::vector<TokenId> bytes_;
};

}  // namespace linnet
