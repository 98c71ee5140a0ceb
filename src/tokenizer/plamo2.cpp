#include <cmath>
#include <limits>

#include "base/utf8.hpp"
#include "tokenizer/byte_trie.hpp"
#include "tokenizer/cancellation_check.hpp"
#include "tokenizer/kinds.hpp"
#include "tokenizer/vocabulary_tokenizer.hpp"

namespace linnet {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

// The tokenizer of PLaMo 2 (https://huggingface.co/pfnet/plamo-2-1b/blob/main/
// tokenization_plamo.py): of all ways to write a text in pieces the cheapest one, computed from the
// end, where a piece costs its negative score in units of 1e-4; of equal ways the one whose first
// piece is longest.
class Plamo2Tokenizer final : public VocabularyTokenizer {
 public:
  Plamo2Tokenizer(Vocabulary vocabulary, SpecialTokens special_tokens)
      : VocabularyTokenizer(std::move(vocabulary), std::move(special_tokens)),
        byte_tokens_(this->vocabulary().byte_tokens()) {
    for (TokenId id = 0; id < this->vocabulary().size(); ++id) {
      const double cost = std::round(-this->vocabulary().score(id) * 1e4);
      const bool usable = cost < kUnusable && cost > -kUnusable &&
                          !this->vocabulary().is_control(id) &&
                          this->vocabulary().type(id) != PieceType::kByte &&
                          is_valid_utf8(this->vocabulary().piece(id));
      costs_.push_back(usable ? static_cast<std::int32_t>(cost) : 0);
      if (usable) pieces_.insert(this->vocabulary().piece(id), id);
    }
  }

 private:
  static constexpr double kUnusable = 2e7;
  static constexpr std::int64_t kUnknownCost = 10'000'000;

  // The best way to write the text from some byte on.
  struct Way {
    std::int64_t cost;
    std::uint32_t bytes;  // of the first piece
    TokenId token;        // -1: the character's bytes
  };

  Status encode_text(std::string_view text, const Setting& setting,
                     std::vector<TokenId>& ids) const override {
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    CancellationCheck cancelled(setting.is_given_up);
    const std::vector<Way> ways = find_ways(text, cancelled);
    if (cancelled.now_and_then()) return {};
    for (std::size_t i = 0; i < text.size(); i += ways[i].bytes) {
      if (ways[i].token >= 0) {
        ids.push_back(ways[i].token);
      } else {
        append_bytes(text.substr(i, ways[i].bytes), ids);
      }
    }
    return {};
  }

  std::vector<Way> find_ways(std::string_view text, CancellationCheck& cancelled) const {
    std::vector<Way> ways(text.size() + 1, {0, 0, -1});
    for (std::size_t i = text.size(); i-- > 0 && !cancelled.now_and_then();) {
      if ((static_cast<unsigned char>(text[i]) & 0xc0) == 0x80) continue;  // within a character
      Way best{std::numeric_limits<std::int64_t>::max(), 0, -1};
      pieces_.visit_prefixes(text.substr(i), [&](std::size_t bytes, TokenId token) {
        const std::int64_t cost = ways[i + bytes].cost + costs_[token];
        if (cost <= best.cost) best = {cost, static_cast<std::uint32_t>(bytes), token};
      });
      const std::size_t bytes = utf8_length(text[i]);
      const std::int64_t cost = ways[i + bytes].cost + kUnknownCost;
      if (cost < best.cost) best = {cost, static_cast<std::uint32_t>(bytes), -1};
      ways[i] = best;
    }
    return ways;
  }

  void append_bytes(std::string_view character, std::vector<TokenId>& ids) const {
    for (const char byte : character) {
      const TokenId token = byte_tokens_[static_cast<unsigned char>(byte)];
      ids.push_back(token >= 0 ? token : vocabulary().unknown_or_none());
    }
  }

  std::string text_of(TokenId id) const override {
    return byte_text_of(id).value_or(std::string(vocabulary().piece(id)));
  }

  std::vector<TokenId> byte_tokens_;
  std::vector<std::int32_t> costs_;  // by token
  ByteTrie pieces_;
};

}  // namespace

Result<std::unique_ptr<Tokenizer>> make_plamo2_tokenizer(const gguf::File& file, std::string_view) {
  auto vocabulary = Vocabulary::read(file, {.bos = 1, .eos = 2, .unknown = 0});
  if (!vocabulary) return vocabulary.error();
  auto special_tokens = SpecialTokens::read(file, *vocabulary);
  if (!special_tokens) return special_tokens.error();
  return std::unique_ptr<Tokenizer>(
      std::make_unique<Plamo2Tokenizer>(std::move(*vocabulary), std::move(*special_tokens)));
}

}  // namespace linnet
