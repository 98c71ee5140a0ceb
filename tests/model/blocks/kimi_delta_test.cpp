#include <gtest/gtest.h>

#include "model/blocks/recurrent_case.hpp"

namespace linnet {
namespace {

using test::Row;
using test::Rows;

constexpr std::int64_t kWidth = 6, kRows = 16;
constexpr int kHeads = 3, kHead = 4, kKernel = 3, kInner = kHeads * kHead;

class KimiDeltaTest : public testing::Test {
 protected:
  KimiDeltaTest() {
    for (const char* part : {"q", "k", "v"}) {
      const std::string name(part);
      block_.file.tensor("blk.0.attn_" + name + ".weight", {kWidth, kInner})
          .tensor("blk.0.ssm_conv1d_" + name + ".weight", {kKernel, kInner});
    }
    block_.file.tensor("blk.0.ssm_beta.weight", {kWidth, kHeads})
        .tensor("blk.0.ssm_f_a.weight", {kWidth, kHead})
        .tensor("blk.0.ssm_f_b.weight", {kHead, kInner})
        .tensor("blk.0.ssm_dt.bias", {kInner})
        .tensor("blk.0.ssm_a", {kHeads}, test::negative_floats(kHeads, 3))
        .tensor("blk.0.ssm_g.weight", {kWidth, kInner})
        .tensor("blk.0.ssm_norm.weight", {kHead})
        .tensor("blk.0.attn_output.weight", {kInner, kWidth});
  }
  Rows product(const Rows& x, const std::string& tensor) {
    return test::product(x, block_.matrix("blk.0." + tensor + ".weight"));
  }
  Rows convolved(const std::string& part) {
    return test::each(
        test::causal_convolution(product(block_.input(), "attn_" + part),
                                 block_.matrix("blk.0.ssm_conv1d_" + part + ".weight")),
        test::silu);
  }
  // https://arxiv.org/abs/2510.26692, formula 1 and section 4: `decay` of a column's rate and step.
  template <class Decay>
  Rows formula(Decay&& decay) {
    const Rows q = convolved("q"), k = convolved("k"), v = convolved("v");
    const Rows gain = test::each(product(block_.input(), "ssm_beta"), test::sigmoid);
    const Rows step = product(product(block_.input(), "ssm_f_a"), "ssm_f_b") +
                      Rows(kRows, block_.vector("blk.0.ssm_dt.bias"));
    const Row rate = block_.vector("blk.0.ssm_a");
    std::vector<Rows> states(kHeads, Rows(kHead, Row(kHead)));
    Rows y(kRows);
    for (std::size_t t = 0; t < kRows; ++t) {
      for (int h = 0; h < kHeads; ++h) {
        const auto head = [&](const Rows& x) { return test::columns(x[t], h * kHead, kHead); };
        const Row key = test::unit(head(k));
        const Row alpha =
            test::each(head(step), [&](double value) { return decay(rate[h], value); });
        const Rows kept = test::decayed(alpha, states[h]);
        const Row change = gain[t][h] * (head(v) + -1.0 * test::read_state(kept, key));
        states[h] = kept + test::outer(key, change);
        const Row out =
            test::rms_norm(0.5 * test::read_state(states[h], test::unit(head(q))),  // sqrt(kHead)
                           block_.vector("blk.0.ssm_norm.weight"), 1e-5);
        y[t].insert(y[t].end(), out.begin(), out.end());
      }
    }
    const Rows gate = test::each(product(block_.input(), "ssm_g"), test::sigmoid);
    return product(test::times(y, gate), "attn_output");
  }

  KimiDeltaSpec spec_{.heads = kHeads, .head_width = kHead, .kernel = kKernel};
  test::RecurrentCase block_{kWidth, kRows};
};

TEST_F(KimiDeltaTest, IsTheDeltaRuleWithADecayForEachKeyColumn) {
  block_.run(spec_);
  test::expect_near(block_.out, formula([](double rate, double step) {
                      return std::exp(rate * test::softplus(step));
                    }));
}

// Kimi K3.
TEST_F(KimiDeltaTest, DecaysMayBeBounded) {
  spec_.bound = -5.0f;
  spec_.rate_sign = -1.0f;
  block_.run(spec_);
  test::expect_near(block_.out, formula([](double rate, double step) {
                      return std::exp(-5.0 * test::sigmoid(-rate * step));
                    }));
}

}  // namespace
}  // namespace linnet
