// What stands behind the layers.

#include "model/head.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "model/blocks/block_case.hpp"

namespace linnet {
namespace {

using test::Row;
using test::Rows;

constexpr std::int64_t kWidth = 6, kRows = 16, kVocabulary = 9;

class HeadTest : public testing::Test {
 protected:
  HeadTest() {
    case_.model.vocabulary = kVocabulary;
    case_.file.tensor("output_norm.weight", {kWidth});
  }
  HeadWeights load() {
    return case_.load(
        [&](WeightLoader& loader) { return load_head(loader, case_.model, nullptr); });
  }
  // The logits of the rows 3 and 1.
  std::vector<float> logits(const HeadWeights& weights) {
    std::vector<float> values;
    case_.run(2 * kWidth + kVocabulary, [&](const Pass& pass, View in, View) {
      const std::vector<std::int32_t> rows = {3, 1};
      const View all = compute_logits(pass, weights, in, rows);
      values.resize(static_cast<std::size_t>(all.rows * all.columns));
      if (!values.empty()) pass.backend.download(all, values.data());
    });
    return values;
  }
  Rows normed() { return test::rms_norm(case_.input(), case_.vector("output_norm.weight"), 1e-5); }
  // Of the rows 3 and 1, by the table of this name.
  Rows product(const std::string& tensor) {
    const Rows all = test::product(normed(), case_.matrix(tensor));
    return {all[3], all[1]};
  }

  test::BlockCase case_{kWidth, kRows};
};

TEST_F(HeadTest, LogitsAreScaledThenCapped) {
  case_.model.logit_scale = 0.5f;
  case_.model.logit_softcap = 2.0f;
  case_.file.tensor("output.weight", {kWidth, kVocabulary});
  const HeadWeights weights = load();
  EXPECT_FALSE(weights.is_tied);
  const auto formula = [](double x) { return 2.0 * std::tanh(0.5 * x / 2.0); };
  test::expect_near(logits(weights), test::each(product("output.weight"), formula));
}

TEST_F(HeadTest, WithoutAProjectionItIsTheTableOfTokens) {
  case_.file.tensor("token_embd.weight", {kWidth, kVocabulary});
  const HeadWeights weights = load();
  EXPECT_TRUE(weights.is_tied);
  test::expect_near(logits(weights), product("token_embd.weight"));
  // Which may be in memory already.
  WeightLoader loader(case_.file.file(), case_.file.backend());
  const HeadWeights again = load_head(loader, case_.model, weights.output->weight);
  EXPECT_EQ(again.output->weight, weights.output->weight);
}

TEST_F(HeadTest, SuppressedTokensAreNotDrawn) {
  case_.model.suppressed_tokens = {4, 100};
  case_.file.tensor("output.weight", {kWidth, kVocabulary});
  const std::vector<float> got = logits(load());
  Rows want = product("output.weight");
  for (std::size_t r = 0; r < 2; ++r) {
    for (std::size_t token = 0; token < kVocabulary; ++token) {
      if (token >= 4) {
        EXPECT_EQ(got[r * kVocabulary + token], std::numeric_limits<float>::lowest());
      } else {
        EXPECT_NEAR(got[r * kVocabulary + token], want[r][token], 1e-4);
      }
    }
  }
}

// EmbeddingGemma: two projections behind the norm.
TEST_F(HeadTest, AnEncoderHasHiddenStatesAndNoLogits) {
  case_.model.encoder = true;
  case_.file.tensor("dense_2.weight", {kWidth, 8}).tensor("dense_3.weight", {8, kWidth});
  const HeadWeights weights = load();
  EXPECT_FALSE(weights.output);
  EXPECT_TRUE(logits(weights).empty());
  case_.run(8, [&](const Pass& pass, View in, View out) {
    pass.backend.copy(in, out);
    EXPECT_EQ(finish_hidden(pass, weights, {.x = out}).data, out.data);
  });
  const Rows wide = test::product(normed(), case_.matrix("dense_2.weight"));
  test::expect_near(case_.out, test::product(wide, case_.matrix("dense_3.weight")));
}

// ColBERT of LFM2: one, to another width.
TEST_F(HeadTest, HiddenStatesMayHaveAnotherWidth) {
  case_.model.encoder = true;
  case_.model.embedding_width = 3;
  case_.file.tensor("dense_2.weight", {kWidth, 3}).tensor("dense_2.bias", {3});
  const HeadWeights weights = load();
  std::vector<float> got(static_cast<std::size_t>(kRows) * 3);
  case_.run(8, [&](const Pass& pass, View in, View out) {
    pass.backend.copy(in, out);
    const View hidden = finish_hidden(pass, weights, {.x = out});
    ASSERT_EQ(hidden.columns, 3);
    pass.backend.download(hidden, got.data());
  });
  Rows want = test::product(normed(), case_.matrix("dense_2.weight"));
  const Row bias = case_.vector("dense_2.bias");
  for (auto& row : want) {
    for (std::size_t i = 0; i < 3; ++i) row[i] += bias[i];
  }
  test::expect_near(got, want);
}

TEST_F(HeadTest, ItsTensorsAreKnownByName) {
  for (const char* name : {"output.weight", "output.bias", "output_hc_fn.weight",
                           "altup_unembd_proj.weight", "dense_2.weight"}) {
    EXPECT_TRUE(is_head_tensor(name)) << name;
  }
  for (const char* name : {"output_norm.weight", "token_embd.weight", "blk.0.attn_output.weight"}) {
    EXPECT_FALSE(is_head_tensor(name)) << name;
  }
}

}  // namespace
}  // namespace linnet
