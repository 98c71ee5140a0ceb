#include <gtest/gtest.h>

#include "model/blocks/recurrent_case.hpp"

namespace linnet {
namespace {

using test::Row;
using test::Rows;

constexpr std::int64_t kWidth = 6, kRows = 16;
constexpr int kHeads = 4, kKeyHeads = 2, kKey = 5, kValue = 3, kKernel = 4;
constexpr int kKeys = kKeyHeads * kKey, kValues = kHeads * kValue;
constexpr int kConvolved = 2 * kKeys + kValues;

class DeltaNetTest : public testing::Test {
 protected:
  DeltaNetTest() {
    block_.file.tensor("blk.0.ssm_conv1d.weight", {kKernel, kConvolved})
        .tensor("blk.0.ssm_dt.bias", {kHeads})
        .tensor("blk.0.ssm_a", {kHeads}, test::negative_floats(kHeads, 3))
        .tensor("blk.0.ssm_norm.weight", {kValue})
        .tensor("blk.0.ssm_out.weight", {kValues, kWidth});
  }
  // https://arxiv.org/abs/2412.06464, formula 10, in the block of figure 1, with what the
  // projections give; `gain` and `step` are of each head.
  Rows formula(const Rows& qkv, const Rows& gate, const Rows& gain, const Rows& step) {
    const Rows x = test::each(
        test::causal_convolution(qkv, block_.matrix("blk.0.ssm_conv1d.weight")), test::silu);
    const Row bias = block_.vector("blk.0.ssm_dt.bias"), rate = block_.vector("blk.0.ssm_a"),
              norm = block_.vector("blk.0.ssm_norm.weight");
    std::vector<Rows> states(kHeads, Rows(kKey, Row(kValue)));
    Rows y(kRows);
    for (std::size_t t = 0; t < kRows; ++t) {
      for (int h = 0; h < kHeads; ++h) {
        const std::int64_t shared =
            spec_.sharing == KeySharing::kCyclic ? h % kKeyHeads : h / (kHeads / kKeyHeads);
        const Row q = test::unit(test::columns(x[t], shared * kKey, kKey));
        const Row k = test::unit(test::columns(x[t], kKeys + shared * kKey, kKey));
        const Row v = test::columns(x[t], 2 * kKeys + h * kValue, kValue);
        const double alpha = std::exp(rate[h] * test::softplus(step[t][h] + bias[h]));
        const double beta = test::sigmoid(gain[t][h]);
        const Rows kept = alpha * states[h];
        const Row change = beta * (v + -1.0 * test::read_state(kept, k));
        states[h] = kept + test::outer(k, change);
        const Row out = test::rms_norm(1.0 / std::sqrt(1.0 * kKey) * test::read_state(states[h], q),
                                       norm, 1e-5);
        y[t].insert(y[t].end(), out.begin(), out.end());
      }
    }
    return test::product(test::times(y, test::each(gate, test::silu)),
                         block_.matrix("blk.0.ssm_out.weight"));
  }
  Rows product(const std::string& tensor) {
    return test::product(block_.input(), block_.matrix("blk.0." + tensor + ".weight"));
  }

  DeltaNetSpec spec_{.heads = kHeads,
                     .key_heads = kKeyHeads,
                     .key_width = kKey,
                     .value_width = kValue,
                     .kernel = kKernel};
  test::RecurrentCase block_{kWidth, kRows};
};

TEST_F(DeltaNetTest, IsTheGatedDeltaRule) {
  block_.file.tensor("blk.0.attn_qkv.weight", {kWidth, kConvolved})
      .tensor("blk.0.attn_gate.weight", {kWidth, kValues})
      .tensor("blk.0.ssm_beta.weight", {kWidth, kHeads})
      .tensor("blk.0.ssm_alpha.weight", {kWidth, kHeads});
  for (const KeySharing sharing : {KeySharing::kBlocks, KeySharing::kCyclic}) {
    spec_.sharing = sharing;
    block_.run(spec_);
    test::expect_near(block_.out, formula(product("attn_qkv"), product("attn_gate"),
                                          product("ssm_beta"), product("ssm_alpha")));
  }
}

// Qwen3-Next's files: query, key, values and gates of each key head side by side, and so gain and
// step.
TEST_F(DeltaNetTest, OlderFilesHaveThePartsOfAHeadTogether) {
  constexpr int kShared = kHeads / kKeyHeads;
  block_.file.tensor("blk.0.ssm_in.weight", {kWidth, kConvolved + kValues})
      .tensor("blk.0.ssm_ba.weight", {kWidth, 2 * kHeads});
  block_.run(spec_);
  const Rows in = product("ssm_in"), ba = product("ssm_ba");
  const auto gather = [&](const Rows& from, int first, int count, int step) {
    Rows out(kRows);
    for (std::size_t t = 0; t < kRows; ++t) {
      for (int h = 0; h < kKeyHeads; ++h) {
        const Row part = test::columns(from[t], h * step + first, count);
        out[t].insert(out[t].end(), part.begin(), part.end());
      }
    }
    return out;
  };
  constexpr int kStep = 2 * kKey + 2 * kShared * kValue;
  Rows qkv = gather(in, 0, kKey, kStep);
  for (const Rows& part :
       {gather(in, kKey, kKey, kStep), gather(in, 2 * kKey, kShared * kValue, kStep)}) {
    for (std::size_t t = 0; t < kRows; ++t) {
      qkv[t].insert(qkv[t].end(), part[t].begin(), part[t].end());
    }
  }
  const Rows gate = gather(in, 2 * kKey + kShared * kValue, kShared * kValue, kStep);
  test::expect_near(block_.out, formula(qkv, gate, gather(ba, 0, kShared, 2 * kShared),
                                        gather(ba, kShared, kShared, 2 * kShared)));
}

}  // namespace
}  // namespace linnet
