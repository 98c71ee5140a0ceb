#include <gtest/gtest.h>

#include "model/blocks/recurrent_case.hpp"

namespace linnet {
namespace {

using test::Rows;

// https://www.liquid.ai/blog/liquid-foundation-models-v2: c * convolution(b * x).
TEST(ShortConvolutionTest, IsTheFormula) {
  constexpr std::int64_t kWidth = 6, kRows = 16, kColumns = 5;
  test::RecurrentCase block(kWidth, kRows);
  block.file.tensor("blk.0.shortconv.in_proj.weight", {kWidth, 3 * kColumns})
      .tensor("blk.0.shortconv.out_proj.weight", {kColumns, kWidth})
      .tensor("blk.0.shortconv.conv.weight", {3, kColumns});
  block.run(ShortConvolutionSpec{.columns = kColumns, .kernel = 3});

  const auto all = test::product(block.input(), block.matrix("blk.0.shortconv.in_proj.weight"));
  const Rows b = test::columns(all, 0, kColumns), c = test::columns(all, kColumns, kColumns),
             x = test::columns(all, 2 * kColumns, kColumns);
  const Rows convolved =
      test::causal_convolution(test::times(b, x), block.matrix("blk.0.shortconv.conv.weight"));
  test::expect_near(block.out, test::product(test::times(c, convolved),
                                             block.matrix("blk.0.shortconv.out_proj.weight")));
}

}  // namespace
}  // namespace linnet
