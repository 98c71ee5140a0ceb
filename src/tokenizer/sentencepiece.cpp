#include <algorithm>
#include <bit>
#include <unordered_map>

#include "base/keyed_hash.hpp"
#include "tokenizer/cancellation_check.hpp"
#include "tokenizer/kinds.hpp"
#include "tokenizer/merger.hpp"
#include "tokenizer/space_words.hpp"
#include "tokenizer/unicode.hpp"
#include "tokenizer/vocabulary_tokenizer.hpp"
#include "tokenizer/word_cache.hpp"

namespace linnet {
namespace {

// Numbers in the opposite order of the scores: the highest score merges first.
std::uint32_t order_of(float score) {
  const auto bits = std::bit_cast<std::uint32_t>(score + 0.0f);  // one zero
  const std::uint32_t ascending = bits >> 31 != 0 ? ~bits : bits | 0x80000000u;
  return ~ascending;
}

// SentencePiece's BPE (https://github.com/google/sentencepiece/blob/master/src/bpe_model.cc): two
// neighbours merge where their text together is a piece, the one with the highest score first. The
// library gives the same ids (see the tests) at a tenth of the speed.
class SentencePieceTokenizer final : public VocabularyTokenizer {
 public:
  SentencePieceTokenizer(Vocabulary vocabulary, SpecialTokens special_tokens, bool add_space_prefix)
      : VocabularyTokenizer(std::move(vocabulary), std::move(special_tokens)),
        words_(this->vocabulary()),
        byte_tokens_(this->vocabulary().byte_tokens()),
        add_space_prefix_(add_space_prefix) {
    // If there are tokens for all bytes; else one may stand for a run of unknown characters.
    if (std::ranges::find(byte_tokens_, kNoToken) == byte_tokens_.end()) bound_token_bytes(1);
  }

  bool strips_leading_space() const override { return add_space_prefix_; }

 private:
  // Where an unused piece came from: bytes of its left part.
  using Splits = std::unordered_map<std::string_view, std::uint32_t, KeyedHash>;

  // As in llama.cpp, the space goes before the first text and after each special token.
  Status encode_text(std::string_view text, const Setting& setting,
                     std::vector<TokenId>& ids) const override {
    std::string escaped = add_space_prefix_ && setting.after_special ? std::string(kSpaceMark) : "";
    escaped += escape_spaces(text);
    WordCache cache(escaped.size());
    Scratch scratch{.cancelled = CancellationCheck(setting.is_given_up)};
    const auto encode = [&](std::string_view word, std::vector<TokenId>& out) {
      if (!scratch.cancelled.now_and_then()) encode_word(word, scratch, out);
    };
    words_.for_each(escaped, [&](std::string_view word) { cache.append(word, ids, encode); });
    return {};
  }

  // What encode_word() keeps from word to word.
  struct Scratch {
    Merger merger{};
    CancellationCheck cancelled{};
  };

  void encode_word(std::string_view word, Scratch& scratch, std::vector<TokenId>& ids) const {
    Merger& merger = scratch.merger;
    merger.begin(word.size());
    for (std::uint32_t i = 0; i < word.size();) {
      merger.add(i, -1);
      i += static_cast<std::uint32_t>(utf8_length(word[i]));
    }
    Splits splits;
    const auto merge_of = [&](const Symbol& left, const Symbol& right) {
      const std::string_view both = word.substr(left.begin, left.bytes + right.bytes);
      const auto token = vocabulary().find_text(both);
      if (!token) return Merge{0, -1};
      if (vocabulary().type(*token) == PieceType::kUnused) splits[both] = left.bytes;
      return Merge{order_of(vocabulary().score(*token)), *token};
    };
    merger.run(static_cast<std::uint32_t>(word.size()), merge_of,
               [&] { return scratch.cancelled.now(); });
    bool after_unknown = false;
    merger.for_each([&](const Symbol& symbol) {
      append(word.substr(symbol.begin, symbol.bytes), splits, ids, after_unknown);
    });
  }

  void append(std::string_view piece, const Splits& splits, std::vector<TokenId>& ids,
              bool& after_unknown) const {
    const auto token = vocabulary().find_text(piece);
    const auto split = token && vocabulary().type(*token) == PieceType::kUnused ? splits.find(piece)
                                                                                : splits.end();
    if (split != splits.end()) {
      append(piece.substr(0, split->second), splits, ids, after_unknown);
      append(piece.substr(split->second), splits, ids, after_unknown);
    } else if (token) {
      ids.push_back(*token);
      after_unknown = false;
    } else {
      append_unknown(piece, ids, after_unknown);
    }
  }

  // The character's bytes, if there are tokens for all of them; one unknown token for a run of
  // characters where not.
  void append_unknown(std::string_view character, std::vector<TokenId>& ids,
                      bool& after_unknown) const {
    const std::size_t before = ids.size();
    for (const char byte : character) {
      const TokenId token = byte_tokens_[static_cast<unsigned char>(byte)];
      if (token >= 0) ids.push_back(token);
    }
    if (ids.size() - before == character.size()) {
      after_unknown = false;
      return;
    }
    ids.resize(before);
    if (!after_unknown) ids.push_back(vocabulary().unknown_or_none());
    after_unknown = true;
  }

  std::string text_of(TokenId id) const override { return escaped_text_of(id); }

  SpaceWords words_;
  std::vector<TokenId> byte_tokens_;
  bool add_space_prefix_;
};

}  // namespace

Result<std::unique_ptr<Tokenizer>> make_sentencepiece_tokenizer(const gguf::File& file,
                                                                std::string_view) {
  auto vocabulary = Vocabulary::read(file, {.add_bos = true, .bos = 1, .eos = 2, .unknown = 0});
  if (!vocabulary) return vocabulary.error();
  auto special_tokens = SpecialTokens::read(file, *vocabulary, /*escaped_spaces=*/true);
  if (!special_tokens) return special_tokens.error();
  auto add_space_prefix = file.boolean("tokenizer.ggml.add_space_prefix");
  if (!add_space_prefix) return add_space_prefix.error();
  return std::unique_ptr<Tokenizer>(std::make_unique<SentencePieceTokenizer>(
      std::move(*vocabulary), std::move(*special_tokens), add_space_prefix->value_or(true)));
}

}  // namespace linnet
