#include "generate/sampling/dry_breakers.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "gguf/gguf_file.hpp"
#include "support/paths.hpp"

namespace linnet {
namespace {

class FindBreakers : public testing::Test {
 protected:
  std::vector<TokenId> encode(const std::string& text) const {
    return *tokenizer_->encode(text, {});
  }
  DryBreakers find(const std::string& string) const {
    return find_breakers(*tokenizer_, std::vector<std::string>{string});
  }
  // Whether one of the runs stands in the tokens of `text`.
  static bool stands_in(const DryBreakers& breakers, const std::vector<TokenId>& tokens) {
    return std::ranges::any_of(breakers.runs, [&](const TokenRun& run) {
      std::vector<TokenId> all = {run.first};
      all.insert(all.end(), run.rest.begin(), run.rest.end());
      return !std::ranges::search(tokens, all).empty();
    });
  }

  const gguf::File file_ = std::move(*gguf::File::open(test::kBundledModel));
  const std::unique_ptr<Tokenizer> tokenizer_ = std::move(*make_tokenizer(file_));
};

TEST_F(FindBreakers, AreTheTokensWithTheString) {
  const DryBreakers breakers = find("\n");
  ASSERT_FALSE(breakers.tokens.empty());
  for (const TokenId token : breakers.tokens) {
    EXPECT_THAT(tokenizer_->token_bytes(token, true), testing::HasSubstr("\n"));
  }
  EXPECT_TRUE(breakers.runs.empty());
}

TEST_F(FindBreakers, MaySpanTokens) {
  const std::string breaker = "Zaphnath:";
  const std::vector<TokenId> tokens = encode("and he said Zaphnath: behold");
  const DryBreakers breakers = find(breaker);
  EXPECT_TRUE(breakers.tokens.empty()) << "no token holds it";
  EXPECT_TRUE(stands_in(breakers, tokens));
  EXPECT_FALSE(stands_in(breakers, encode("and he said Zaphnat, behold")));
}

TEST_F(FindBreakers, OfNothingAreNone) {
  const DryBreakers breakers = find("");
  EXPECT_TRUE(breakers.tokens.empty());
  EXPECT_TRUE(breakers.runs.empty());
}

}  // namespace
}  // namespace linnet
