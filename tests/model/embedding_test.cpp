// What stands before the layers.

#include "model/embedding.hpp"

#include <gtest/gtest.h>

#include "model/blocks/block_case.hpp"

namespace linnet {
namespace {

using test::Row;
using test::Rows;

constexpr std::int64_t kWidth = 6, kRows = 16, kVocabulary = 50;

class EmbeddingTest : public testing::Test {
 protected:
  EmbeddingTest() {
    case_.model.vocabulary = kVocabulary;
    case_.file.tensor("token_embd.weight", {kWidth, kVocabulary});
  }
  void run(std::span<const GivenRows> given = {}) {
    const EmbeddingWeights weights =
        case_.load([&](WeightLoader& loader) { return load_embedding(loader, case_.model); });
    case_.run(2 * kWidth, [&](Pass pass, View in, View out) {
      pass.given = given;
      pass.backend.copy(embed(pass, weights), out);
      for (int layer = 0; layer < 2; ++layer) add_given_rows(pass, layer, out);
      EXPECT_EQ(in.rows, kRows);
    });
  }
  Rows rows_of(const std::string& tensor, std::span<const std::int32_t> ids) {
    const Rows table = case_.matrix(tensor);
    Rows rows;
    for (const std::int32_t id : ids) rows.push_back(table[id]);
    return rows;
  }
  Rows tokens() { return rows_of("token_embd.weight", case_.tokens); }

  test::BlockCase case_{kWidth, kRows};
};

TEST_F(EmbeddingTest, TheRowsOfTheTokensTimesTheScale) {
  case_.model.embedding_scale = 2.5f;
  run();
  test::expect_near(case_.out, 2.5 * tokens());
}

// GPT-2 and BERT: learned positions, and the first row of the types of tokens.
TEST_F(EmbeddingTest, PositionsAndTypesAreAdded) {
  case_.model.position_rows = 20;
  case_.file.tensor("position_embd.weight", {kWidth, 20}).tensor("token_types.weight", {kWidth, 2});
  run();
  const std::vector<std::int32_t> first(kRows, 0);
  test::expect_near(case_.out, tokens() + rows_of("position_embd.weight", case_.positions) +
                                   rows_of("token_types.weight", first));
}

TEST_F(EmbeddingTest, TheSumIsNormalised) {
  case_.model.embedding_norm = NormUse::kWeights;
  case_.file.tensor("token_embd_norm.weight", {kWidth});
  run();
  test::expect_near(case_.out,
                    test::rms_norm(tokens(), case_.vector("token_embd_norm.weight"), 1e-5));
}

// Qwen3-VL: rows of a picture take the place of those of their ids; the first layers add to their
// results what else is given of them.
TEST_F(EmbeddingTest, GivenRowsTakeThePlaceOfTokens) {
  case_.model.deepstack_layers = 2;
  case_.model.embedding_scale = 2.0f;
  const std::vector<float> values = test::random_floats(2 * 3 * kWidth, 4);
  const GivenRows given[] = {{.first = 1, .rows = 2, .values = values.data()}};
  run(given);
  Rows want = 2.0 * tokens();
  for (int r = 0; r < 2; ++r) {
    const Row all = test::rows_of(values, 3 * kWidth)[r];
    want[1 + r] = test::columns(all, 0, kWidth) + test::columns(all, kWidth, kWidth) +
                  test::columns(all, 2 * kWidth, kWidth);
  }
  test::expect_near(case_.out, want);
}

TEST_F(EmbeddingTest, ATowerHasNoTokens) {
  test::BlockCase tower(kWidth, kRows);
  const EmbeddingWeights weights =
      tower.load([&](WeightLoader& loader) { return load_embedding(loader, tower.model); });
  tower.run(kWidth, [&](const Pass& pass, View, View out) {
    pass.backend.copy(embed(pass, weights), out);
  });
  test::expect_near(tower.out, Rows(kRows, Row(kWidth)));
}

}  // namespace
}  // namespace linnet
