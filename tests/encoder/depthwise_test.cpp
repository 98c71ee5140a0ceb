#include "encoder/depthwise.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/given_rows.hpp"
#include "support/random_floats.hpp"
#include "support/tensor_file.hpp"

namespace linnet {
namespace {

using Values = std::vector<float>;

class DepthwiseTest : public testing::Test {
 protected:
  // What the file's convolution makes of random rows.
  Values run(Backend& backend, ConvolutionShape shape) {
    WeightLoader loader(file_.file(), backend);
    const DepthwiseConvolution convolution(loader, "a", columns_, shape);
    EXPECT_FALSE(loader.failed()) << loader.finish().error().message;
    const std::int64_t behind = shape.behind(grid_).area();
    Workspace workspace(
        std::move(*backend.allocate(DepthwiseConvolution::padded_floats(columns_, behind) +
                                    Workspace::floats_for(grid_.area() + 1, columns_, 1))));
    const View in = workspace.view(grid_.area() + 1, columns_);
    backend.upload(in_, in.data);
    backend.fill(some_rows(in, grid_.area(), 1), 0.0f);
    const View out = workspace.view(behind, columns_);
    convolution.run_padded(backend, workspace, in.first_rows(grid_.area()), grid_, out);
    Values values(static_cast<std::size_t>(out.rows * out.columns));
    backend.download(out, values.data());
    return values;
  }

  // The same by the definition.
  Values expected(ConvolutionShape shape) {
    const Values weights = file_.values("a.weight");
    const Grid behind = shape.behind(grid_);
    Values out;
    for (std::int64_t i = 0; i < behind.area() * columns_; ++i) {
      const auto column = static_cast<int>(i % columns_), place = static_cast<int>(i / columns_);
      float sum = 0.0f;
      for (int tap = 0; tap < shape.side * shape.side; ++tap) {
        const int y = place / behind.width * shape.stride - shape.zeros_before(grid_.height) +
                      tap / shape.side;
        const int x = place % behind.width * shape.stride - shape.zeros_before(grid_.width) +
                      tap % shape.side;
        if (x < 0 || y < 0 || x >= grid_.width || y >= grid_.height) continue;
        sum += weights[static_cast<std::size_t>(column * shape.side * shape.side + tap)] *
               in_[static_cast<std::size_t>((y * grid_.width + x) * columns_ + column)];
      }
      out.push_back(sum);
    }
    return out;
  }

  void expect_definition(ConvolutionShape shape) {
    file_.tensor("a.weight", {shape.side, shape.side, 1, columns_});
    in_ = test::random_floats(grid_.area() * columns_, 7);
    const auto cpu = make_cpu_backend(2);
    const Values want = expected(shape);
    EXPECT_THAT(run(file_.backend(), shape), testing::Pointwise(testing::FloatNear(1e-5f), want));
    EXPECT_THAT(run(*cpu, shape), testing::Pointwise(testing::FloatNear(1e-5f), want));
  }

  test::TensorFile file_;
  Grid grid_{4, 3};
  std::int64_t columns_ = 3;
  Values in_;
};

TEST_F(DepthwiseTest, KeepsTheGrid) { expect_definition({.side = 3, .covers_all = true}); }

TEST_F(DepthwiseTest, OfStrideTwo) {
  expect_definition({.side = 5, .stride = 2, .covers_all = true});
}

// More of them than are summed up at once.
TEST_F(DepthwiseTest, OfManyRows) {
  grid_ = {80, 60};
  columns_ = 96;
  expect_definition({.side = 3, .stride = 1, .covers_all = true});
}

TEST_F(DepthwiseTest, WeightsOfAnotherShapeAreAnError) {
  file_.tensor("a.weight", {3, 3, 1, 4});
  WeightLoader loader(file_.file(), file_.backend());
  const DepthwiseConvolution convolution(loader, "a", 3, {.covers_all = true});
  EXPECT_THAT(loader.finish().error().message,
              testing::HasSubstr("tensor a.weight has shape [3, 3, 1, 4]"));
}

}  // namespace
}  // namespace linnet
