#include <gtest/gtest.h>

#include "model/blocks/recurrent_case.hpp"

namespace linnet {
namespace {

using test::Row;
using test::Rows;

constexpr std::int64_t kWidth = 6, kRows = 16;
constexpr int kInner = 8, kState = 4, kKernel = 3, kRank = 2;

class MambaTest : public testing::Test {
 protected:
  MambaTest() {
    block_.file.tensor("blk.0.ssm_in.weight", {kWidth, 2 * kInner})
        .tensor("blk.0.ssm_conv1d.weight", {kKernel, kInner})
        .tensor("blk.0.ssm_conv1d.bias", {kInner})
        .tensor("blk.0.ssm_x.weight", {kInner, kRank + 2 * kState})
        .tensor("blk.0.ssm_dt.weight", {kRank, kInner})
        .tensor("blk.0.ssm_dt.bias", {kInner})
        .tensor("blk.0.ssm_a", {kState, kInner}, test::negative_floats(kState * kInner, 3))
        .tensor("blk.0.ssm_d", {kInner})
        .tensor("blk.0.ssm_out.weight", {kInner, kWidth});
  }
  Rows product(const Rows& x, const std::string& tensor) {
    return test::product(x, block_.matrix("blk.0." + tensor + ".weight"));
  }
  Rows normed(const Rows& x, const std::string& tensor) {
    if (!has_norms_) return x;
    return test::rms_norm(x, block_.vector("blk.0." + tensor + ".weight"), 1e-5);
  }

  // https://arxiv.org/abs/2312.00752, algorithm 2, in the block of figure 3.
  Rows formula() {
    const Rows both = product(block_.input(), "ssm_in");
    const Rows x = test::each(test::causal_convolution(test::columns(both, 0, kInner),
                                                       block_.matrix("blk.0.ssm_conv1d.weight"),
                                                       block_.vector("blk.0.ssm_conv1d.bias")),
                              test::silu);
    const Rows all = product(x, "ssm_x");
    const Rows b = normed(test::columns(all, kRank, kState), "ssm_b_norm");
    const Rows c = normed(test::columns(all, kRank + kState, kState), "ssm_c_norm");
    const Rows low = normed(test::columns(all, 0, kRank), "ssm_dt_norm");
    const Rows step = test::each(
        product(low, "ssm_dt") + Rows(kRows, block_.vector("blk.0.ssm_dt.bias")), test::softplus);

    const Rows a = block_.matrix("blk.0.ssm_a");  // [inner][state]
    const Row d = block_.vector("blk.0.ssm_d");
    Rows state(kInner, Row(kState)), y(kRows, Row(kInner));
    for (std::size_t t = 0; t < kRows; ++t) {
      for (std::size_t i = 0; i < kInner; ++i) {
        const double dt = step[t][i];
        const Row keep = test::each(dt * a[i], [](double rate) { return std::exp(rate); });
        state[i] = test::times(keep, state[i]) + dt * x[t][i] * b[t];
        y[t][i] = test::dot(state[i], c[t]) + d[i] * x[t][i];
      }
    }
    const Rows gate = test::each(test::columns(both, kInner, kInner), test::silu);
    return product(test::times(y, gate), "ssm_out");
  }

  MambaSpec spec_{.inner = kInner, .state_width = kState, .kernel = kKernel, .step_rank = kRank};
  bool has_norms_ = false;
  test::RecurrentCase block_{kWidth, kRows};
};

TEST_F(MambaTest, IsTheSelectiveScan) {
  block_.run(spec_);
  test::expect_near(block_.out, formula());
}

// Jamba normalises step, input and output (https://arxiv.org/abs/2403.19887, section 6.4).
TEST_F(MambaTest, WithTheNormsOfJamba) {
  has_norms_ = true;
  block_.file.tensor("blk.0.ssm_dt_norm.weight", {kRank})
      .tensor("blk.0.ssm_b_norm.weight", {kState})
      .tensor("blk.0.ssm_c_norm.weight", {kState});
  block_.run(spec_);
  test::expect_near(block_.out, formula());
}

}  // namespace
}  // namespace linnet
