#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <limits>

#include "tokenizer/byte_trie.hpp"
#include "tokenizer/cancellation_check.hpp"
#include "tokenizer/charsmap.hpp"
#include "tokenizer/kinds.hpp"
#include "tokenizer/space_words.hpp"
#include "tokenizer/unicode.hpp"
#include "tokenizer/vocabulary_tokenizer.hpp"
#include "tokenizer/word_cache.hpp"

namespace linnet {
namespace {

// SentencePiece's normaliser (https://github.com/google/sentencepiece/blob/master/src/
// normalizer.cc): replaces by the rules, joins or keeps spaces, and escapes them.
class Normaliser {
 public:
  Normaliser(Charsmap charsmap, bool add_space_prefix, bool remove_extra_spaces)
      : charsmap_(std::move(charsmap)),
        add_space_prefix_(add_space_prefix),
        remove_extra_spaces_(remove_extra_spaces) {}

  bool add_space_prefix() const { return add_space_prefix_; }

  /// An Error if the rules make a text many times longer: Unicode's own make it at most 13 times
  /// longer, spaces written as kSpaceMark.
  Result<std::string> run(std::string_view text) const {
    constexpr std::size_t kMostGrowth = 16, kAlways = 4096;
    const std::size_t longest = text.size() * kMostGrowth + kAlways;
    std::string result;
    bool after_space = remove_extra_spaces_;
    while (!text.empty()) {
      const auto rule = charsmap_.find(text);
      const std::size_t bytes = rule ? rule->bytes : utf8_length(text[0]);
      std::string_view piece = rule ? rule->replacement : text.substr(0, bytes);
      text.remove_prefix(bytes);
      while (after_space && piece.starts_with(' ')) piece.remove_prefix(1);
      if (!piece.empty()) {
        if (result.empty() && add_space_prefix_) result += kSpaceMark;
        result += escape_spaces(piece);
        if (result.size() > longest || result.size() > std::numeric_limits<std::uint32_t>::max()) {
          return Error{"the vocabulary's normalisation rules make the text too long"};
        }
        after_space = piece.ends_with(' ');
      }
      after_space = after_space && remove_extra_spaces_;
    }
    while (remove_extra_spaces_ && result.ends_with(kSpaceMark)) {
      result.resize(result.size() - kSpaceMark.size());
    }
    return result;
  }

 private:
  Charsmap charsmap_;
  bool add_space_prefix_;
  bool remove_extra_spaces_;
};

// SentencePiece's unigram model (https://github.com/google/sentencepiece/blob/master/src/
// unigram_model.cc): of all ways to write a text in pieces the one with the highest sum of scores.
// The library sums up a whole text in single precision, which goes wrong in long ones; here, as in
// Hugging Face's library, it is double precision and a word at a time.
class UnigramTokenizer final : public VocabularyTokenizer {
 public:
  UnigramTokenizer(Vocabulary vocabulary, SpecialTokens special_tokens, Normaliser normaliser)
      : VocabularyTokenizer(std::move(vocabulary), std::move(special_tokens)),
        normaliser_(std::move(normaliser)),
        words_(this->vocabulary()),
        byte_tokens_(this->vocabulary().byte_tokens()) {
    double lowest = 0.0;
    bool any = false;
    for (TokenId id = 0; id < this->vocabulary().size(); ++id) {
      const PieceType type = this->vocabulary().type(id);
      if (type != PieceType::kNormal && type != PieceType::kUndefined) continue;
      if (this->vocabulary().unknown() == id) continue;
      const double score = this->vocabulary().score(id);
      lowest = any ? std::min(lowest, score) : score;
      any = true;
      pieces_.insert(this->vocabulary().piece(id), id);
      longest_piece_bytes_ = std::max(longest_piece_bytes_, this->vocabulary().piece(id).size());
    }
    constexpr double kPenalty = 10.0;
    unknown_score_ = lowest - kPenalty;
  }

  bool strips_leading_space() const override { return normaliser_.add_space_prefix(); }

 private:
  static constexpr TokenId kUnknown = -1;
  static constexpr double kWorst = -std::numeric_limits<double>::infinity();

  // The best way to write a word up to some byte.
  struct Way {
    std::uint32_t begin;  // of the last piece
    TokenId token;        // kUnknown: one character
  };
  struct Scratch {
    std::vector<Way> ways{};
    // Of the bytes that pieces from here on may end at: of byte i at i modulo their number,
    // a power of two.
    std::vector<double> scores{};
    CancellationCheck cancelled{};
  };

  Status encode_text(std::string_view text, const Setting& setting,
                     std::vector<TokenId>& ids) const override {
    const Result<std::string> normalised = normaliser_.run(text);
    if (!normalised) return normalised.error();
    const std::string& normal = *normalised;
    WordCache cache(normal.size());
    Scratch scratch{.cancelled = CancellationCheck(setting.is_given_up)};
    const std::size_t before = ids.size();
    const auto encode = [&](std::string_view word, std::vector<TokenId>& out) {
      if (!scratch.cancelled.now_and_then()) encode_word(word, scratch, out);
    };
    words_.for_each(normal, [&](std::string_view word) { cache.append(word, ids, encode); });
    // A run of unknown characters is one token, across words, too.
    if (const auto unknown = vocabulary().unknown()) {
      ids.erase(std::unique(ids.begin() + static_cast<std::ptrdiff_t>(before), ids.end(),
                            [&](TokenId a, TokenId b) { return a == *unknown && b == *unknown; }),
                ids.end());
    }
    return {};
  }

  void encode_word(std::string_view word, Scratch& scratch, std::vector<TokenId>& ids) const {
    find_ways(word, scratch);
    if (scratch.cancelled.now_and_then()) return;
    const std::vector<Way>& ways = scratch.ways;
    const std::size_t before = ids.size();
    for (std::size_t end = word.size(); end > 0; end = ways[end].begin) {
      if (ways[end].token != kUnknown) {
        ids.push_back(ways[end].token);
      } else {
        append_unknown(word.substr(ways[end].begin, end - ways[end].begin), ids);
      }
    }
    std::reverse(ids.begin() + static_cast<std::ptrdiff_t>(before), ids.end());
  }

  void find_ways(std::string_view word, Scratch& scratch) const {
    std::vector<Way>& ways = scratch.ways;
    ways.assign(word.size() + 1, {0, kUnknown});
    std::vector<double>& scores = scratch.scores;
    scores.assign(std::bit_ceil(std::min(word.size(), longest_piece_bytes_) + 1), kWorst);
    const std::size_t mask = scores.size() - 1;
    scores[0] = 0.0;
    for (std::size_t begin = 0; begin < word.size() && !scratch.cancelled.now_and_then();) {
      // The rules of a broken file may leave half a character.
      const std::size_t character_bytes = std::min(utf8_length(word[begin]), word.size() - begin);
      const double score = scores[begin & mask];
      const auto offer = [&](std::size_t bytes, double more, TokenId token) {
        Way& way = ways[begin + bytes];
        double& best = scores[(begin + bytes) & mask];
        // The first offer counts even if the scores are infinite.
        const bool none_yet = way.begin == 0 && way.token == kUnknown && best == kWorst;
        if (!none_yet && !(score + more > best)) return;
        best = score + more;
        way = {static_cast<std::uint32_t>(begin), token};
      };
      bool is_piece = false;
      pieces_.visit_prefixes(word.substr(begin), [&](std::size_t bytes, TokenId token) {
        is_piece = is_piece || bytes == character_bytes;
        offer(bytes, vocabulary().score(token), token);
      });
      if (!is_piece) offer(character_bytes, unknown_score_, kUnknown);
      // Their places are those of bytes further on now.
      for (const std::size_t end = begin + character_bytes; begin < end; ++begin) {
        scores[begin & mask] = kWorst;
      }
    }
  }

  // Backwards, as the word is read from its end.
  void append_unknown(std::string_view character, std::vector<TokenId>& ids) const {
    const std::size_t before = ids.size();
    for (std::size_t i = character.size(); i-- > 0;) {
      const TokenId token = byte_tokens_[static_cast<unsigned char>(character[i])];
      if (token >= 0) ids.push_back(token);
    }
    if (ids.size() - before == character.size()) return;
    ids.resize(before);
    ids.push_back(vocabulary().unknown_or_none());
  }

  std::string text_of(TokenId id) const override { return escaped_text_of(id); }

  Normaliser normaliser_;
  SpaceWords words_;
  std::vector<TokenId> byte_tokens_;
  ByteTrie pieces_;
  std::size_t longest_piece_bytes_ = 4;  // a character that is unknown
  double unknown_score_;
};

Result<Charsmap> read_charsmap(const gguf::File& file) {
  constexpr std::string_view kKey = "tokenizer.ggml.precompiled_charsmap";
  auto array = file.array(kKey);
  if (!array) return array.error();
  if (!*array || (*array)->size() == 0) return Charsmap();
  if (!(*array)->is_integer()) {
    return Error{fmt::format("{}: {} must be an array of bytes", file.path().string(), kKey)};
  }
  std::string bytes;
  for (std::size_t i = 0; i < (*array)->size(); ++i) {
    bytes += static_cast<char>((*array)->integer(i));
  }
  auto charsmap = Charsmap::read(bytes);
  if (charsmap) return charsmap;
  return Error{fmt::format("{}: {}: {}", file.path().string(), kKey, charsmap.error().message)};
}

Result<Normaliser> read_normaliser(const gguf::File& file) {
  auto charsmap = read_charsmap(file);
  if (!charsmap) return charsmap.error();
  auto add_space_prefix = file.boolean("tokenizer.ggml.add_space_prefix");
  if (!add_space_prefix) return add_space_prefix.error();
  auto remove_extra_spaces = file.boolean("tokenizer.ggml.remove_extra_whitespaces");
  if (!remove_extra_spaces) return remove_extra_spaces.error();
  return Normaliser(std::move(*charsmap), add_space_prefix->value_or(false),
                    remove_extra_spaces->value_or(false));
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> make_unigram_tokenizer(const gguf::File& file,
                                                          std::string_view) {
  auto vocabulary = Vocabulary::read(file, {.add_eos = true, .eos = 1, .unknown = 2});
  if (!vocabulary) return vocabulary.error();
  auto special_tokens = SpecialTokens::read(file, *vocabulary);
  if (!special_tokens) return special_tokens.error();
  auto normaliser = read_normaliser(file);
  if (!normaliser) return normaliser.error();
  return std::unique_ptr<Tokenizer>(std::make_unique<UnigramTokenizer>(
      std::move(*vocabulary), std::move(*special_tokens), std::move(*normaliser)));
}

}  // namespace linnet
