#include "model/blocks/cycles.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/blocks/block_case.hpp"

namespace linnet {
namespace {

using test::Row;
using test::Rows;

constexpr std::int64_t kWidth = 5, kRows = 16;

TEST(CyclesSpecTest, PassesOfTheLowStackThenOneOfTheHighOne) {
  const CyclesSpec cycles{/*stack=*/2, /*low=*/2};
  std::vector<int> blocks;
  for (int i = 0; i < 12; ++i) blocks.push_back(cycles.block(i));
  EXPECT_THAT(blocks, testing::ElementsAre(0, 1, 0, 1, 2, 3, 0, 1, 0, 1, 2, 3));
  EXPECT_EQ(CyclesSpec{}.block(7), 7);
}

// https://arxiv.org/abs/2506.21734, section 2: a pass reads the sum of both states, and what it
// gives, normalised, is the new state of its stack. The layers here double their input.
TEST(CyclesTest, PassesMoveTheStateOfTheirStackOn) {
  test::BlockCase block(kWidth, kRows);
  block.model.cycles = {/*stack=*/2, /*low=*/1};
  block.file.tensor("hrm.z_l_init", {kWidth});
  const CycleWeights weights =
      block.load([&](WeightLoader& loader) { return load_cycles(loader, block.model); });
  block.run(cycle_columns(block.model) + kWidth, [&](const Pass& pass, View in, View out) {
    const View x = pass.workspace.view(in.rows, kWidth);
    pass.backend.copy(in, x);
    const std::vector<View> states = begin_cycles(pass, weights, x);
    for (int layer = 0; layer < 8; ++layer) {  // low, high, low, high
      begin_cycle_pass(pass, layer, states, x);
      pass.backend.scale(x, 2.0f);
      end_cycle_pass(pass, layer, states, x);
    }
    pass.backend.copy(x, out);
  });

  const auto normed = [](const Rows& x) { return test::rms_norm(x, Row(kWidth, 1.0), 1e-5); };
  Rows low(kRows, block.vector("hrm.z_l_init")), high = block.input();
  for (int cycle = 0; cycle < 2; ++cycle) {
    low = normed(4.0 * (low + high));
    high = normed(4.0 * (low + high));
  }
  test::expect_near(block.out, high);
}

TEST(CyclesTest, MostModelsHaveNone) {
  test::BlockCase block(kWidth, kRows);
  EXPECT_EQ(cycle_columns(block.model), 0);
  const CycleWeights weights =
      block.load([&](WeightLoader& loader) { return load_cycles(loader, block.model); });
  EXPECT_EQ(weights.low_start, nullptr);
}

}  // namespace
}  // namespace linnet
