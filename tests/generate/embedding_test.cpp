#include "generate/embedding.hpp"

#include <gmock/gmock.h>

#include <cmath>

#include "support/encoder_file.hpp"
#include "support/evaluate.hpp"
#include "support/test_name.hpp"
#include "support/tiny_engine.hpp"

namespace linnet {
namespace {

using Texts = std::vector<std::vector<TokenId>>;

Texts some_texts(const test::TinyModel& model) {
  return {model.prompt(7), model.prompt(40, 1), model.prompt(1, 2), model.prompt(33, 3)};
}

class EncoderTest : public testing::TestWithParam<const char*> {
 protected:
  const test::TinyModel model_{GetParam()};
};

TEST_P(EncoderTest, VectorsAreBitIdenticalWhateverCompanyAndThreads) {
  const auto engine = model_.engine();
  const Texts texts = some_texts(model_);
  const auto together = embed_texts(*engine, texts, Pooling::kMean);
  ASSERT_TRUE(together) << together.error().message;
  EngineOptions options = test::TinyModel::options();
  options.threads = 3;
  const auto other = model_.engine(options);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto alone = embed_texts(*other, std::span(texts).subspan(i, 1), Pooling::kMean);
    ASSERT_TRUE(alone) << alone.error().message;
    EXPECT_EQ(alone->front(), (*together)[i]);
  }
}

TEST_P(EncoderTest, MakesNoText) {
  const auto engine = model_.engine();
  GenerateRequest request;
  request.prompt = model_.prompt(5);
  request.max_tokens = 1;
  const Status submitted = engine->submit(std::move(request));
  ASSERT_FALSE(submitted);
  EXPECT_THAT(submitted.error().message, testing::HasSubstr("encoders, which make no text"));
  EXPECT_FALSE(test::all_logits(*engine, model_.prompt(5)));
}

INSTANTIATE_TEST_SUITE_P(Encoders, EncoderTest,
                         testing::Values("bert-own", "jina-bert-v2-own", "modern-bert-own",
                                         "nomic-bert-moe-own", "gemma-embedding-own"),
                         test::test_name<const char*>);

// LFM2's embedding models have attention and recurrent states, and tokens that see later ones.
TEST(EmbeddingTest, OfADecoderWhoseTokensSeeEachOther) {
  test::OracleCase oracle = test::OracleCase::read("lfm2-dense");
  const auto vectors = [](const test::TinyModel& model, const Texts& texts) {
    const auto engine = model.engine();
    const auto result = embed_texts(*engine, texts, Pooling::kFirst);
    EXPECT_TRUE(result) << result.error().message;
    return result ? *result : std::vector<std::vector<float>>(texts.size());
  };
  const test::TinyModel causal(oracle);
  oracle.json["metadata"]["lfm2.attention.causal"] = {{"type", "bool"}, {"value", false}};
  const test::TinyModel model(oracle);
  Texts texts = {model.prompt(40), model.prompt(40), model.prompt(20, 1)};
  texts[1].back() = texts[1].front();
  const auto first_of_causal = vectors(causal, texts), first = vectors(model, texts);
  EXPECT_EQ(first_of_causal[0], first_of_causal[1]);
  EXPECT_NE(first[0], first[1]);
  EXPECT_EQ(vectors(model, {texts[2]})[0], first[2]);
}

// They would tell somebody who is not there any more.
TEST(EmbeddingTest, TextsBesideOneThatIsRefusedAreForgotten) {
  const test::TinyModel model("bert-own");
  const auto engine = model.engine();
  const Texts texts = {model.prompt(9), {}, model.prompt(5)};
  const auto vectors = embed_texts(*engine, texts, Pooling::kMean);
  ASSERT_FALSE(vectors);
  EXPECT_EQ(vectors.error().message, "text 2: the prompt has no tokens");
  EXPECT_TRUE(engine->idle());
  EXPECT_TRUE(embed_texts(*engine, std::span(texts).first(1), Pooling::kMean));
}

// They do not all wait at the same time.
TEST(EmbeddingTest, ThousandsOfTextsKeepTheirOrder) {
  const test::TinyModel model("bert-own");
  const auto engine = model.engine();
  Texts texts;
  for (int i = 0; i < 2'500; ++i) texts.push_back(model.prompt(1 + i % 3, i % 7));
  const auto vectors = embed_texts(*engine, texts, Pooling::kMean);
  ASSERT_TRUE(vectors) << vectors.error().message;
  ASSERT_EQ(vectors->size(), texts.size());
  for (std::size_t i = 21; i < texts.size(); ++i) ASSERT_EQ((*vectors)[i], (*vectors)[i % 21]) << i;
  texts[2'100].clear();
  const auto refused = embed_texts(*engine, texts, Pooling::kMean);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "text 2101: the prompt has no tokens");
  EXPECT_TRUE(engine->idle());
}

TEST(EmbeddingTest, PoolsTheHiddenStates) {
  const test::TinyModel model("bert-own");
  const Texts texts = {model.prompt(9)};
  const auto backend = make_cpu_backend(1);
  const auto hidden = test::evaluate(model.path(), *backend, texts[0], 9);
  ASSERT_TRUE(hidden) << hidden.error().message;
  const auto expect = [&](Pooling pooling, std::size_t first, std::size_t count) {
    EngineOptions options = test::TinyModel::options();
    options.kv_type = KvType::kF32;
    const auto vectors = embed_texts(*model.engine(options), texts, pooling);
    ASSERT_TRUE(vectors) << vectors.error().message;
    const auto width = static_cast<std::size_t>(hidden->columns);
    std::vector<double> sum(width, 0.0);
    for (std::size_t i = 0; i < count * width; ++i) {
      sum[i % width] += hidden->logits[first * width + i];
    }
    double squares = 0.0;
    for (const double value : sum) squares += value * value;
    for (std::size_t c = 0; c < width; ++c) {
      EXPECT_NEAR(vectors->front()[c], sum[c] / std::sqrt(squares), 1e-6);
    }
  };
  expect(Pooling::kMean, 0, 9);
  expect(Pooling::kFirst, 0, 1);
  expect(Pooling::kLast, 8, 1);
}

// EmbeddingGemma's projections: dense_3 * dense_2 * hidden.
TEST(EmbeddingTest, ProjectionsBehindTheHiddenStates) {
  const test::TemporaryFolder folder;
  const auto backend = make_reference_backend();
  auto oracle = test::OracleCase::read("gemma-embedding-own");
  const std::vector<TokenId> tokens = {5, 7, 11};
  const auto hidden = [&](const char* name) {
    const Status written = oracle.write(folder / name);
    EXPECT_TRUE(written) << written.error().message;
    auto result = test::evaluate(folder / name, *backend, tokens, 3);
    EXPECT_TRUE(result) << result.error().message;
    return std::move(result->logits);
  };
  const std::vector<float> plain = hidden("plain.gguf");
  constexpr int kWidth = 64, kWide = 80;
  std::vector<std::vector<float>> weights;
  for (const char* name : {"dense_2.weight", "dense_3.weight"}) {
    const bool up = weights.empty();
    oracle.json["tensors"].push_back({{"name", name},
                                      {"type", "F32"},
                                      {"shape", {up ? kWidth : kWide, up ? kWide : kWidth}},
                                      {"centre", 0.0},
                                      {"amplitude", 0.2}});
    const auto seed = oracle.json["seed"].get<std::uint64_t>();
    const std::uint64_t start = test::fnv1a(name) ^ (seed * 0x9e3779b97f4a7c15u);
    auto& values = weights.emplace_back();
    for (int i = 0; i < kWidth * kWide; ++i) {
      values.push_back(test::weight_element(start, static_cast<std::uint64_t>(i), 0.0, 0.2));
    }
  }
  const std::vector<float> projected = hidden("projected.gguf");
  std::vector<double> wide(kWide), want(kWidth);
  for (int i = 0; i < kWidth * kWide; ++i)
    wide[i / kWidth] += double{weights[0][i]} * plain[i % kWidth];
  for (int i = 0; i < kWidth * kWide; ++i) want[i / kWide] += weights[1][i] * wide[i % kWide];
  for (int c = 0; c < kWidth; ++c) EXPECT_NEAR(projected[c], want[c], 1e-4);
}

TEST(EmbeddingTest, ThePoolingIsTheFiles) {
  const test::TemporaryFolder folder;
  const auto pooling = [&](int number) {
    const Status written = test::write_encoder(folder / "encoder.gguf", number);
    EXPECT_TRUE(written) << written.error().message;
    return model_pooling(*gguf::File::open(folder / "encoder.gguf"));
  };
  EXPECT_EQ(*pooling(1), Pooling::kMean);
  EXPECT_EQ(*pooling(2), Pooling::kFirst);
  EXPECT_EQ(*pooling(3), Pooling::kLast);
  EXPECT_THAT(pooling(0).error().message, testing::HasSubstr("a vector for each token"));
  EXPECT_THAT(pooling(4).error().message, testing::HasSubstr("for reranking"));
  EXPECT_THAT(pooling(5).error().message, testing::HasSubstr("bert.pooling_type is 5"));
}

TEST(EmbeddingTest, ATextThatIsTooLongIsNamed) {
  const test::TinyModel model("bert-own");
  const auto engine = model.engine(test::TinyModel::options(), 64);
  const Texts texts = {model.prompt(3), model.prompt(65)};
  const auto vectors = embed_texts(*engine, texts, Pooling::kMean);
  ASSERT_FALSE(vectors);
  EXPECT_THAT(vectors.error().message, testing::StartsWith("text 2: the prompt has 65 tokens"));
}

}  // namespace
}  // namespace linnet
