#pragma once

#include <string>
#include <vector>

#include "gguf/gguf_file.hpp"
#include "tokenizer/tokenizer.hpp"

namespace linnet {

/// How a query and a document become one prompt: by the file's template
/// (`tokenizer.chat_template.rerank`, in which {query} and {document} stand for them), or as the
/// pair of texts that encoders read. Immutable; safe to use from several threads.
class PairPrompt {
 public:
  /// `tokenizer` must outlive this. Errors: a key of a wrong type, a template in which one of the
  /// two has no place.
  static Result<PairPrompt> read(const gguf::File& file, const Tokenizer& tokenizer);

  /// What a query or a document says is text: special tokens are not recognised in it. An Error,
  /// which says in which of them, for text that the vocabulary can't encode.
  Result<std::vector<TokenId>> encode(std::string_view query, std::string_view document) const;

 private:
  /// What comes after a piece of the template.
  enum class Slot { kQuery, kDocument, kNothing };
  struct Piece {
    std::string text;
    Slot slot = Slot::kNothing;
  };

  explicit PairPrompt(const Tokenizer& tokenizer) : tokenizer_(&tokenizer) {}
  Status cut(std::string_view text, const std::string& where);
  Result<std::vector<TokenId>> fill(std::string_view query, std::string_view document) const;
  Result<std::vector<TokenId>> encode_part(std::string_view text, std::string_view name) const;

  const Tokenizer* tokenizer_;
  std::vector<Piece> pieces_;  // of the template; none: there is none
};

}  // namespace linnet
