#include <utf8proc.h>

#include "tokenizer/character_merges.hpp"
#include "tokenizer/kinds.hpp"
#include "tokenizer/unicode.hpp"
#include "tokenizer/vocabulary_tokenizer.hpp"
#include "tokenizer/word_cache.hpp"

namespace linnet {
namespace {

// Words between white space, which itself is dropped, merged from characters
// (https://huggingface.co/jinaai/jina-embeddings-v2-base-zh).
class WhitespaceTokenizer final : public VocabularyTokenizer {
 public:
  WhitespaceTokenizer(Vocabulary vocabulary, SpecialTokens special_tokens, MergeTable merges,
                      bool lower_case)
      : VocabularyTokenizer(std::move(vocabulary), std::move(special_tokens)),
        merges_(this->vocabulary(), std::move(merges)),
        lower_case_(lower_case) {}

 private:
  Status encode_text(std::string_view text, const Setting& setting,
                     std::vector<TokenId>& ids) const override {
    std::string lowered;
    if (lower_case_) text = lower(text, lowered);
    WordCache cache(text.size());
    CharacterMerges::Scratch scratch{.cancelled = CancellationCheck(setting.is_given_up)};
    const auto encode = [&](std::string_view word, std::vector<TokenId>& out) {
      merges_.encode(word, scratch, out);
    };
    std::size_t begin = 0;
    for (std::size_t i = 0; i < text.size(); i += utf8_length(text[i])) {
      if (!is_white_space(first_code_point(text.substr(i)))) continue;
      if (i > begin) cache.append(text.substr(begin, i - begin), ids, encode);
      begin = i + utf8_length(text[i]);
    }
    if (begin < text.size()) cache.append(text.substr(begin), ids, encode);
    return {};
  }

  static std::string_view lower(std::string_view text, std::string& storage) {
    for (std::size_t i = 0; i < text.size(); i += utf8_length(text[i])) {
      const auto c = static_cast<utf8proc_int32_t>(first_code_point(text.substr(i)));
      append_utf8(storage, static_cast<char32_t>(utf8proc_tolower(c)));
    }
    return storage;
  }

  std::string text_of(TokenId id) const override { return escaped_text_of(id); }

  CharacterMerges merges_;
  bool lower_case_;
};

}  // namespace

Result<std::unique_ptr<Tokenizer>> make_whitespace_tokenizer(const gguf::File& file,
                                                             std::string_view) {
  auto vocabulary = Vocabulary::read(file, {});
  if (!vocabulary) return vocabulary.error();
  auto special_tokens = SpecialTokens::read(file, *vocabulary);
  if (!special_tokens) return special_tokens.error();
  auto merges = MergeTable::read(file, *vocabulary, /*or_ranks_by_id=*/false);
  if (!merges) return merges.error();
  const auto lower_case = file.boolean("tokenizer.ggml.normalizer.lowercase");
  if (!lower_case) return lower_case.error();
  return std::unique_ptr<Tokenizer>(
      std::make_unique<WhitespaceTokenizer>(std::move(*vocabulary), std::move(*special_tokens),
                                            std::move(*merges), lower_case->value_or(false)));
}

}  // namespace linnet
