#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "gguf/gguf_file.hpp"
#include "tokenizer/tokenizer.hpp"

namespace linnet {

/// The tokens before the parts of a text with a hole in it: what comes before the hole, what comes
/// after it, and what fills it.
struct InfillTokens {
  TokenId prefix = 0, suffix = 0;
  std::optional<TokenId> middle;  ///< nothing: the suffix comes first, and the prefix goes on
  /// Before the name of a repository, and before each of its files.
  std::optional<TokenId> repository, file;
};

/// Those that the metadata names, else those of a known family by their pieces; nothing if the
/// vocabulary has none. An Error if the metadata names one that is no token.
/// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
Result<std::optional<InfillTokens>> read_infill_tokens(const gguf::File& file,
                                                       const Tokenizer& tokenizer);

/// A text with a hole in it.
struct InfillText {
  struct File {
    std::string name, text;
  };
  std::string prefix{}, suffix{};
  std::string begun{};        ///< what the hole begins with
  std::vector<File> files{};  ///< that help to understand the text
};

/// The prompt that has a model fill the hole, with BOS if the vocabulary asks for it. Control
/// tokens are not recognised in the texts. An Error names the part that is not UTF-8, or at which
/// `is_given_up` (null: never) said that nobody wants it any more.
Result<std::vector<TokenId>> encode_infill(const Tokenizer& tokenizer, const InfillTokens& tokens,
                                           const InfillText& text,
                                           const std::function<bool()>* is_given_up = nullptr);

}  // namespace linnet
