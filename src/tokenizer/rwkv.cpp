#include "base/hex.hpp"
#include "tokenizer/byte_trie.hpp"
#include "tokenizer/cancellation_check.hpp"
#include "tokenizer/kinds.hpp"
#include "tokenizer/vocabulary_tokenizer.hpp"

namespace linnet {
namespace {

// The bytes of a piece, which is written as in a Python literal: \t, \n, \r, \xNN, \' and so on.
std::string unescape(std::string_view piece) {
  std::string bytes;
  for (std::size_t i = 0; i < piece.size(); ++i) {
    if (piece[i] != '\\' || i + 1 == piece.size()) {
      bytes += piece[i];
      continue;
    }
    const char kind = piece[++i];
    const auto byte = kind == 'x' ? hex_byte(piece.substr(i + 1)) : std::nullopt;
    if (byte) {
      bytes += static_cast<char>(*byte);
      i += 2;
    } else {
      bytes += kind == 't' ? '\t' : kind == 'n' ? '\n' : kind == 'r' ? '\r' : kind;
    }
  }
  return bytes;
}

// The RWKV world tokenizer: at each place the longest token
// (https://github.com/BlinkDL/ChatRWKV/blob/main/tokenizer/rwkv_tokenizer.py).
class RwkvTokenizer final : public VocabularyTokenizer {
 public:
  RwkvTokenizer(Vocabulary vocabulary, SpecialTokens special_tokens)
      : VocabularyTokenizer(std::move(vocabulary), std::move(special_tokens)) {
    for (TokenId id = 0; id < this->vocabulary().size(); ++id) {
      bytes_.push_back(unescape(this->vocabulary().piece(id)));
      const PieceType type = this->vocabulary().type(id);
      const bool is_text = !this->vocabulary().is_control(id) && type != PieceType::kUnused;
      if (is_text) tokens_.insert(bytes_.back(), id);
    }
    bound_token_bytes(1);  // escapes make pieces longer than what they stand for
  }

 private:
  Status encode_text(std::string_view text, const Setting& setting,
                     std::vector<TokenId>& ids) const override {
    CancellationCheck cancelled(setting.is_given_up);
    while (!text.empty() && !cancelled.now_and_then()) {
      const ByteTrie::Match match = tokens_.longest(text);
      ids.push_back(match.bytes > 0 ? match.token : vocabulary().unknown_or_none());
      text.remove_prefix(std::max<std::size_t>(match.bytes, 1));
    }
    return {};
  }

  std::string text_of(TokenId id) const override { return bytes_[id]; }

  ByteTrie tokens_;
  std::vector<std::string> bytes_;  // by token
};

}  // namespace

Result<std::unique_ptr<Tokenizer>> make_rwkv_tokenizer(const gguf::File& file, std::string_view) {
  auto vocabulary = Vocabulary::read(file, {});
  if (!vocabulary) return vocabulary.error();
  auto special_tokens = SpecialTokens::read(file, *vocabulary);
  if (!special_tokens) return special_tokens.error();
  return std::unique_ptr<Tokenizer>(
      std::make_unique<RwkvTokenizer>(std::move(*vocabulary), std::move(*special_tokens)));
}

}  // namespace linnet
