#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "base/keyed_hash.hpp"
#include "base/utf8.hpp"
#include "tokenizer/byte_alphabet.hpp"
#include "tokenizer/cancellation_check.hpp"
#include "tokenizer/character_merges.hpp"
#include "tokenizer/kinds.hpp"
#include "tokenizer/merge_table.hpp"
#include "tokenizer/merger.hpp"
#include "tokenizer/pre_tokenizer.hpp"
#include "tokenizer/space_words.hpp"
#include "tokenizer/unicode.hpp"
#include "tokenizer/vocabulary_tokenizer.hpp"
#include "tokenizer/word_cache.hpp"

namespace linnet {
namespace {

// Pieces in GPT-2's alphabet of bytes.
class ByteLevelTokenizer final : public VocabularyTokenizer {
 public:
  ByteLevelTokenizer(Vocabulary vocabulary, SpecialTokens special_tokens, MergeTable merges,
                     PreTokenizer pre_tokenizer, const PreTokenizerSpec& spec)
      : VocabularyTokenizer(std::move(vocabulary), std::move(special_tokens)),
        merges_(std::move(merges)),
        pre_tokenizer_(std::move(pre_tokenizer)),
        normalises_(spec.normalises) {
    read_bytes(spec.ignores_merges);
    // Composed, a text in UTF-8 has at least a third of its bytes
    // (https://unicode.org/faq/normalization.html).
    constexpr std::size_t kMostDecomposed = 3;
    std::size_t longest = 1;
    for (const std::string& bytes : bytes_) longest = std::max(longest, bytes.size());
    bound_token_bytes(longest * (normalises_ ? kMostDecomposed : 1));
  }

 private:
  Status encode_text(std::string_view text, const Setting& setting,
                     std::vector<TokenId>& ids) const override {
    std::string normalised;
    if (normalises_) text = to_nfc(text, normalised);
    WordCache cache(text.size());
    Scratch scratch{.cancelled = CancellationCheck(setting.is_given_up)};
    const auto encode = [&](std::string_view word, std::vector<TokenId>& out) {
      if (!scratch.cancelled.now_and_then()) encode_word(word, scratch, out);
    };
    return pre_tokenizer_.for_each_word(
        text, [&](std::string_view word) { cache.append(word, ids, encode); });
  }

  // What encode_word() keeps from word to word.
  struct Scratch {
    Merger merger{};
    CancellationCheck cancelled{};
  };

  void encode_word(std::string_view word, Scratch& scratch, std::vector<TokenId>& ids) const {
    if (const auto whole = whole_words_.find(word); whole != whole_words_.end()) {
      ids.push_back(whole->second);
      return;
    }
    Merger& merger = scratch.merger;
    merger.begin(word.size());
    for (std::uint32_t i = 0; i < word.size(); ++i) {
      const TokenId token = byte_tokens_[static_cast<unsigned char>(word[i])];
      merger.add(i, token);
    }
    const auto merge_of = [&](const Symbol& left, const Symbol& right) {
      return merges_.find(left.token, right.token);
    };
    merger.run(static_cast<std::uint32_t>(word.size()), merge_of,
               [&] { return scratch.cancelled.now(); });
    merger.for_each([&](const Symbol& symbol) {
      ids.push_back(symbol.token >= 0 ? symbol.token : vocabulary().unknown_or_none());
    });
  }

  std::string text_of(TokenId id) const override { return bytes_[id]; }

  void read_bytes(bool ignores_merges) {
    bytes_.reserve(static_cast<std::size_t>(vocabulary().size()));
    for (TokenId id = 0; id < vocabulary().size(); ++id) {
      const std::string_view piece = vocabulary().piece(id);
      bytes_.push_back(characters_to_bytes(piece).value_or(std::string(piece)));
    }
    for (int byte = 0; byte < 256; ++byte) {
      byte_tokens_[byte] =
          vocabulary().find_text(byte_to_character(static_cast<unsigned char>(byte))).value_or(-1);
    }
    if (!ignores_merges) return;
    for (TokenId id = 0; id < vocabulary().size(); ++id) {
      if (vocabulary().find_text(vocabulary().piece(id)) == id)
        whole_words_.emplace(bytes_[id], id);
    }
  }

  MergeTable merges_;
  PreTokenizer pre_tokenizer_;
  bool normalises_;
  std::vector<std::string> bytes_;  // by token
  TokenId byte_tokens_[256];
  // Empty if merges count.
  std::unordered_map<std::string_view, TokenId, KeyedHash> whole_words_;
};

// Pieces in UTF-8 with U+2581 for spaces.
class EscapedTokenizer final : public VocabularyTokenizer {
 public:
  EscapedTokenizer(Vocabulary vocabulary, SpecialTokens special_tokens, MergeTable merges,
                   bool add_space_prefix)
      : VocabularyTokenizer(std::move(vocabulary), std::move(special_tokens)),
        merges_(this->vocabulary(), std::move(merges)),
        words_(this->vocabulary()),
        add_space_prefix_(add_space_prefix) {
    constexpr std::size_t kLongestCharacter = 4;  // which may be unknown
    bound_token_bytes(kLongestCharacter);
  }

  bool strips_leading_space() const override { return add_space_prefix_; }

 private:
  Status encode_text(std::string_view text, const Setting& setting,
                     std::vector<TokenId>& ids) const override {
    std::string escaped = add_space_prefix_ && setting.after_special ? std::string(kSpaceMark) : "";
    escaped += escape_spaces(text);
    WordCache cache(escaped.size());
    CharacterMerges::Scratch scratch{.cancelled = CancellationCheck(setting.is_given_up)};
    const auto encode = [&](std::string_view word, std::vector<TokenId>& out) {
      merges_.encode(word, scratch, out);
    };
    words_.for_each(escaped, [&](std::string_view word) { cache.append(word, ids, encode); });
    return {};
  }

  std::string text_of(TokenId id) const override { return escaped_text_of(id); }

  CharacterMerges merges_;
  SpaceWords words_;
  bool add_space_prefix_;
};

std::string known_names() {
  std::string names;
  for (const PreTokenizerSpec& spec : known_pre_tokenizers()) {
    names += fmt::format("{}{}", names.empty() ? "" : ", ", spec.name);
  }
  return names;
}

Result<const PreTokenizerSpec*> find_spec(const gguf::File& file, std::string_view pre) {
  if (const PreTokenizerSpec* spec = find_pre_tokenizer(pre)) return spec;
  if (pre.empty()) {
    return Error{fmt::format(
        "{}: metadata key tokenizer.ggml.pre is missing, so it is not known how the vocabulary "
        "splits text into words; name a pre-tokenizer with --pre, one of: {}",
        file.path().string(), known_names())};
  }
  return Error{fmt::format(
      "{}: the pre-tokenizer '{}' is not known; choose the one that fits with --pre, one of: {}",
      file.path().string(), shortened(pre), known_names())};
}

Result<std::unique_ptr<Tokenizer>> make_escaped(const gguf::File& file, Vocabulary vocabulary,
                                                SpecialTokens special_tokens, MergeTable merges) {
  auto add_space_prefix = file.boolean("tokenizer.ggml.add_space_prefix");
  if (!add_space_prefix) return add_space_prefix.error();
  return std::unique_ptr<Tokenizer>(
      std::make_unique<EscapedTokenizer>(std::move(vocabulary), std::move(special_tokens),
                                         std::move(merges), add_space_prefix->value_or(false)));
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> make_bpe_tokenizer(const gguf::File& file,
                                                      std::string_view pre) {
  auto spec = find_spec(file, pre);
  if (!spec) return spec.error();
  // Files of gemma 4 say that it wants no BOS, and are wrong.
  const bool always_add_bos = (*spec)->adds_bos && (*spec)->escapes_spaces;
  auto vocabulary =
      Vocabulary::read(file, {.add_bos = (*spec)->adds_bos, .always_add_bos = always_add_bos});
  if (!vocabulary) return vocabulary.error();
  auto special_tokens = SpecialTokens::read(file, *vocabulary, (*spec)->escapes_spaces);
  if (!special_tokens) return special_tokens.error();
  auto merges = MergeTable::read(file, *vocabulary, (*spec)->ranks_by_id);
  if (!merges) return merges.error();
  if ((*spec)->escapes_spaces) {
    return make_escaped(file, std::move(*vocabulary), std::move(*special_tokens),
                        std::move(*merges));
  }
  auto pre_tokenizer = PreTokenizer::make(**spec);
  if (!pre_tokenizer) return pre_tokenizer.error();
  return std::unique_ptr<Tokenizer>(
      std::make_unique<ByteLevelTokenizer>(std::move(*vocabulary), std::move(*special_tokens),
                                           std::move(*merges), std::move(*pre_tokenizer), **spec));
}

Result<std::unique_ptr<Tokenizer>> make_gemma4_tokenizer(const gguf::File& file, std::string_view) {
  return make_bpe_tokenizer(file, "gemma4");
}

}  // namespace linnet
