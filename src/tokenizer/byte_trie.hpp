#pragma once

#include <cstdint>
#include <string_view>

#include "tokenizer/flat_map.hpp"
#include "tokenizer/tokenizer.hpp"

namespace linnet {

/// Tokens by the bytes they stand for: finds those that a text begins with.
class ByteTrie {
 public:
  /// For equal `bytes` the first token stays; empty ones are not found.
  void insert(std::string_view bytes, TokenId token) {
    std::uint64_t node = kRoot;
    for (const char c : bytes) {
      const std::uint64_t edge = edge_of(node, c);
      if (edges_.insert(edge, nodes_)) ++nodes_;
      node = edges_.find(edge);
    }
    if (node != kRoot) tokens_.insert(node, static_cast<std::uint64_t>(token));
    if (!bytes.empty()) starts_[static_cast<unsigned char>(bytes.front())] = true;
  }

  /// Calls `visit(length_bytes, token)` for every token that `text` begins with, shortest first.
  template <class Visit>
  void visit_prefixes(std::string_view text, Visit visit) const {
    if (text.empty() || !starts_[static_cast<unsigned char>(text.front())]) return;
    std::uint64_t node = kRoot;
    for (std::size_t i = 0; i < text.size(); ++i) {
      node = edges_.find(edge_of(node, text[i]));
      if (node == FlatMap::kAbsent) return;
      const std::uint64_t token = tokens_.find(node);
      if (token != FlatMap::kAbsent) visit(i + 1, static_cast<TokenId>(token));
    }
  }

  struct Match {
    std::size_t bytes = 0;
    TokenId token = -1;
  };

  /// The longest token that `text` begins with; 0 bytes if there is none.
  Match longest(std::string_view text) const {
    Match best;
    visit_prefixes(text, [&](std::size_t bytes, TokenId token) { best = {bytes, token}; });
    return best;
  }

 private:
  static constexpr std::uint64_t kRoot = 0;

  static std::uint64_t edge_of(std::uint64_t node, char byte) {
    return node << 8 | static_cast<unsigned char>(byte);
  }

  FlatMap edges_;   // node and byte to node
  FlatMap tokens_;  // node to token
  std::uint64_t nodes_ = 1;
  bool starts_[256] = {};
};

}  // namespace linnet
