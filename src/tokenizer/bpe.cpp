#include <fmt/format.h>

#include <unordered_map>

#include "tokenizer/byte_alphabet.hpp"
#include "tokenizer/flat_map.hpp"
#include "tokenizer/kinds.hpp"
#include "tokenizer/merger.hpp"
#include "tokenizer/pre_tokenizer.hpp"
#include "tokenizer/space_words.hpp"
#include "tokenizer/unicode.hpp"
#include "tokenizer/vocabulary_tokenizer.hpp"
#include "tokenizer/word_cache.hpp"

namespace linnet {
namespace {

// Which pairs of tokens merge, into what and in which order.
class MergeTable {
 public:
  // `tokenizer.ggml.merges`: "LEFT RIGHT", the first line merges first. Lines whose tokens the
  // vocabulary lacks can't apply and are left out.
  static Result<MergeTable> read(const gguf::File& file, const gguf::Array& merges,
                                 const Vocabulary& vocabulary) {
    constexpr std::size_t kMostMerges = 1 << 25;
    if (!merges.is_string() || merges.size() > kMostMerges) {
      return Error{fmt::format("{}: tokenizer.ggml.merges must be an array of at most {} strings",
                               file.path().string(), kMostMerges)};
    }
    MergeTable table(merges.size());
    for (std::size_t i = 0; i < merges.size(); ++i) {
      const std::string_view line = merges.string(i);
      const std::size_t space = line.find(' ', 1);
      if (space == std::string_view::npos) continue;
      table.add(vocabulary, line.substr(0, space), line.substr(space + 1),
                static_cast<std::uint32_t>(i));
    }
    return table;
  }

  // As tiktoken does it: any two tokens merge whose bytes together are a token, the one with the
  // lowest id first.
  static MergeTable from_ids(const Vocabulary& vocabulary) {
    MergeTable table(static_cast<std::size_t>(vocabulary.size()) * 3);
    for (TokenId id = 0; id < vocabulary.size(); ++id) {
      const std::string_view piece = vocabulary.piece(id);
      if (vocabulary.find_text(piece) != id || !is_valid_utf8(piece)) continue;
      for (std::size_t i = 0; i < piece.size(); i += utf8_length(piece[i])) {
        if (i == 0) continue;
        table.add(vocabulary, piece.substr(0, i), piece.substr(i), static_cast<std::uint32_t>(id));
      }
    }
    return table;
  }

  Merge find(TokenId left, TokenId right) const {
    if (left < 0 || right < 0) return {0, -1};
    const std::uint64_t value = map_.find(key_of(left, right));
    if (value == FlatMap::kAbsent) return {0, -1};
    return {static_cast<std::uint32_t>(value >> 32), static_cast<TokenId>(value & 0xffffffffu)};
  }

 private:
  explicit MergeTable(std::size_t expected) : map_(expected) {}

  static std::uint64_t key_of(TokenId left, TokenId right) {
    return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 |
           static_cast<std::uint32_t>(right);
  }

  void add(const Vocabulary& vocabulary, std::string_view left, std::string_view right,
           std::uint32_t order) {
    const auto left_id = vocabulary.find(left), right_id = vocabulary.find(right);
    const auto merged = vocabulary.find_text(std::string(left).append(right));
    if (left.empty() || right.empty() || !left_id || !right_id || !merged) return;
    map_.insert(key_of(*left_id, *right_id),
                std::uint64_t{order} << 32 | static_cast<std::uint32_t>(*merged));
  }

  FlatMap map_;  // of equal pairs the first stays
};

Result<MergeTable> read_merges(const gguf::File& file, const PreTokenizerSpec& spec,
                               const Vocabulary& vocabulary) {
  auto merges = file.array("tokenizer.ggml.merges");
  if (!merges) return merges.error();
  if (*merges) return MergeTable::read(file, **merges, vocabulary);
  if (spec.ranks_by_id) return MergeTable::from_ids(vocabulary);
  return Error{
      fmt::format("{}: metadata key tokenizer.ggml.merges is missing", file.path().string())};
}

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
  }

 private:
  Status encode_text(std::string_view text, bool, std::vector<TokenId>& ids) const override {
    std::string normalised;
    if (normalises_) text = to_nfc(text, normalised);
    WordCache cache(text.size());
    Merger merger;
    std::vector<Symbol> symbols;
    const auto encode = [&](std::string_view word, std::vector<TokenId>& out) {
      encode_word(word, merger, symbols, out);
    };
    return pre_tokenizer_.for_each_word(
        text, [&](std::string_view word) { cache.append(word, ids, encode); });
  }

  void encode_word(std::string_view word, Merger& merger, std::vector<Symbol>& symbols,
                   std::vector<TokenId>& ids) const {
    if (const auto whole = whole_words_.find(word); whole != whole_words_.end()) {
      ids.push_back(whole->second);
      return;
    }
    symbols.clear();
    for (std::uint32_t i = 0; i < word.size(); ++i) {
      const TokenId token = byte_tokens_[static_cast<unsigned char>(word[i])];
      symbols.push_back({i, 1, token});
    }
    merger.run(symbols, [&](const Symbol& left, const Symbol& right) {
      return merges_.find(left.token, right.token);
    });
    for (const Symbol& symbol : symbols) {
      // As Hugging Face's library and llama.cpp do, a byte that the vocabulary lacks is dropped
      // where there is no token for the unknown.
      const auto unknown = vocabulary().unknown();
      if (symbol.token >= 0) {
        ids.push_back(symbol.token);
      } else if (unknown) {
        ids.push_back(*unknown);
      }
    }
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
  std::unordered_map<std::string_view, TokenId> whole_words_;  // empty where merges count
};

// Pieces in UTF-8 with U+2581 for spaces, and <0x00> to <0xFF> for what is not among them.
class EscapedTokenizer final : public VocabularyTokenizer {
 public:
  EscapedTokenizer(Vocabulary vocabulary, SpecialTokens special_tokens, MergeTable merges,
                   bool add_space_prefix)
      : VocabularyTokenizer(std::move(vocabulary), std::move(special_tokens)),
        merges_(std::move(merges)),
        words_(this->vocabulary()),
        byte_tokens_(this->vocabulary().byte_tokens()),
        add_space_prefix_(add_space_prefix) {}

  bool strips_leading_space() const override { return add_space_prefix_; }

 private:
  Status encode_text(std::string_view text, bool after_special,
                     std::vector<TokenId>& ids) const override {
    std::string escaped = add_space_prefix_ && after_special ? std::string(kSpaceMark) : "";
    escaped += escape_spaces(text);
    WordCache cache(escaped.size());
    Merger merger;
    std::vector<Symbol> symbols;
    const auto encode = [&](std::string_view word, std::vector<TokenId>& out) {
      encode_word(word, merger, symbols, out);
    };
    words_.for_each(escaped, [&](std::string_view word) { cache.append(word, ids, encode); });
    return {};
  }

  void encode_word(std::string_view word, Merger& merger, std::vector<Symbol>& symbols,
                   std::vector<TokenId>& ids) const {
    symbols.clear();
    for (std::uint32_t i = 0; i < word.size();) {
      const auto bytes = static_cast<std::uint32_t>(utf8_length(word[i]));
      symbols.push_back({i, bytes, vocabulary().find_text(word.substr(i, bytes)).value_or(-1)});
      i += bytes;
    }
    merger.run(symbols, [&](const Symbol& left, const Symbol& right) {
      return merges_.find(left.token, right.token);
    });
    for (const Symbol& symbol : symbols) {
      if (symbol.token >= 0) {
        ids.push_back(symbol.token);
      } else {
        append_bytes(word.substr(symbol.begin, symbol.bytes), ids);
      }
    }
  }

  void append_bytes(std::string_view character, std::vector<TokenId>& ids) const {
    for (const char byte : character) {
      const TokenId token = byte_tokens_[static_cast<unsigned char>(byte)];
      if (token >= 0) {
        ids.push_back(token);
      } else if (vocabulary().unknown()) {
        ids.push_back(*vocabulary().unknown());
        return;  // one for the character
      }
    }
  }

  std::string text_of(TokenId id) const override {
    if (vocabulary().type(id) == PieceType::kByte) {
      if (const auto byte = vocabulary().byte_of(id))
        return std::string(1, static_cast<char>(*byte));
    }
    return unescape_spaces(vocabulary().piece(id));
  }

  MergeTable merges_;
  SpaceWords words_;
  std::vector<TokenId> byte_tokens_;
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
      file.path().string(), pre, known_names())};
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
  auto special_tokens = SpecialTokens::read(file, *vocabulary);
  if (!special_tokens) return special_tokens.error();
  auto merges = read_merges(file, **spec, *vocabulary);
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
