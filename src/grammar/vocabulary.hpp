#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/token_id.hpp"
#include "grammar/automata/character_set.hpp"

namespace linnet::grammar {

/// The texts of all tokens of a model as one tree of bytes, built once and shared by all grammars.
/// Immutable, safe to share between threads.
class Vocabulary {
 public:
  /// `bytes[id]` is what token `id` adds to the text, "" for control tokens, which no grammar
  /// allows as text. `end_ids` are the tokens that end a text. An Error for vocabularies without
  /// tokens or with a token of more than 64 KiB.
  static Result<std::shared_ptr<const Vocabulary>> create(std::vector<std::string> bytes,
                                                          std::vector<TokenId> end_ids);

  std::int32_t size() const { return static_cast<std::int32_t>(bytes_.size()); }
  std::string_view bytes(TokenId id) const { return bytes_[static_cast<std::size_t>(id)]; }
  std::span<const TokenId> end_ids() const { return end_ids_; }
  bool ends_text(TokenId id) const;
  /// True if token `id` is in the tree. Tokens that end a text are not, whatever their bytes.
  bool in_tree(TokenId id) const;

  /// True if every character can be spelled with tokens, whatever it takes.
  bool spells_everything() const { return spells_everything_; }
  /// The characters that are tokens of their own.
  const CharacterSet& single_characters() const { return single_characters_; }

  // The tree, in preorder: node i is followed by its subtree, which ends before subtree_end(i).
  // The root has no node. If not everything can be spelled, tokens that hold parts of characters
  // are left out.
  std::uint32_t node_count() const { return static_cast<std::uint32_t>(labels_.size()); }
  std::uint8_t label(std::uint32_t node) const { return labels_[node]; }
  std::uint32_t depth(std::uint32_t node) const { return depths_[node]; }  ///< from 1
  std::uint32_t subtree_end(std::uint32_t node) const { return ends_[node]; }
  std::uint32_t deepest() const { return deepest_; }  ///< bytes of the longest token
  /// The tokens that end at `node`.
  std::span<const TokenId> tokens(std::uint32_t node) const {
    return {tokens_.data() + first_token_[node], tokens_.data() + first_token_[node + 1]};
  }

 private:
  Vocabulary() = default;
  void find_characters();
  void build_tree();

  std::vector<std::string> bytes_;
  std::vector<TokenId> end_ids_;
  bool spells_everything_ = false;
  CharacterSet single_characters_;
  std::vector<std::uint8_t> labels_;
  std::vector<std::uint32_t> depths_, ends_, first_token_;
  std::vector<TokenId> tokens_;
  std::uint32_t deepest_ = 0;
};

}  // namespace linnet::grammar
