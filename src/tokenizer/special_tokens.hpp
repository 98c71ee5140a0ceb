#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "tokenizer/byte_trie.hpp"
#include "tokenizer/cancellation_check.hpp"
#include "tokenizer/vocabulary.hpp"

namespace linnet {

/// A stretch of text, or a special token that was written in it.
struct TextPart {
  std::string_view text;
  std::optional<TokenId> token;
};

/// Finds the control and user-defined tokens of a vocabulary in text, the longest at each place.
class SpecialTokens {
 public:
  /// Reads from `file` which tokens swallow the spaces at their sides; GGUF has no field for it, so
  /// it follows from the names of the few models that want it, as in llama.cpp.
  /// With `escaped_spaces` a user-defined token with spaces is also found as U+2581 in the text.
  static Result<SpecialTokens> read(const gguf::File& file, const Vocabulary& vocabulary,
                                    bool escaped_spaces = false);

  /// Cuts `text`, which must be valid UTF-8, at the tokens in it. Without `parse_special` only
  /// user-defined tokens are seen, because those are part of ordinary text.
  /// The same holds for tokens that reach into the ranges `plain`. Gives some parts only if
  /// `cancelled` is: long tokens take long.
  std::vector<TextPart> split(std::string_view text, bool parse_special,
                              std::span<const TextRange> plain, CancellationCheck& cancelled) const;

  /// Whether any of them swallows the spaces at a side.
  bool strip_any() const { return strip_any_; }

 private:
  ByteTrie all_;
  ByteTrie user_defined_;
  std::vector<bool> strips_left_, strips_right_;  // by token
  bool strip_any_ = false;
};

}  // namespace linnet
