#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "base/token_id.hpp"

namespace linnet::grammar {

/// A set of token ids, one bit each.
class TokenSet {
 public:
  explicit TokenSet(std::int32_t size = 0)
      : size_(size), words_((static_cast<std::size_t>(size) + 63) / 64, 0) {}

  std::int32_t size() const { return size_; }
  bool contains(TokenId id) const {
    return id >= 0 && id < size_ && (words_[word_of(id)] >> (id & 63) & 1) != 0;
  }
  void insert(TokenId id) { words_[word_of(id)] |= std::uint64_t{1} << (id & 63); }
  void insert(const TokenSet& other) {
    for (std::size_t i = 0; i < words_.size(); ++i) words_[i] |= other.words_[i];
  }
  void clear() { std::fill(words_.begin(), words_.end(), 0); }
  std::int32_t count() const;
  bool operator==(const TokenSet&) const = default;
  /// A bit for each id below size(), the lowest in the first word's lowest bit.
  std::span<const std::uint64_t> words() const { return words_; }

  /// Sets logits[id] to minus infinity for every id that is not in the set, also beyond its size.
  void apply(std::span<float> logits) const;

 private:
  static std::size_t word_of(TokenId id) { return static_cast<std::size_t>(id) / 64; }

  std::int32_t size_;
  std::vector<std::uint64_t> words_;
};

}  // namespace linnet::grammar
