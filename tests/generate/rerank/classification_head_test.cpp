#include "generate/rerank/classification_head.hpp"

#include <gmock/gmock.h>

#include <cmath>

#include "support/reranker_file.hpp"
#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

using testing::HasSubstr;

constexpr int kWidth = 64;

class ClassificationHeadTest : public testing::Test {
 protected:
  Result<ClassificationHead> head(const test::OracleCase& oracle) const {
    const auto path = folder_ / "model.gguf";
    const Status written = oracle.write(path);
    EXPECT_TRUE(written) << written.error().message;
    const auto file = ModelFile::open(path);
    EXPECT_TRUE(file) << file.error().message;
    return ClassificationHead::read(**file);
  }
  void expect_refused(const test::OracleCase& oracle, const char* mentions) const {
    const auto read = head(oracle);
    ASSERT_FALSE(read) << mentions;
    EXPECT_THAT(read.error().message, HasSubstr(mentions));
  }

  const test::TemporaryFolder folder_;
};

std::vector<double> some_states() {
  std::vector<double> states;
  for (int i = 0; i < kWidth; ++i) states.push_back(std::sin(i) / 2);
  return states;
}

std::vector<double> product(const std::vector<float>& weight, const std::vector<double>& in) {
  std::vector<double> out(weight.size() / in.size());
  for (std::size_t i = 0; i < weight.size(); ++i)
    out[i / in.size()] += weight[i] * in[i % in.size()];
  return out;
}

TEST_F(ClassificationHeadTest, IsRobertas) {
  const auto oracle = test::reranker_case();
  const auto read = head(oracle);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->pooling(), Pooling::kFirst);
  const auto values = [&](const char* name, int count, double amplitude) {
    return test::values_of_tensor(oracle, name, count, amplitude);
  };
  std::vector<double> x = product(values("cls.weight", kWidth * kWidth, 0.2), some_states());
  const auto bias = values("cls.bias", kWidth, 0.1);
  for (int i = 0; i < kWidth; ++i) x[i] = std::tanh(x[i] + bias[i]);
  const double want = product(values("cls.output.weight", kWidth, 0.5), x)[0] +
                      values("cls.output.bias", 1, 0.1)[0];
  EXPECT_NEAR(read->score(some_states()), want, 1e-12);
}

TEST_F(ClassificationHeadTest, MayBeOneProjection) {
  auto last = test::encoder_case(4);
  test::add_tensor(last, "cls.output.weight", {kWidth}, 0.5);
  const auto weight = test::values_of_tensor(last, "cls.output.weight", kWidth, 0.5);
  const double want = product(weight, some_states())[0];
  EXPECT_NEAR(head(last)->score(some_states()), want, 1e-12);

  auto first = test::encoder_case(4);  // as Jina's
  test::add_tensor(first, "cls.weight", {kWidth, 1}, 0.5);
  test::add_tensor(first, "cls.bias", {1}, 0.5);
  const double dense =
      product(test::values_of_tensor(first, "cls.weight", kWidth, 0.5), some_states())[0] +
      test::values_of_tensor(first, "cls.bias", 1, 0.5)[0];
  EXPECT_NEAR(head(first)->score(some_states()), std::tanh(dense), 1e-12);
}

TEST_F(ClassificationHeadTest, OfModernBertHasANormAndReadsTheMean) {
  auto oracle = test::OracleCase::read("modern-bert-own");
  test::add_tensor(oracle, "cls.weight", {kWidth, kWidth}, 0.2);
  test::add_tensor(oracle, "cls.norm.weight", {kWidth}, 1.0);
  test::add_tensor(oracle, "cls.output.weight", {kWidth, 1}, 0.5);
  const auto read = head(oracle);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->pooling(), Pooling::kMean);
  auto x =
      product(test::values_of_tensor(oracle, "cls.weight", kWidth * kWidth, 0.2), some_states());
  double mean = 0.0, squares = 0.0;
  for (double& value : x) {
    value =
        0.5 * value * (1 + std::tanh(0.7978845608028654 * (value + 0.044715 * std::pow(value, 3))));
    mean += value / kWidth;
    squares += value * value / kWidth;
  }
  const float epsilon =
      oracle.json["metadata"]["modern-bert.attention.layer_norm_epsilon"]["value"];
  const auto norm = test::values_of_tensor(oracle, "cls.norm.weight", kWidth, 1.0);
  for (int i = 0; i < kWidth; ++i) {
    x[i] = (x[i] - mean) / std::sqrt(squares - mean * mean + epsilon) * norm[i];
  }
  const auto output = test::values_of_tensor(oracle, "cls.output.weight", kWidth, 0.5);
  EXPECT_NEAR(read->score(some_states()), product(output, x)[0], 1e-9);
}

TEST_F(ClassificationHeadTest, OfQwen3SaysHowLikelyYesIs) {
  auto oracle = test::OracleCase::read("qwen3-dense");
  const int width = oracle.json["metadata"]["qwen3.embedding_length"]["value"];
  test::add_tensor(oracle, "cls.output.weight", {width, 2}, 0.5);
  const auto read = head(oracle);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->pooling(), Pooling::kLast);
  std::vector<double> states(width, 0.1);
  const auto logits =
      product(test::values_of_tensor(oracle, "cls.output.weight", width * 2, 0.5), states);
  EXPECT_NEAR(read->score(states), 1 / (1 + std::exp(logits[1] - logits[0])), 1e-12);
}

TEST_F(ClassificationHeadTest, WhatIsNoRerankerIsToldSo) {
  expect_refused(test::encoder_case(4), "is not for reranking: it has no classification head");
  expect_refused(test::reranker_case(/*classes=*/3), "gives 3 numbers for a text, expected 1");
  auto wide = test::encoder_case(4);
  test::add_tensor(wide, "cls.weight", {kWidth, 32}, 0.2);
  expect_refused(wide, "gives 32 numbers for a text, expected 1");
  test::add_tensor(wide, "cls.output.weight", {kWidth, 1}, 0.2);
  expect_refused(wide, "tensor cls.weight has shape [64, 32], expected [64, 64]");
  auto narrow = test::encoder_case(4);
  test::add_tensor(narrow, "cls.output.weight", {32, 1}, 0.2);
  expect_refused(narrow, "tensor cls.output.weight has shape [32, 1], expected [64, 1]");
}

TEST_F(ClassificationHeadTest, ValuesThatAreNotFiniteAreRefused) {
  auto oracle = test::encoder_case(4);
  test::add_tensor(oracle, "cls.output.weight", {kWidth, 1}, 1e39);  // an infinity in F32
  expect_refused(oracle, "tensor cls.output.weight or .bias has values that are not finite");
}

}  // namespace
}  // namespace linnet
