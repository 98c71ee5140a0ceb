#include "encoder/projector.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "encoder/projector_sizes.hpp"
#include "encoder/projector_steps.hpp"
#include "support/tensor_file.hpp"

namespace linnet {
namespace {

using Values = std::vector<float>;
using Weights = ProjectorStep::Weights;

constexpr std::int64_t kWidth = 2;
constexpr Grid kGrid{4, 2};

class ProjectorTest : public testing::Test {
 protected:
  // Of 4 x 2 patches: patch i has the columns 10 i and 10 i + 1.
  static Values patches() {
    Values values;
    for (int i = 0; i < kGrid.area(); ++i) {
      values.push_back(static_cast<float>(10 * i));
      values.push_back(static_cast<float>(10 * i + 1));
    }
    return values;
  }

  // What the steps make of the patches, which the tower has in the order `order` behind `before`
  // other rows.
  Values run(const std::vector<ProjectorStep>& steps, std::vector<std::int32_t> order = {},
             std::int32_t before = 0) {
    if (order.empty()) {
      order.resize(static_cast<std::size_t>(kGrid.area()));
      std::iota(order.begin(), order.end(), 0);
    }
    Backend& backend = file_.backend();
    WeightLoader loader(file_.file(), backend);
    const Projector projector(loader, steps, kWidth);
    EXPECT_FALSE(loader.failed()) << loader.finish().error().message;
    if (loader.failed()) return {};
    const std::int64_t rows = before + std::ssize(order);
    Workspace workspace(std::move(*backend.allocate(Workspace::floats_for(rows, kWidth, 1) +
                                                    projector.workspace_floats(kGrid.area()))));
    const View in = workspace.view(rows, kWidth);
    backend.fill(in, 1e6f);
    std::vector<std::int32_t> place(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      const auto row = before + static_cast<std::int32_t>(i);
      place[static_cast<std::size_t>(order[i])] = row;
      backend.upload(std::span(patches_).subspan(order[i] * kWidth, kWidth), in.row(row));
    }
    const View out = projector.run(backend, workspace, /*kv=*/nullptr, in, kGrid, place);
    EXPECT_EQ(out.columns, projector.columns());
    Values values(static_cast<std::size_t>(out.rows * out.columns));
    backend.download(out, values.data());
    return values;
  }

  static void expect_near(const Values& got, const Values& expected) {
    EXPECT_THAT(got, testing::Pointwise(testing::FloatNear(1e-4f), expected));
  }

  // The product of the matrix [columns, rows] with each row of `in`.
  Values product(const std::string& matrix, const Values& in, std::int64_t columns) {
    const Values weights = file_.values(matrix);
    Values out;
    for (std::size_t r = 0; r < in.size() / columns; ++r) {
      for (std::size_t o = 0; o < weights.size() / columns; ++o) {
        float sum = 0.0f;
        for (std::int64_t c = 0; c < columns; ++c) {
          sum += in[r * columns + c] * weights[o * columns + c];
        }
        out.push_back(sum);
      }
    }
    return out;
  }

  test::TensorFile file_;
  Values patches_ = patches();
};

TEST_F(ProjectorTest, MeansOfSquares) { expect_near(run({mean_of(2)}), {25, 26, 45, 46}); }

TEST_F(ProjectorTest, ConcatenatesRowByRow) {
  expect_near(run({concatenate(2)}),
              {0, 1, 10, 11, 40, 41, 50, 51, 20, 21, 30, 31, 60, 61, 70, 71});
}

// Row (10 i, 10 i + 1) is near 40 or 0, for (75, 75) does not count; what is left is near -20, 0 or
// 20.
TEST_F(ProjectorTest, RowsBecomeCodesAndRowsAgain) {
  file_.tensor("books.weight", {2, 3, 2}, {0, 0, 40, 40, 75, 75, -20, -20, 0, 0, 20, 20});
  file_.tensor("rows.weight", {2, 4, 2}, {1, 2, 3, 4, 0, 0, 0, 0, 10, 20, 30, 40, 50, 60, 0, 0});
  expect_near(run({quantise("books", "rows", {2, 3})}),
              {31, 42, 51, 62, 13, 24, 33, 44, 33, 44, 53, 64, 53, 64, 53, 64});
}

TEST_F(ProjectorTest, RunsThatAreJoinedAreConvolved) {
  file_.tensor("a.weight", {2, 2, 3});  // [taps, inputs, outputs]
  const Values w = file_.values("a.weight");
  const Values got = run({join_runs(2), linear("a", Weights::kConvolution)});
  ASSERT_EQ(got.size(), 12u);
  for (int o = 0; o < 3; ++o) {
    EXPECT_NEAR(got[3 + o],
                20 * w[4 * o] + 30 * w[4 * o + 1] + 21 * w[4 * o + 2] + 31 * w[4 * o + 3], 1e-3);
  }
}

TEST_F(ProjectorTest, PatchesInAnyOrderBehindAClassToken) {
  const std::vector<std::int32_t> order = {0, 1, 4, 5, 2, 3, 6, 7};
  expect_near(run({mean_of(2)}, order, 1), {25, 26, 45, 46});
  expect_near(run({concatenate(1)}, order, 1), patches());
}

TEST_F(ProjectorTest, PlainNormAndScale) {
  const float root = std::sqrt((25.0f * 25 + 26 * 26) / 2);
  const Values normed = run({mean_of(2), norm("", NormKind::kRms, 0.0f), scale_by(3.0f)});
  ASSERT_EQ(normed.size(), 4u);
  expect_near({normed[0], normed[1]}, {3 * 25 / root, 3 * 26 / root});
}

TEST_F(ProjectorTest, Standardises) {
  file_.tensor("less", {2}).tensor("times", {2});
  const Values less = file_.values("less"), times = file_.values("times");
  expect_near(run({mean_of(2), standardise("less", "times")}),
              {(25 - less[0]) * times[0], (26 - less[1]) * times[1], (45 - less[0]) * times[0],
               (46 - less[1]) * times[1]});
}

TEST_F(ProjectorTest, ProjectsWithABias) {
  file_.tensor("a.weight", {2, 3}).tensor("a.bias", {3});
  Values expected = product("a.weight", {25, 26, 45, 46}, 2);
  const Values bias = file_.values("a.bias");
  for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += bias[i % 3];
  expect_near(run({mean_of(2), linear("a")}), expected);
}

TEST_F(ProjectorTest, ProjectsByTransposedWeights) {
  file_.tensor("a.weight", {3, 2});
  const Values w = file_.values("a.weight");
  const Values got = run({mean_of(2), linear("a", Weights::kTransposed)});
  ASSERT_EQ(got.size(), 6u);
  for (int o = 0; o < 3; ++o) {
    EXPECT_NEAR(got[o], 25 * w[o] + 26 * w[3 + o], 1e-4) << o;
  }
}

TEST_F(ProjectorTest, ProjectsByWeightsWithColumnsOutermost) {
  file_.tensor("a.weight", {8, 3}).tensor("b.weight", {2, 2, 2, 3});
  const Values columns_first = {0, 10, 40, 50, 1, 11, 41, 51, 20, 30, 60, 70, 21, 31, 61, 71};
  const std::vector<ProjectorStep> matrix = {concatenate(2),
                                             linear("a", Weights::kColumnsOutermost)};
  const std::vector<ProjectorStep> convolution = {concatenate(2),
                                                  linear("b", Weights::kConvolution)};
  expect_near(run(matrix), product("a.weight", columns_first, 8));
  expect_near(run(convolution), product("b.weight", columns_first, 8));
}

TEST_F(ProjectorTest, Gates) {
  file_.tensor("gate.weight", {2, 3}).tensor("up.weight", {2, 3});
  const Values gate = product("gate.weight", {25, 26, 45, 46}, 2);
  Values expected = product("up.weight", {25, 26, 45, 46}, 2);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    expected[i] *= gate[i] / (1.0f + std::exp(-gate[i]));
  }
  const Values got = run({mean_of(2), gate_by("gate", "up", Activation::kSilu)});
  EXPECT_THAT(got, testing::Pointwise(testing::FloatNear(1e-2f), expected));
}

TEST_F(ProjectorTest, BreaksEndRowsButTheLast) {
  file_.tensor("break", {2});
  const Values end = file_.values("break");
  expect_near(run({mean_of(1), break_rows("break")}),
              {0, 1, 10, 11, 20, 21, 30, 31, end[0], end[1], 40, 41, 50, 51, 60, 61, 70, 71});
}

TEST_F(ProjectorTest, RowsBeforeAndBehindAll) {
  file_.tensor("first", {2}).tensor("last", {2});
  const Values first = file_.values("first"), last = file_.values("last");
  expect_near(run({mean_of(2), wrap("first", "last")}),
              {first[0], first[1], 25, 26, 45, 46, last[0], last[1]});
}

TEST_F(ProjectorTest, ARowOfATableBehindAll) {
  file_.tensor("table.weight", {2, 3}, {3, 4, 5, 6, 7, 8}).tensor("norm.weight", {2}, {2, 10});
  const float root = std::sqrt(12.5f);
  expect_near(run({mean_of(2), row_behind("table", "norm", 0.0f)}),
              {25, 26, 45, 46, 3 / root * 2, 4 / root * 10});
}

TEST_F(ProjectorTest, EndsOfAllRowsAndARowBehindThem) {
  file_.tensor("end", {2}).tensor("last", {2});
  const Values end = file_.values("end"), last = file_.values("last");
  expect_near(run({mean_of(1), end_rows("end", "last")}),
              {0,  1,  10, 11, 20, 21, 30, 31,     end[0], end[1],  40,
               41, 50, 51, 60, 61, 70, 71, end[0], end[1], last[0], last[1]});
}

// See ConvolutionTest for what it computes.
TEST_F(ProjectorTest, ConvolutionsMergeRows) {
  file_.tensor("a.weight", {3, 3, 2, 3});
  const Values weights = file_.values("a.weight"), got = run({convolve("a", 2)});
  ASSERT_EQ(got.size(), 6u);  // two rows of 4 x 2
  float first = 0.0f;
  for (int c = 0; c < 2; ++c) {  // nothing is above and left of the first patch
    for (int y = 0; y < 2; ++y) {
      for (int x = 0; x < 2; ++x) {
        first += weights[c * 9 + (y + 1) * 3 + x + 1] * patches_[(4 * y + x) * 2 + c];
      }
    }
  }
  EXPECT_NEAR(got[0], first, 1e-3);
}

TEST_F(ProjectorTest, WeightsOfAnotherShapeAreAnError) {
  file_.tensor("a.weight", {3, 3});
  WeightLoader loader(file_.file(), file_.backend());
  const Projector projector(loader, std::vector<ProjectorStep>{linear("a")}, kWidth);
  EXPECT_THAT(loader.finish().error().message,
              testing::HasSubstr("tensor a.weight has shape [3, 3], expected [2, 3]"));
}

TEST_F(ProjectorTest, WhatIsKeptHasTheColumnsToWhichItIsAdded) {
  file_.tensor("a.weight", {2, 3});
  WeightLoader loader(file_.file(), file_.backend());
  const std::vector<ProjectorStep> steps = {keep(), linear("a"), add_kept()};
  const Projector projector(loader, steps, kWidth);
  EXPECT_THAT(loader.finish().error().message,
              testing::HasSubstr("gives 3 columns where 2 that were kept are added"));
}

// In a picture of one column there are twice as many rows behind them.
TEST_F(ProjectorTest, WhatStandsBehindEndsOfRowsHasRoomForThem) {
  file_.tensor("end.weight", {2}).tensor("a.weight", {2, 64});
  Backend& backend = file_.backend();
  WeightLoader loader(file_.file(), backend);
  const std::vector<ProjectorStep> steps = {end_rows("end.weight"), linear("a")};
  const Projector projector(loader, steps, kWidth);
  ASSERT_FALSE(loader.failed()) << loader.finish().error().message;
  constexpr int kRows = 64;
  Workspace workspace(std::move(*backend.allocate(projector.workspace_floats(kRows))));
  Workspace own(std::move(*backend.allocate(Workspace::floats_for(kRows, kWidth, 1))));
  const View in = own.view(kRows, kWidth);
  backend.fill(in, 1.0f);
  std::vector<std::int32_t> place(kRows);
  std::iota(place.begin(), place.end(), 0);
  const View out = projector.run(backend, workspace, /*kv=*/nullptr, in, {1, kRows}, place);
  EXPECT_EQ(out.rows, 2 * kRows);
}

// Before the weights are loaded, by the shapes of tensors.
TEST_F(ProjectorTest, ThePlanCountsWhatIsTaken) {
  file_.tensor("a.weight", {2, 6}).tensor("back.weight", {6, 2}).tensor("row", {2});
  file_.tensor("squares.weight", {3, 3, 2, 5}).tensor("each.weight", {3, 3, 1, 2});
  file_.tensor("books.weight", {2, 3, 1}).tensor("rows.weight", {2, 3, 1});
  const std::vector<std::vector<ProjectorStep>> all = {
      {mean_of(2), add_mean_of(2)},
      {concatenate(2)},
      {mean_of_runs(3)},
      {join_runs(3)},
      {linear("a"), activate(), norm("", NormKind::kRms, 0.0f), scale_by(2.0f)},
      {gate_of_half("a", Activation::kSilu)},
      {standardise("row", "row")},
      {break_rows("row"), linear("a")},
      {end_rows("row", "row"), linear("a")},
      {wrap("row", "row"), linear("a")},
      {row_behind("row", /*least_height=*/2), linear("a")},
      {convolve("squares", 2)},
      {convolve_each("each", 2)},
      {keep(), hard_swish(), weigh_columns("a", "back"), add_kept()},
      {quantise("books", "rows", {3})}};
  WeightLoader loader(file_.file(), file_.backend());
  for (const std::vector<ProjectorStep>& steps : all) {
    const std::string name = steps.front().name + std::to_string(static_cast<int>(steps[0].kind));
    const Projection plan = projection_of(loader, steps, kWidth, kGrid.area());
    const Projector projector(loader, steps, kWidth);
    EXPECT_EQ(plan.columns, projector.columns()) << name;
    const bool has_codes = steps.front().kind == ProjectorStep::Kind::kQuantise;
    const std::int64_t scores = has_codes ? 3 * kGrid.area() : 0;  // on the host
    EXPECT_EQ(plan.bytes, 4 * (projector.workspace_floats(kGrid.area()) + scores)) << name;
    EXPECT_LE(std::ssize(run(steps)), plan.rows * plan.columns) << name;
  }
}

TEST_F(ProjectorTest, BoundsOfAProjectionAreAnError) {
  file_.tensor("a.weight", {2, 3}).tensor("a.output_max", {1});
  WeightLoader loader(file_.file(), file_.backend());
  const Projector projector(loader, std::vector<ProjectorStep>{linear("a")}, kWidth);
  EXPECT_THAT(loader.finish().error().message, testing::HasSubstr("tensor a.weight has bounds"));
}

}  // namespace
}  // namespace linnet
