#include "model/blocks/latent_attention.hpp"

#include <gtest/gtest.h>

#include "model/blocks/block_case.hpp"
#include "model/blocks/plain_attention.hpp"

namespace linnet {
namespace {

using test::Row;
using test::Rows;

constexpr std::int64_t kWidth = 8, kRows = 48;
constexpr int kHeads = 3, kRank = 7, kLatent = 10, kPlain = 4, kTurned = 4, kValue = 5;
constexpr double kEpsilon = 1e-5, kScale = 0.35;

double angle(std::int64_t pair, std::size_t row) {
  return static_cast<double>(row) * (pair == 0 ? 1.0 : 0.1f);
}

// https://arxiv.org/abs/2405.04434, appendix C.
class LatentAttentionTest : public testing::TestWithParam<bool> {
 protected:
  LatentAttentionTest() {
    spec_.heads = kHeads;
    spec_.query_rank = kRank;
    spec_.latent_width = kLatent;
    spec_.plain_width = kPlain;
    spec_.rope_width = kTurned;
    spec_.value_width = kValue;
    spec_.scale = static_cast<float>(kScale);
    spec_.rope.layout = RopeLayout::kSplitHalf;
    spec_.rope.dims = kTurned;
    spec_.rope.inverse_frequencies = {1.0f, 0.1f};
    spec_.absorbed = GetParam();
  }

  // Both forms of the same up-projections: W_UK and W_UV of each head.
  void add_up_projections() {
    const std::vector<float> keys = test::random_floats(kHeads * kPlain * kLatent, 31);
    const std::vector<float> values = test::random_floats(kHeads * kValue * kLatent, 32);
    key_up_ = test::rows_of(keys, kLatent);
    value_up_ = test::rows_of(values, kLatent);
    std::vector<float> transposed, together;
    for (int h = 0; h < kHeads; ++h) {
      for (int l = 0; l < kLatent; ++l) {
        for (int c = 0; c < kPlain; ++c) {
          transposed.push_back(keys[(h * kPlain + c) * kLatent + l]);
        }
      }
      const auto append = [&](const std::vector<float>& from, int rows) {
        const auto first = from.begin() + h * rows * kLatent;
        together.insert(together.end(), first, first + rows * kLatent);
      };
      append(keys, kPlain);
      append(values, kValue);
    }
    if (spec_.absorbed) {
      case_.file.tensor("blk.0.attn_k_b.weight", {kPlain, kLatent, kHeads}, transposed)
          .tensor("blk.0.attn_v_b.weight", {kLatent, kValue, kHeads}, values);
    } else {
      case_.file.tensor("blk.0.attn_kv_b.weight", {kLatent, kHeads * (kPlain + kValue)}, together);
    }
  }
  void add_others() {
    case_.file.tensor("blk.0.attn_q_a.weight", {kWidth, kRank})
        .tensor("blk.0.attn_q_a_norm.weight", {kRank})
        .tensor("blk.0.attn_q_b.weight", {kRank, kHeads * (kPlain + kTurned)})
        .tensor("blk.0.attn_kv_a_mqa.weight", {kWidth, kLatent + kTurned})
        .tensor("blk.0.attn_kv_a_norm.weight", {kLatent})
        .tensor("blk.0.attn_output.weight", {kHeads * kValue, kWidth});
  }

  void run(std::int64_t chunk = 0) {
    case_.kv_layers = {latent_kv_shape(spec_)};
    const LatentAttentionWeights weights = case_.load([&](WeightLoader& loader) {
      return load_latent_attention(loader, spec_, kWidth, "blk.0");
    });
    case_.run(
        latent_attention_columns(spec_),
        [&](const Pass& pass, View in, View out) {
          latent_attention_block(pass, spec_, weights, 0, in, out, false);
        },
        chunk);
  }
  Rows product(const Rows& x, const std::string& tensor) {
    return test::product(x, case_.matrix("blk.0." + tensor + ".weight"));
  }
  Rows normed(const Rows& x, const std::string& tensor) {
    return test::rms_norm(x, case_.vector("blk.0." + tensor + ".weight"), kEpsilon);
  }

  // The formulas with keys and values of all heads, before the output's projection.
  Rows plain() {
    const Rows low = normed(product(case_.input(), "attn_q_a"), "attn_q_a_norm");
    const Rows query =
        test::turn(product(low, "attn_q_b"), kPlain + kTurned, kPlain, kTurned, angle);
    const Rows all = product(case_.input(), "attn_kv_a_mqa");
    const Rows latent = normed(test::columns(all, 0, kLatent), "attn_kv_a_norm");
    const Rows turned =
        test::turn(test::columns(all, kLatent, kTurned), kTurned, 0, kTurned, angle);
    const Rows plain_keys = test::product(latent, key_up_);
    Rows keys(kRows);
    for (std::size_t r = 0; r < kRows; ++r) {
      for (int h = 0; h < kHeads; ++h) {
        const Row own = test::columns(plain_keys[r], h * kPlain, kPlain);
        keys[r].insert(keys[r].end(), own.begin(), own.end());
        keys[r].insert(keys[r].end(), turned[r].begin(), turned[r].end());
      }
    }
    return attend_(query, keys, test::product(latent, value_up_));
  }

  LatentAttentionSpec spec_;
  Rows key_up_, value_up_;  // [heads * plain][latent], [heads * value][latent]
  test::PlainAttention attend_{.heads = kHeads, .kv_heads = kHeads, .scale = kScale};
  test::BlockCase case_{kWidth, kRows};
};

TEST_P(LatentAttentionTest, IsAttentionToExpandedKeysAndValues) {
  add_others();
  add_up_projections();
  run();
  test::expect_near(case_.out, product(plain(), "attn_output"));
}

TEST_P(LatentAttentionTest, BatchesGoOnWhereTheOneBeforeEnded) {
  add_others();
  add_up_projections();
  run();
  const std::vector<float> whole = case_.out;
  run(/*chunk=*/4);
  EXPECT_EQ(case_.out, whole);
}

TEST_P(LatentAttentionTest, InAWindowWithAGateOfColumns) {
  add_others();
  add_up_projections();
  case_.file.tensor("blk.0.attn_gate.weight", {kWidth, kHeads * kValue});
  spec_.window = 4;
  attend_.sees = [](int q, int k) { return k <= q && k > q - 4; };
  run();
  const Rows gate = test::each(product(case_.input(), "attn_gate"), test::sigmoid);
  test::expect_near(case_.out, product(test::times(plain(), gate), "attn_output"));
}

INSTANTIATE_TEST_SUITE_P(Forms, LatentAttentionTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "Absorbed" : "Expanded"; });

TEST(LatentKvShapeTest, LatentsOrHeads) {
  LatentAttentionSpec spec;
  spec.heads = 8;
  spec.latent_width = 48;
  spec.plain_width = 16;
  spec.rope_width = 24;
  spec.value_width = 20;
  const KvLayerShape expanded = latent_kv_shape(spec);
  EXPECT_EQ(expanded.heads, 8);
  EXPECT_EQ(expanded.key_width, 40);
  EXPECT_EQ(expanded.value_width, 20);
  spec.absorbed = true;
  const KvLayerShape absorbed = latent_kv_shape(spec);
  EXPECT_EQ(absorbed.heads, 1);
  EXPECT_EQ(absorbed.key_width, 72);
  EXPECT_EQ(absorbed.value_width, 0);
}

}  // namespace
}  // namespace linnet
