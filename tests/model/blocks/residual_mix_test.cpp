#include "model/blocks/residual_mix.hpp"

#include <gtest/gtest.h>

#include "model/blocks/block_case.hpp"

namespace linnet {
namespace {

using test::Row;
using test::Rows;

constexpr std::int64_t kWidth = 5, kRows = 16;

class ResidualMixTest : public testing::Test {
 protected:
  ResidualMixTest() {
    case_.model.layers.resize(7);
    case_.model.residual.attention_group = 3;
    case_.file.tensor("score.weight", {kWidth});
  }
  void run(std::size_t states) {
    const ResidualMixWeights weights = case_.load(
        [&](WeightLoader& loader) { return load_residual_mix(loader, case_.model, "score"); });
    case_.run(residual_mix_columns(case_.model), [&](const Pass& pass, View in, View out) {
      std::vector<View> earlier;
      for (std::size_t i = 0; i < states; ++i) {
        earlier.push_back(pass.workspace.view(in.rows, kWidth));
        pass.backend.upload(earlier_[i], earlier.back().data);
      }
      pass.backend.copy(mix_residuals(pass, weights, earlier, in), out);
    });
  }

  std::vector<std::vector<float>> earlier_ = {test::random_floats(kRows * kWidth, 1),
                                              test::random_floats(kRows* kWidth, 2)};
  test::BlockCase case_{kWidth, kRows};
};

// Attention residuals (Kimi K3): the softmax of the states' scores weighs the states.
TEST_F(ResidualMixTest, StatesAreWeighedByTheSoftmaxOfTheirScores) {
  run(2);
  const Row score = case_.vector("score.weight");
  Rows want(kRows);
  for (std::size_t r = 0; r < kRows; ++r) {
    const Row states[] = {test::rows_of(earlier_[0], kWidth)[r],
                          test::rows_of(earlier_[1], kWidth)[r], case_.input()[r]};
    Row scores;
    for (const Row& state : states) scores.push_back(test::dot(test::rms_norm(state, 1e-5), score));
    const Row shares = test::softmax(scores);
    want[r] = shares[0] * states[0] + shares[1] * states[1] + shares[2] * states[2];
  }
  test::expect_near(case_.out, want);
}

TEST_F(ResidualMixTest, WithoutEarlierStatesTheStreamItself) {
  run(0);
  EXPECT_EQ(case_.out, case_.in);
}

TEST_F(ResidualMixTest, OneStateForEachGroupThatBegins) {
  EXPECT_EQ(residual_mix_states(case_.model), 3);  // of 7 layers in groups of 3
  case_.model.residual.attention_group = 0;
  EXPECT_EQ(residual_mix_states(case_.model), 0);
  EXPECT_EQ(residual_mix_columns(case_.model), 0);
}

}  // namespace
}  // namespace linnet
