#include "model/blocks/mlp.hpp"

#include <gtest/gtest.h>

#include "model/blocks/block_case.hpp"

namespace linnet {
namespace {

using test::Row;
using test::Rows;

constexpr std::int64_t kWidth = 6, kRows = 16;
constexpr int kInner = 10;

double relu(double x) { return std::max(x, 0.0); }

class MlpTest : public testing::Test {
 protected:
  MlpTest() { spec_.width = kInner; }

  void run(std::string_view suffix = "", bool accumulate = false) {
    const MlpWeights weights = case_.load([&](WeightLoader& loader) {
      return load_mlp(loader, spec_, case_.model, "blk.0", suffix);
    });
    case_.run(mlp_columns(spec_, case_.model), [&](const Pass& pass, View in, View out) {
      mlp_block(pass, spec_, weights, in, out, accumulate);
    });
  }
  Rows product(const Rows& x, const std::string& tensor) {
    return test::product(x, case_.matrix("blk.0." + tensor + ".weight"));
  }
  // silu(gate(x)) * up(x)
  Rows inner() {
    return test::times(test::each(product(case_.input(), "ffn_gate"), test::silu),
                       product(case_.input(), "ffn_up"));
  }
  void add_three() {
    case_.file.tensor("blk.0.ffn_gate.weight", {kWidth, kInner})
        .tensor("blk.0.ffn_up.weight", {kWidth, kInner})
        .tensor("blk.0.ffn_down.weight", {kInner, kWidth});
  }

  MlpSpec spec_;
  test::BlockCase case_{kWidth, kRows};
};

// https://arxiv.org/abs/2002.05202, formula 6.
TEST_F(MlpTest, GatedBySilu) {
  add_three();
  run();
  test::expect_near(case_.out, product(inner(), "ffn_down"));
}

TEST_F(MlpTest, AccumulatesWhatIsThere) {
  add_three();
  case_.out = test::random_floats(kRows * kWidth, 3);
  const Rows before = case_.output();
  run("", /*accumulate=*/true);
  test::expect_near(case_.out, before + product(inner(), "ffn_down"));
}

TEST_F(MlpTest, TheSuffixIsOfAllNames) {
  case_.file.tensor("blk.0.ffn_gate_shexp.weight", {kWidth, kInner})
      .tensor("blk.0.ffn_up_shexp.weight", {kWidth, kInner})
      .tensor("blk.0.ffn_down_shexp.weight", {kInner, kWidth});
  run("_shexp");
  const Rows inner = test::times(test::each(product(case_.input(), "ffn_gate_shexp"), test::silu),
                                 product(case_.input(), "ffn_up_shexp"));
  test::expect_near(case_.out, product(inner, "ffn_down_shexp"));
}

TEST_F(MlpTest, GateAndUpMayBeOne) {
  case_.file.tensor("blk.0.ffn_up.weight", {kWidth, 2 * kInner})
      .tensor("blk.0.ffn_down.weight", {kInner, kWidth});
  run();
  const Rows both = product(case_.input(), "ffn_up");
  const Rows inner = test::times(test::each(test::columns(both, 0, kInner), test::silu),
                                 test::columns(both, kInner, kInner));
  test::expect_near(case_.out, product(inner, "ffn_down"));
}

TEST_F(MlpTest, WithoutAGate) {
  case_.file.tensor("blk.0.ffn_up.weight", {kWidth, kInner})
      .tensor("blk.0.ffn_down.weight", {kInner, kWidth});
  spec_.gate.activation = Activation::kRelu;
  run();
  test::expect_near(case_.out,
                    product(test::each(product(case_.input(), "ffn_up"), relu), "ffn_down"));
}

TEST_F(MlpTest, OldTowersHaveTheNamesTheOtherWayRound) {
  case_.file.tensor("blk.0.ffn_down.weight", {kWidth, kInner})
      .tensor("blk.0.ffn_up.weight", {kInner, kWidth});
  spec_.gate.activation = Activation::kRelu;
  spec_.exchanged_names = true;
  run();
  test::expect_near(case_.out,
                    product(test::each(product(case_.input(), "ffn_down"), relu), "ffn_up"));
}

// BitNet's norm, and the divisors of AWQ (MPT), before the last projection.
TEST_F(MlpTest, WhatGoesIntoTheLastProjectionIsDividedAndNormalised) {
  add_three();
  case_.file.tensor("blk.0.ffn_sub_norm.weight", {kInner})
      .tensor("blk.0.ffn.act.scales", {kInner}, {1, 2, 4, 8, 1, 2, 4, 8, 1, 2});
  run();
  const Row divisors = case_.vector("blk.0.ffn.act.scales");
  Rows x = test::each(inner(), Rows(kRows, divisors), std::divides<>());
  x = test::rms_norm(x, case_.vector("blk.0.ffn_sub_norm.weight"), 1e-5);
  test::expect_near(case_.out, product(x, "ffn_down"));
}

// Gemma 3n: of each row, what is more than so many deviations above the mean; else 0.
TEST_F(MlpTest, TheGateIsCutBelow) {
  add_three();
  spec_.top_k_deviations = 0.5f;
  run();
  Rows gates = product(case_.input(), "ffn_gate");
  for (Row& row : gates) {
    double mean = 0.0, squares = 0.0;
    for (const double x : row) mean += x / kInner;
    for (const double x : row) squares += (x - mean) * (x - mean);
    const double cut = mean + 0.5 * std::sqrt(squares / (kInner - 1));
    row = test::each(row, [&](double x) { return relu(x - cut); });
  }
  const Rows inner = test::times(test::each(gates, test::silu), product(case_.input(), "ffn_up"));
  test::expect_near(case_.out, product(inner, "ffn_down"));
}

TEST_F(MlpTest, TheActivationAlone) {
  spec_.projected = false;
  run();
  test::expect_near(case_.out, test::each(case_.input(), test::silu));
}

}  // namespace
}  // namespace linnet
