#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "chat/chat_template.hpp"
#include "tokenizer/marked_tokens.hpp"

namespace linnet {

/// The texts of a vocabulary's special tokens for its templates. An Error if the vocabulary
/// can't encode an empty text.
Result<SpecialTexts> special_texts(const Tokenizer& tokenizer);

/// The first of `media` in `text` from byte `begin` on, and where its marker is; null and the
/// end of the text if there is none.
std::pair<const MarkedTokens*, std::size_t> next_medium(std::string_view text, std::size_t begin,
                                                        std::span<const MarkedTokens* const> media);

/// The ids of a rendered conversation: special tokens are those that the template wrote. If a
/// marker of one of `media` stands, its tokens do. `is_given_up` is as in EncodeOptions.
Result<std::vector<TokenId>> encode_prompt(const Tokenizer& tokenizer, const Prompt& prompt,
                                           std::span<const MarkedTokens* const> media = {},
                                           const std::function<bool()>* is_given_up = nullptr);

inline constexpr std::size_t kMostUnknownMarkers = 16;

/// The markers of the form <|name|> that the template wrote into `prompt` and that are no tokens of
/// the vocabulary, each once, and the first kMostUnknownMarkers only: a sign that the template is
/// another model's.
std::vector<std::string> unknown_markers(const Tokenizer& tokenizer, const Prompt& prompt);

/// What a model was given and what it answered, as text and as tokens. The text of an answer may
/// encode to other tokens than those that were drawn; a conversation that goes on from it keeps the
/// drawn ones, so that nothing of it is computed again. Belongs to one thread.
class ConversationTokens {
 public:
  /// Like encode_prompt(), but the answers that `prompt` has in common with what was remembered
  /// keep their tokens: all of them where a control token of the template follows, else those up to
  /// the last border that no token of the new text reaches across.
  Result<std::vector<TokenId>> encode(const Tokenizer& tokenizer, const Prompt& prompt,
                                      std::span<const MarkedTokens* const> media = {}) const;

  /// A prompt, as encode() gave it, and its answer: `text` is that of all `tokens`.
  void remember(std::string text, std::vector<TokenId> tokens);
  /// What was remembered last.
  const std::string& text() const { return text_; }
  const std::vector<TokenId>& tokens() const { return tokens_; }

 private:
  // Where an answer ends.
  struct Border {
    std::size_t bytes, tokens;
  };

  std::string text_;
  std::vector<TokenId> tokens_;
  std::vector<Border> borders_;  // ascending
};

}  // namespace linnet
