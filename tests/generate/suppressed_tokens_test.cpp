// Tokens that a file names as never to be generated (tokenizer.ggml.suppress_tokens).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "support/tiny_engine.hpp"

namespace linnet {
namespace {

constexpr int kTokens = 24;

class SuppressedTokensTest : public testing::Test {
 protected:
  void suppress(const std::vector<std::int64_t>& tokens) {
    case_.json["metadata"]["tokenizer.ggml.suppress_tokens"] = {
        {"type", "array"}, {"of", "int32"}, {"value", tokens}};
  }
  std::vector<std::int32_t> text(bool speculates = false, float temperature = 0.0f) const {
    const test::TinyModel model(case_);
    EngineOptions options = test::TinyModel::options();
    options.speculate = speculates;
    const auto engine = model.engine(options);
    GenerateRequest request = test::greedy({5, 6, 7, 5, 6, 7, 5, 6}, kTokens);
    request.sampling.temperature = temperature;
    const test::Text text = test::run(*engine, std::move(request));
    EXPECT_EQ(text.error, "");
    EXPECT_EQ(text.tokens.size(), kTokens);
    return text.tokens;
  }

  test::OracleCase case_ = test::OracleCase::read("llama-dense");
};

TEST_F(SuppressedTokensTest, AreNotDrawn) {
  const std::vector<std::int32_t> usual = text();
  std::set<std::int64_t> never(usual.begin(), usual.end());
  suppress({never.begin(), never.end()});
  for (const bool speculates : {false, true}) {
    EXPECT_THAT(text(speculates), testing::Each(testing::Not(testing::AnyOfArray(usual))));
  }
  EXPECT_EQ(text(/*speculates=*/true), text());
}

TEST_F(SuppressedTokensTest, AreNotDrawnByChance) {
  std::vector<std::int64_t> never;
  for (std::int64_t token = 0; token < case_.vocabulary(); ++token) {
    if (token != 3 && token != 100) never.push_back(token);
  }
  suppress(never);
  EXPECT_THAT(text(/*speculates=*/false, /*temperature=*/5.0f),
              testing::Each(testing::AnyOf(3, 100)));
}

TEST_F(SuppressedTokensTest, IdsThatNoTokenHasAreLeftOut) {
  const std::vector<std::int32_t> usual = text();
  suppress({-1, case_.vocabulary(), std::int64_t{1} << 30});
  EXPECT_EQ(text(), usual);
}

TEST_F(SuppressedTokensTest, AreAList) {
  case_.json["metadata"]["tokenizer.ggml.suppress_tokens"] = {{"type", "uint32"}, {"value", 3}};
  const test::TemporaryFolder folder;
  const Status written = case_.write(folder / "model.gguf");
  ASSERT_TRUE(written) << written.error().message;
  const auto file = ModelFile::open(folder / "model.gguf");
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().message,
              testing::HasSubstr("metadata key tokenizer.ggml.suppress_tokens must be an array of "
                                 "integers"));
}

}  // namespace
}  // namespace linnet
