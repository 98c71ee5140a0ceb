#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.hpp"
#include "gguf/gguf_file.hpp"
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

/// The pieces of a file and what is said of them; shared by all kinds of tokenizers.
class Vocabulary {
 public:
  /// What a tokenizer kind does where the file says nothing.
  struct Defaults {
    bool add_bos = false;
    bool add_eos = false;
    std::optional<TokenId> bos, eos, unknown;
  };

  static Result<Vocabulary> read(const gguf::File& file, const Defaults& defaults);

  std::int64_t size() const { return static_cast<std::int64_t>(pieces_.size()); }
  bool contains(TokenId id) const { return id >= 0 && id < size(); }
  std::string_view piece(TokenId id) const { return pieces_[id]; }
  PieceType type(TokenId id) const { return types_[id]; }
  float score(TokenId id) const { return scores_[id]; }
  std::optional<TokenId> find(std::string_view piece) const;

  std::optional<TokenId> bos() const { return bos_; }
  std::optional<TokenId> eos() const { return eos_; }
  std::optional<TokenId> unknown() const { return unknown_; }
  bool adds_bos() const { return add_bos_; }
  bool adds_eos() const { return add_eos_; }
  bool is_control(TokenId id) const;
  bool is_end_of_generation(TokenId id) const;

  /// Control and user-defined tokens, the longest piece first.
  const std::vector<TokenId>& special_tokens() const { return special_tokens_; }

 private:
  Status read_pieces(const gguf::File& file);
  Status read_special_ids(const gguf::File& file, const Defaults& defaults);
  void find_end_of_generation(const std::vector<std::optional<TokenId>>& named);
  void find_special_tokens();

  std::vector<std::string> pieces_;
  std::vector<float> scores_;
  std::vector<PieceType> types_;
  std::unordered_map<std::string_view, TokenId> ids_;
  std::vector<TokenId> special_tokens_;
  std::vector<bool> ends_generation_;
  std::optional<TokenId> bos_, eos_, unknown_;
  bool add_bos_ = false;
  bool add_eos_ = false;
};

/// A stretch of text, or a special token that was written in it.
struct TextPart {
  std::string_view text;
  std::optional<TokenId> token;
};

/// Cuts `text` at the special tokens in it, the longest first at each place. Without
/// `parse_special` only user-defined tokens are seen, because those are part of ordinary text.
std::vector<TextPart> split_special(const Vocabulary& vocabulary, std::string_view text,
                                    bool parse_special);

/// True if `text` is well-formed UTF-8 (no overlong forms, no surrogates).
bool is_valid_utf8(std::string_view text);

}  // namespace linnet
