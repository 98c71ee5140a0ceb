#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tokenizer/special_tokens.hpp"
#include "tokenizer/tokenizer.hpp"
#include "tokenizer/vocabulary.hpp"

namespace linnet {

/// What all kinds of tokenizers share: special tokens, the tokens around a text, names and types of
/// the pieces. A kind adds how ordinary text becomes ids, and which bytes an id stands for.
class VocabularyTokenizer : public Tokenizer {
 public:
  Result<std::vector<TokenId>> encode(std::string_view text,
                                      const EncodeOptions& options) const final;
  std::int64_t fewest_tokens(std::size_t text_bytes) const final;
  std::string token_bytes(TokenId id, bool show_special) const final;
  bool strips_leading_space() const override { return false; }
  std::int64_t vocabulary_size() const final { return vocabulary_.size(); }
  std::string_view piece(TokenId id) const final;
  std::optional<TokenId> bos() const final { return vocabulary_.bos(); }
  std::optional<TokenId> eos() const final { return vocabulary_.eos(); }
  bool is_end_of_generation(TokenId id) const final;
  bool is_control(TokenId id) const final { return vocabulary_.is_control(id); }
  const TokensAround& around() const final { return vocabulary_.around(); }

 protected:
  VocabularyTokenizer(Vocabulary vocabulary, SpecialTokens special_tokens)
      : vocabulary_(std::move(vocabulary)), special_tokens_(std::move(special_tokens)) {}

  /// How a text between special tokens is encoded.
  struct Setting {
    bool after_special = false;  ///< it is the first text or follows a special token
    const std::function<bool()>* is_given_up = nullptr;  ///< as in EncodeOptions
  };
  /// Appends the ids of `text`, which is valid UTF-8, not empty and free of the special tokens that
  /// are looked for; kNoToken for what the vocabulary has no token for. Once the setting is given
  /// up, it does not matter what.
  virtual Status encode_text(std::string_view text, const Setting& setting,
                             std::vector<TokenId>& ids) const = 0;
  /// Call where a token stands for `bytes` of text at most, special tokens aside.
  void bound_token_bytes(std::size_t bytes);
  /// The bytes of an ordinary token of the vocabulary (neither control nor user-defined).
  virtual std::string text_of(TokenId id) const = 0;

  /// For text_of(): the byte of a token like <0x0A>, nothing for other tokens.
  std::optional<std::string> byte_text_of(TokenId id) const;
  /// For text_of(): that byte, or the piece with every U+2581 as a space.
  std::string escaped_text_of(TokenId id) const;

  const Vocabulary& vocabulary() const { return vocabulary_; }

 private:
  Error no_token_for(std::string_view text) const;

  Vocabulary vocabulary_;
  SpecialTokens special_tokens_;
  std::size_t most_token_bytes_ = 0;  // 0: there is no bound
};

}  // namespace linnet
