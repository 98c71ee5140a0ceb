#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "gguf/gguf_file.hpp"
#include "tokenizer/piece_index.hpp"
#include "tokenizer/tokenizer.hpp"

namespace linnet {

/// Kinds of pieces, as `tokenizer.ggml.token_type` numbers them.
enum class PieceType : std::int32_t {
  kUndefined = 0,
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6,
};

inline constexpr TokenId kNoToken = -1;

/// The pieces of a file and what is said of them; shared by all kinds of tokenizers.
class Vocabulary {
 public:
  /// What a tokenizer kind does where the file says nothing.
  struct Defaults {
    bool add_bos = false;
    bool always_add_bos = false;  ///< even where the file says otherwise
    bool add_eos = false;
    std::optional<TokenId> bos = std::nullopt;
    std::optional<TokenId> eos = std::nullopt;
    /// Kinds that have one put it, and not EOS, after the text, whatever the file says.
    std::optional<TokenId> separator = std::nullopt;
    std::optional<TokenId> unknown = std::nullopt;
  };

  /// Errors: no tokens, arrays of different lengths, scores that are not numbers, pieces or ids
  /// beyond what a vocabulary can have.
  static Result<Vocabulary> read(const gguf::File& file, const Defaults& defaults);
  /// For the person who runs the program: a sentence for each of the keys with a token's id that
  /// say nothing, because the vocabulary has no such token.
  static std::vector<std::string> foreign_ids(const gguf::File& file);

  std::int64_t size() const { return static_cast<std::int64_t>(pieces_.size()); }
  bool contains(TokenId id) const { return id >= 0 && id < size(); }
  std::string_view piece(TokenId id) const { return pieces_[id]; }
  PieceType type(TokenId id) const { return types_[id]; }
  float score(TokenId id) const { return scores_[id]; }
  /// Of equal pieces the first.
  std::optional<TokenId> find(std::string_view piece) const;
  /// Like find(), but only pieces that ordinary text may become: text that comes from outside must
  /// not turn into a control token. U+2581 alone also finds a user-defined piece of spaces.
  std::optional<TokenId> find_text(std::string_view piece) const;
  /// Where the piece is <0x00> to <0xFF>, its byte.
  std::optional<unsigned char> byte_of(TokenId id) const;
  /// The tokens <0x00> to <0xFF>; kNoToken if there is none.
  std::vector<TokenId> byte_tokens() const;

  std::optional<TokenId> bos() const { return bos_; }
  std::optional<TokenId> eos() const { return eos_; }
  std::optional<TokenId> unknown() const { return unknown_; }
  /// The token for text that no other stands for, or kNoToken, which makes encode() fail.
  TokenId unknown_or_none() const { return unknown_.value_or(kNoToken); }
  bool is_control(TokenId id) const;
  bool is_end_of_generation(TokenId id) const;

  /// The tokens to put around texts, as the file asks for it.
  const TokensAround& around() const { return around_; }

 private:
  std::optional<TokenId> find_spaces(std::string_view piece) const;
  Status read_pieces(const gguf::File& file);
  Status read_scores_and_types(const gguf::File& file);
  Status read_special_ids(const gguf::File& file, const Defaults& defaults);
  Status read_tokens_around(const gguf::File& file, const Defaults& defaults);
  void find_end_of_generation();

  std::vector<std::string> pieces_;
  std::vector<float> scores_;
  std::vector<PieceType> types_;
  PieceIndex index_;
  std::vector<bool> ends_generation_;
  std::optional<TokenId> bos_, eos_, separator_, unknown_;
  TokensAround around_;
};

}  // namespace linnet
