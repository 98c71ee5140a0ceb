#include "generate/grammar_vocabulary.hpp"

#include <gtest/gtest.h>

#include <array>

namespace linnet {
namespace {

// A few pieces, of which one stands there twice; counts how often it is asked for one.
class CountingTokenizer final : public Tokenizer {
 public:
  Result<std::vector<TokenId>> encode(std::string_view, const EncodeOptions&) const override {
    return std::vector<TokenId>();
  }
  std::string token_bytes(TokenId, bool) const override { return ""; }
  bool strips_leading_space() const override { return false; }
  std::int64_t vocabulary_size() const override { return std::ssize(kPieces); }
  std::string_view piece(TokenId id) const override {
    ++asked;
    return kPieces[static_cast<std::size_t>(id)];
  }
  std::optional<TokenId> bos() const override { return std::nullopt; }
  std::optional<TokenId> eos() const override { return std::nullopt; }
  bool is_end_of_generation(TokenId) const override { return false; }
  bool is_control(TokenId) const override { return false; }
  const TokensAround& around() const override { return around_; }

  mutable int asked = 0;

 private:
  static constexpr std::array<std::string_view, 4> kPieces = {"a", "<b>", "<c>", "<b>"};
  TokensAround around_;
};

// A request may name a token ten thousand times, and vocabularies have a quarter of a million.
TEST(GbnfOptions, PassTheVocabularyOnce) {
  const CountingTokenizer tokenizer;
  const grammar::GbnfOptions options = gbnf_options(tokenizer);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(options.token_id("<b>"), 1);
    EXPECT_EQ(options.token_id("<c>"), 2);
    EXPECT_EQ(options.token_id("<d>"), std::nullopt);
  }
  EXPECT_EQ(tokenizer.asked, 4);
}

}  // namespace
}  // namespace linnet
