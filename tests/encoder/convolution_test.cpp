#include "encoder/convolution.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/tensor_file.hpp"

namespace linnet {
namespace {

using Values = std::vector<float>;

constexpr Grid kGrid{4, 3};
constexpr std::int64_t kInputs = 2, kOutputs = 3;

class ConvolutionTest : public testing::Test {
 protected:
  // What the file's convolution makes of rows that count up.
  Values run(ConvolutionShape shape) {
    file_.tensor("a.weight", {shape.side, shape.side, kInputs, kOutputs}).tensor("a.bias", {3});
    Backend& backend = file_.backend();
    WeightLoader loader(file_.file(), backend);
    const Convolution convolution(loader, "a", kInputs, kOutputs, shape);
    EXPECT_FALSE(loader.failed()) << loader.finish().error().message;
    const std::int64_t floats = convolution.workspace_floats(kGrid);
    Workspace workspace(
        std::move(*backend.allocate(floats + Workspace::floats_for(kGrid.area(), kInputs, 1))));
    const View in = workspace.view(kGrid.area(), kInputs);
    backend.upload(in_, in.data);
    const View out = convolution.run(backend, workspace, in, kGrid);
    Values values(static_cast<std::size_t>(out.rows * out.columns));
    backend.download(out, values.data());
    return values;
  }

  // The same by the definition.
  Values expected(ConvolutionShape shape) {
    const Values weights = file_.values("a.weight"), bias = file_.values("a.bias");
    Values out;
    const Grid size = shape.behind(kGrid);
    for (int y = 0; y < size.height; ++y) {
      for (int x = 0; x < size.width; ++x) {
        for (std::int64_t o = 0; o < kOutputs; ++o) {
          float sum = bias[static_cast<std::size_t>(o)];
          for (std::int64_t c = 0; c < kInputs; ++c) {
            for (int dy = 0; dy < shape.side; ++dy) {
              for (int dx = 0; dx < shape.side; ++dx) {
                const std::int64_t w = ((o * kInputs + c) * shape.side + dy) * shape.side + dx;
                sum += weights[static_cast<std::size_t>(w)] *
                       at(x * shape.stride - shape.zeros_before(kGrid.width) + dx,
                          y * shape.stride - shape.zeros_before(kGrid.height) + dy, c);
              }
            }
          }
          out.push_back(sum);
        }
      }
    }
    return out;
  }

  float at(int x, int y, std::int64_t column) const {
    if (x < 0 || y < 0 || x >= kGrid.width || y >= kGrid.height) return 0.0f;
    return in_[static_cast<std::size_t>((y * kGrid.width + x) * kInputs + column)];
  }

  static Values counting() {
    Values values;
    for (int i = 0; i < kGrid.area() * kInputs; ++i)
      values.push_back(0.25f * static_cast<float>(i));
    return values;
  }

  test::TensorFile file_;
  const Values in_ = counting();
};

TEST_F(ConvolutionTest, KeepsTheGrid) {
  const Values got = run({});
  EXPECT_EQ(ConvolutionShape{}.behind(kGrid), kGrid);
  EXPECT_THAT(got, testing::Pointwise(testing::FloatNear(1e-4f), expected({})));
}

TEST_F(ConvolutionTest, OfStrideTwo) {
  const ConvolutionShape shape{.stride = 2};
  const Values got = run(shape);
  EXPECT_EQ(shape.behind(kGrid), (Grid{2, 2}));
  EXPECT_THAT(got, testing::Pointwise(testing::FloatNear(1e-4f), expected(shape)));
}

TEST_F(ConvolutionTest, WithoutPadding) {
  const ConvolutionShape shape{.side = 2, .padding = 0};
  const Values got = run(shape);
  EXPECT_EQ(shape.behind(kGrid), (Grid{3, 2}));
  EXPECT_THAT(got, testing::Pointwise(testing::FloatNear(1e-4f), expected(shape)));
}

// 4 x 3 places and squares of 3: one column of zeros behind, one row of zeros before and behind.
TEST_F(ConvolutionTest, CoversAllOfTheGrid) {
  const ConvolutionShape shape{.stride = 2, .covers_all = true};
  EXPECT_EQ(shape.zeros_before(kGrid.width), 0);
  EXPECT_EQ(shape.zeros_before(kGrid.height), 1);
  EXPECT_EQ(shape.behind(kGrid), (Grid{2, 2}));
  const auto rows = rows_by_tap(shape, kGrid);
  ASSERT_EQ(rows.size(), 9u);
  EXPECT_EQ(rows[0], (std::vector<std::int32_t>{12, 12, 4, 6}));
  EXPECT_EQ(rows[8], (std::vector<std::int32_t>{6, 12, 12, 12}));
  const Values got = run(shape);
  EXPECT_THAT(got, testing::Pointwise(testing::FloatNear(1e-4f), expected(shape)));
}

// Squares of more rows than are put side by side at once.
TEST_F(ConvolutionTest, OfManyRows) {
  constexpr Grid kLarge{700, 100};
  file_.tensor("a.weight", {3, 3, kInputs, 1}, Values(9 * kInputs, 1.0f));
  WeightLoader loader(file_.file(), file_.backend());
  const Convolution convolution(loader, "a", kInputs, 1, {});
  const std::int64_t floats = convolution.workspace_floats(kLarge);
  EXPECT_LT(floats, kLarge.area() * 9 * kInputs);
  Workspace workspace(std::move(*file_.backend().allocate(floats)));
  const Values ones(static_cast<std::size_t>(kLarge.area() * kInputs), 1.0f);
  const auto buffer = file_.backend().allocate(std::ssize(ones));
  file_.backend().upload(ones, (*buffer)->data());
  const View in{(*buffer)->data(), kLarge.area(), kInputs, kInputs};
  const View out = convolution.run(file_.backend(), workspace, in, kLarge);
  for (std::int64_t r = 0; r < out.rows; ++r) {
    const std::int64_t x = r % kLarge.width, y = r / kLarge.width;
    const bool at_side = x == 0 || x == kLarge.width - 1, at_end = y == 0 || y == 99;
    ASSERT_EQ(*out.row(r), kInputs * (at_side ? 2 : 3) * (at_end ? 2 : 3)) << r;
  }
}

TEST_F(ConvolutionTest, WeightsOfAnotherShapeAreAnError) {
  file_.tensor("a.weight", {3, 3, 2, 2});
  WeightLoader loader(file_.file(), file_.backend());
  const Convolution convolution(loader, "a", kInputs, kOutputs, {});
  EXPECT_THAT(loader.finish().error().message,
              testing::HasSubstr("tensor a.weight has shape [3, 3, 2, 2]"));
}

}  // namespace
}  // namespace linnet
