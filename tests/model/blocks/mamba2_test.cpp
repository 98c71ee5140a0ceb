#include <gtest/gtest.h>

#include "model/blocks/recurrent_case.hpp"

namespace linnet {
namespace {

using test::Row;
using test::Rows;

constexpr std::int64_t kWidth = 6, kRows = 16;
constexpr int kInner = 12, kHeads = 4, kGroups = 2, kState = 5, kKernel = 4;
constexpr int kHeadWidth = kInner / kHeads, kConvolved = kInner + 2 * kGroups * kState;

// https://arxiv.org/abs/2405.21060, the recurrence of section 2 in the block of section 7.
TEST(Mamba2Test, IsTheRecurrenceOfThePaper) {
  test::RecurrentCase block(kWidth, kRows);
  block.file.tensor("blk.0.ssm_in.weight", {kWidth, kInner + kConvolved + kHeads})
      .tensor("blk.0.ssm_conv1d.weight", {kKernel, kConvolved})
      .tensor("blk.0.ssm_conv1d.bias", {kConvolved})
      .tensor("blk.0.ssm_dt.bias", {kHeads})
      .tensor("blk.0.ssm_a", {1, kHeads}, test::negative_floats(kHeads, 3))
      .tensor("blk.0.ssm_d", {1, kHeads})
      .tensor("blk.0.ssm_norm.weight", {kInner / kGroups, kGroups})
      .tensor("blk.0.ssm_out.weight", {kInner, kWidth});
  block.run(Mamba2Spec{.inner = kInner,
                       .heads = kHeads,
                       .groups = kGroups,
                       .state_width = kState,
                       .kernel = kKernel});

  const Rows all = test::product(block.input(), block.matrix("blk.0.ssm_in.weight"));
  const Rows gate = test::each(test::columns(all, 0, kInner), test::silu);
  const Rows xbc = test::each(test::causal_convolution(test::columns(all, kInner, kConvolved),
                                                       block.matrix("blk.0.ssm_conv1d.weight"),
                                                       block.vector("blk.0.ssm_conv1d.bias")),
                              test::silu);
  const Row bias = block.vector("blk.0.ssm_dt.bias"), rate = block.vector("blk.0.ssm_a"),
            skip = block.vector("blk.0.ssm_d"), norm = block.vector("blk.0.ssm_norm.weight");
  std::vector<Rows> states(kHeads, Rows(kState, Row(kHeadWidth)));
  Rows y(kRows);
  for (std::size_t t = 0; t < kRows; ++t) {
    for (int h = 0; h < kHeads; ++h) {
      const std::int64_t group = h / (kHeads / kGroups);
      const Row x = test::columns(xbc[t], h * kHeadWidth, kHeadWidth);
      const Row b = test::columns(xbc[t], kInner + group * kState, kState);
      const Row c = test::columns(xbc[t], kInner + (kGroups + group) * kState, kState);
      const double dt = test::softplus(all[t][kInner + kConvolved + h] + bias[h]);
      states[h] = std::exp(dt * rate[h]) * states[h] + test::outer(b, dt * x);
      const Row out = test::read_state(states[h], c) + skip[h] * x;
      y[t].insert(y[t].end(), out.begin(), out.end());
    }
    y[t] = test::times(y[t], gate[t]);
    Row normed;
    for (int first = 0; first < kInner; first += kInner / kGroups) {
      const Row part = test::rms_norm(test::columns(y[t], first, kInner / kGroups),
                                      test::columns(norm, first, kInner / kGroups), 1e-5);
      normed.insert(normed.end(), part.begin(), part.end());
    }
    y[t] = normed;
  }
  test::expect_near(block.out, test::product(y, block.matrix("blk.0.ssm_out.weight")));
}

}  // namespace
}  // namespace linnet
