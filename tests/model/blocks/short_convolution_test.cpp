#include <gtest/gtest.h>

#include "model/blocks/recurrent_case.hpp"

namespace linnet {
namespace {

using test::Rows;

constexpr std::int64_t kWidth = 6, kRows = 16, kColumns = 5;
const std::string kConvolution = "blk.0.shortconv.conv.weight";

// https://www.liquid.ai/blog/liquid-foundation-models-v2: c * convolution(b * x).
class ShortConvolutionTest : public testing::Test {
 protected:
  void run(ShortConvolutionSpec spec) {
    spec.columns = kColumns;
    block_.file.tensor("blk.0.shortconv.in_proj.weight", {kWidth, 3 * kColumns})
        .tensor("blk.0.shortconv.out_proj.weight", {kColumns, kWidth})
        .tensor(kConvolution, {spec.kernel, kColumns});
    block_.run(spec);
    const auto all = test::product(block_.input(), block_.matrix("blk.0.shortconv.in_proj.weight"));
    b_times_x_ =
        test::times(test::columns(all, 0, kColumns), test::columns(all, 2 * kColumns, kColumns));
    c_ = test::columns(all, kColumns, kColumns);
  }
  void expect(const Rows& convolved) {
    test::expect_near(block_.out, test::product(test::times(c_, convolved),
                                                block_.matrix("blk.0.shortconv.out_proj.weight")));
  }

  test::RecurrentCase block_{kWidth, kRows};
  Rows b_times_x_, c_;
};

TEST_F(ShortConvolutionTest, LooksBack) {
  run({.kernel = 3});
  expect(test::causal_convolution(b_times_x_, block_.matrix(kConvolution)));
}

// y[t] = sum over i of weight[i] * x[t - reach + i], within a text.
TEST_F(ShortConvolutionTest, LooksAheadAsFarAsBack) {
  constexpr std::ptrdiff_t kReach = 2, kTexts = 2, kLength = kRows / kTexts;
  block_.causal = false;
  block_.texts = kTexts;
  run({.kernel = 2 * kReach + 1, .centred = true});
  const Rows weight = block_.matrix(kConvolution);
  Rows convolved = 0.0 * b_times_x_;
  for (std::ptrdiff_t t = 0; t < kRows; ++t) {
    for (std::ptrdiff_t from = t - kReach; from <= t + kReach; ++from) {
      if (from < 0 || from >= kRows || from / kLength != t / kLength) continue;
      for (std::size_t c = 0; c < kColumns; ++c) {
        convolved[t][c] += weight[c][from - t + kReach] * b_times_x_[from][c];
      }
    }
  }
  expect(convolved);
}

}  // namespace
}  // namespace linnet
