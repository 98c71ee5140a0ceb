#include "model/blocks/prediction.hpp"

#include <gtest/gtest.h>

#include "model/blocks/block_case.hpp"

namespace linnet {
namespace {

using test::Row;
using test::Rows;

constexpr std::int64_t kWidth = 5, kRows = 16;

// https://arxiv.org/abs/2412.19437, formula 21: M [norm(embedding); norm(hidden)], here with the
// embedding first. Rows without a hidden state have zeros.
TEST(PredictionTest, EmbeddingAndHiddenStateAreProjectedTogether) {
  test::BlockCase block(kWidth, kRows);
  block.model.prediction.kind = PredictionSpec::Kind::kJoined;
  block.model.first_block = 7;
  block.file.tensor("blk.7.nextn.enorm.weight", {kWidth})
      .tensor("blk.7.nextn.hnorm.weight", {kWidth})
      .tensor("blk.7.nextn.eh_proj.weight", {2 * kWidth, kWidth});
  const PredictionWeights weights =
      block.load([&](WeightLoader& loader) { return load_prediction(loader, block.model, {}); });
  const std::vector<float> hidden = test::random_floats(2 * kWidth, 3);
  block.run(prediction_columns(block.model), [&](Pass pass, View in, View out) {
    const GivenRows given[] = {{.first = 1, .rows = 2, .values = hidden.data()}};
    pass.given = given;
    pass.backend.copy(in, out);
    join_hidden(pass, weights, out);
  });
  Rows want;
  for (std::size_t r = 0; r < kRows; ++r) {
    Row both = test::rms_norm(block.input()[r], block.vector("blk.7.nextn.enorm.weight"), 1e-5);
    Row state(kWidth);
    if (r == 1 || r == 2) {
      state = test::rms_norm(test::rows_of(hidden, kWidth)[r - 1],
                             block.vector("blk.7.nextn.hnorm.weight"), 1e-5);
    }
    both.insert(both.end(), state.begin(), state.end());
    want.push_back(test::product(both, block.matrix("blk.7.nextn.eh_proj.weight")));
  }
  test::expect_near(block.out, want);
}

TEST(PredictionTest, MostModelsDoNotPredict) {
  test::BlockCase block(kWidth, kRows);
  EXPECT_EQ(prediction_columns(block.model), 0);
  const PredictionWeights weights =
      block.load([&](WeightLoader& loader) { return load_prediction(loader, block.model, {}); });
  EXPECT_FALSE(weights.projection);
}

}  // namespace
}  // namespace linnet
