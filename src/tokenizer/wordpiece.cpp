#include <utf8proc.h>

#include <array>

#include "tokenizer/byte_trie.hpp"
#include "tokenizer/kinds.hpp"
#include "tokenizer/unicode.hpp"
#include "tokenizer/vocabulary_tokenizer.hpp"
#include "tokenizer/word_cache.hpp"

namespace linnet {
namespace {

utf8proc_category_t category(char32_t c) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(c));
}

bool is_control_character(char32_t c) {
  if (c == '\t' || c == '\n' || c == '\r') return false;  // spaces
  const auto kind = category(c);
  return kind == UTF8PROC_CATEGORY_CC || kind == UTF8PROC_CATEGORY_CF ||
         kind == UTF8PROC_CATEGORY_CO;
}

bool is_punctuation(char32_t c) {
  const bool ascii = (c >= 0x21 && c <= 0x2f) || (c >= 0x3a && c <= 0x40) ||
                     (c >= 0x5b && c <= 0x60) || (c >= 0x7b && c <= 0x7e);
  const auto kind = category(c);
  return ascii || (kind >= UTF8PROC_CATEGORY_PC && kind <= UTF8PROC_CATEGORY_PO);
}

struct Range {
  char32_t first, last;
};
// As BERT's tokenizer has them; U+2B920 for U+2B820 is Hugging Face's.
constexpr std::array kHan = {Range{0x4e00, 0x9fff},   Range{0x3400, 0x4dbf},
                             Range{0x20000, 0x2a6df}, Range{0x2a700, 0x2b73f},
                             Range{0x2b740, 0x2b81f}, Range{0x2b920, 0x2ceaf},
                             Range{0xf900, 0xfaff},   Range{0x2f800, 0x2fa1f}};

bool is_han(char32_t c) {
  for (const Range& range : kHan) {
    if (c >= range.first && c <= range.last) return true;
  }
  return false;
}

bool is_ascii(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) return false;
  }
  return true;
}

// BERT's basic tokenizer (https://github.com/google-research/bert/blob/master/tokenization.py).
class Words {
 public:
  Words(bool lower_case, bool strip_accents)
      : lower_case_(lower_case), strip_accents_(strip_accents) {}

  // The words of `text`, with a space after each.
  std::string split(std::string_view text) const {
    std::string words;
    words.reserve(text.size() + text.size() / 4);
    if (!strip_accents_ || is_ascii(text)) {
      append(text, words);
    } else {
      append(to_nfd(text), words);
    }
    return words;
  }

 private:
  void append(std::string_view text, std::string& words) const {
    for (std::size_t i = 0; i < text.size(); i += utf8_length(text[i])) {
      char32_t c = first_code_point(text.substr(i));
      if (c == 0 || c == 0xfffd || is_control_character(c)) continue;
      if (is_white_space(c)) {
        words += ' ';
        continue;
      }
      if (strip_accents_ && category(c) == UTF8PROC_CATEGORY_MN) continue;
      if (lower_case_) {
        c = static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c)));
      }
      const bool alone = is_punctuation(c) || is_han(c);
      if (alone) words += ' ';
      append_utf8(words, c);
      if (alone) words += ' ';
    }
    words += ' ';
  }

  bool lower_case_, strip_accents_;
};

// BERT's WordPiece: the longest piece at each place of a word, one unknown token for a word that
// can't be written so. In the file, pieces that begin a word have U+2581 before them and those that
// continue one have lost their "##".
class WordPieceTokenizer final : public VocabularyTokenizer {
 public:
  WordPieceTokenizer(Vocabulary vocabulary, SpecialTokens special_tokens, Words words)
      : VocabularyTokenizer(std::move(vocabulary), std::move(special_tokens)), words_(words) {
    for (TokenId id = 0; id < this->vocabulary().size(); ++id) {
      const std::string_view piece = this->vocabulary().piece(id);
      if (this->vocabulary().is_control(id)) continue;
      if (piece.starts_with(kSpaceMark) && piece.size() > kSpaceMark.size()) {
        first_.insert(piece.substr(kSpaceMark.size()), id);
      } else {
        next_.insert(piece, id);
      }
    }
  }

  bool strips_leading_space() const override { return true; }

 private:
  static constexpr std::size_t kMostWordCharacters = 100;  // longer words are unknown

  Status encode_text(std::string_view text, const Setting&,
                     std::vector<TokenId>& ids) const override {
    const std::string words = words_.split(text);
    WordCache cache(words.size());
    std::size_t begin = 0;
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (words[i] != ' ') continue;
      if (i > begin) {
        cache.append(
            std::string_view(words).substr(begin, i - begin), ids,
            [&](std::string_view word, std::vector<TokenId>& out) { encode_word(word, out); });
      }
      begin = i + 1;
    }
    return {};
  }

  void encode_word(std::string_view word, std::vector<TokenId>& ids) const {
    const std::size_t before = ids.size();
    bool known = count_characters(word) <= kMostWordCharacters;
    for (std::size_t i = 0; known && i < word.size();) {
      const ByteTrie::Match match = (i == 0 ? first_ : next_).longest(word.substr(i));
      known = match.bytes > 0;
      if (known) ids.push_back(match.token);
      i += match.bytes;
    }
    if (known) return;
    ids.resize(before);
    ids.push_back(vocabulary().unknown_or_none());
  }

  static std::size_t count_characters(std::string_view text) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < text.size(); i += utf8_length(text[i])) ++count;
    return count;
  }

  std::string text_of(TokenId id) const override { return unescape_spaces(vocabulary().piece(id)); }

  Words words_;
  ByteTrie first_, next_;  // pieces that begin and that continue a word
};

}  // namespace

Result<std::unique_ptr<Tokenizer>> make_wordpiece_tokenizer(const gguf::File& file,
                                                            std::string_view) {
  auto vocabulary = Vocabulary::read(
      file, {.always_add_bos = true, .bos = 101, .separator = 102, .unknown = 100});
  if (!vocabulary) return vocabulary.error();
  auto special_tokens = SpecialTokens::read(file, *vocabulary);
  if (!special_tokens) return special_tokens.error();
  auto lower_case = file.boolean("tokenizer.ggml.normalizer.lowercase");
  if (!lower_case) return lower_case.error();
  auto strip_accents = file.boolean("tokenizer.ggml.normalizer.strip_accents");
  if (!strip_accents) return strip_accents.error();
  const bool lower = lower_case->value_or(true);
  return std::unique_ptr<Tokenizer>(
      std::make_unique<WordPieceTokenizer>(std::move(*vocabulary), std::move(*special_tokens),
                                           Words(lower, strip_accents->value_or(lower))));
}

}  // namespace linnet
