#include "model/blocks/compressed_attention.hpp"

#include <gtest/gtest.h>

#include "model/blocks/block_case.hpp"
#include "model/blocks/plain_attention.hpp"

namespace linnet {
namespace {

using test::Row;
using test::Rows;

constexpr std::int64_t kWidth = 6, kRows = 48;
constexpr int kHeads = 4, kHead = 8, kRank = 5, kGroups = 2, kOutputRank = 3, kWindow = 6;
constexpr double kEpsilon = 1e-5;

// DeepSeek-V4: all heads share one key, which is the value, too.
class CompressedAttentionTest : public testing::Test {
 protected:
  CompressedAttentionTest() {
    spec_.heads = kHeads;
    spec_.head_width = kHead;
    spec_.query_rank = kRank;
    spec_.output_groups = kGroups;
    spec_.output_rank = kOutputRank;
    spec_.window = kWindow;
    spec_.rope.layout = RopeLayout::kSplitHalf;
    spec_.rope.first = 4;
    spec_.rope.dims = 4;
    spec_.rope.inverse_frequencies = {1.0f, 0.1f};
    spec_.reverse_rope = spec_.rope;
    spec_.reverse_rope.inverse_frequencies = {-1.0f, -0.1f};
    case_.kv_layers = {{1, kHead, 0}};
    case_.file.tensor("blk.0.attn_q_a.weight", {kWidth, kRank})
        .tensor("blk.0.attn_q_a_norm.weight", {kRank})
        .tensor("blk.0.attn_q_b.weight", {kRank, kHeads * kHead})
        .tensor("blk.0.attn_kv.weight", {kWidth, kHead})
        .tensor("blk.0.attn_kv_a_norm.weight", {kHead})
        .tensor("blk.0.attn_sinks.weight", {kHeads})
        .tensor("blk.0.attn_output_a.weight", {kHeads * kHead / kGroups, kGroups * kOutputRank})
        .tensor("blk.0.attn_output_b.weight", {kGroups * kOutputRank, kWidth});
  }
  void compress(int stride, bool overlaps) {
    spec_.stride = stride;
    spec_.overlaps = overlaps;
    spec_.kv_layer = 1;
    case_.kv_layers.push_back({1, kHead, 0, stride});
    case_.state_floats = {spec_.state_floats()};
    const std::int64_t columns = spec_.pooled_columns(kHead);
    case_.file.tensor("blk.0.attn_compressor_kv.weight", {kWidth, columns})
        .tensor("blk.0.attn_compressor_gate.weight", {kWidth, columns})
        .tensor("blk.0.attn_compressor_ape.weight", {columns, stride})
        .tensor("blk.0.attn_compressor_norm.weight", {kHead});
  }
  void run(std::int64_t chunk = 0) {
    const CompressedAttentionWeights weights = case_.load([&](WeightLoader& loader) {
      return load_compressed_attention(loader, spec_, kWidth, "blk.0");
    });
    case_.run(
        compressed_attention_columns(spec_),
        [&](const Pass& pass, View in, View out) {
          compressed_attention_block(pass, spec_, weights, 0, in, out, false);
        },
        chunk);
  }
  Rows product(const Rows& x, const std::string& tensor) {
    return test::product(x, case_.matrix("blk.0." + tensor + ".weight"));
  }
  Row vector(const std::string& tensor) { return case_.vector("blk.0." + tensor + ".weight"); }
  // Turned by the positions 0, step, 2 step, ...; back where `step` is below 0.
  static Rows turned(const Rows& x, int step = 1) {
    return test::turn(x, kHead, 4, 4, [step](std::int64_t pair, std::size_t row) {
      return static_cast<double>(row) * step * (pair == 0 ? 1.0 : 0.1f);
    });
  }
  // The means of the values of `stride` tokens (and of as many before, in the first half of the
  // columns), weighed by the softmax of their scores, column by column.
  Rows compressed_keys() {
    const Rows values = product(case_.input(), "attn_compressor_kv");
    const Rows scores = product(case_.input(), "attn_compressor_gate");
    const Rows offsets = case_.matrix("blk.0.attn_compressor_ape.weight");
    Rows keys;
    for (int first = 0; first + spec_.stride <= kRows; first += spec_.stride) {
      Row key;
      for (int c = 0; c < kHead; ++c) {
        Row scores_of, values_of;
        const auto take = [&](int from, int column) {
          for (int i = 0; i < spec_.stride; ++i) {
            scores_of.push_back(scores[from + i][column] + offsets[i][column]);
            values_of.push_back(values[from + i][column]);
          }
        };
        if (spec_.overlaps && first > 0) take(first - spec_.stride, c);
        take(first, spec_.overlaps ? kHead + c : c);
        key.push_back(test::dot(test::softmax(scores_of), values_of));
      }
      keys.push_back(key);
    }
    return turned(test::rms_norm(keys, vector("attn_compressor_norm"), kEpsilon), spec_.stride);
  }
  // The sinks as a first key of zeros, then the tokens', then `compressed`.
  Rows formula(const Rows& compressed) {
    const Rows low =
        test::rms_norm(product(case_.input(), "attn_q_a"), vector("attn_q_a_norm"), kEpsilon);
    const Rows query =
        turned(test::norm_heads(product(low, "attn_q_b"), Row(kHead, 1.0), kEpsilon));
    Rows keys = turned(
        test::rms_norm(product(case_.input(), "attn_kv"), vector("attn_kv_a_norm"), kEpsilon));
    keys.insert(keys.begin(), Row(kHead));
    keys.insert(keys.end(), compressed.begin(), compressed.end());
    const Row sinks = vector("attn_sinks");
    const test::PlainAttention attend{
        .heads = kHeads,
        .kv_heads = 1,
        .scale = 1.0 / std::sqrt(1.0 * kHead),
        .sees =
            [&](int q, int k) {
              if (k == 0) return true;
              if (k <= kRows) return k - 1 <= q && k - 1 > q - kWindow;
              return (k - kRows) * spec_.stride <= q + 1;
            },
        .bias = [&](int head, int, int k) { return k == 0 ? sinks[head] : 0.0; }};
    const Rows result = turned(attend(query, keys, keys), -1);
    const Rows down = case_.matrix("blk.0.attn_output_a.weight");
    Rows lowered(kRows);
    for (std::size_t r = 0; r < kRows; ++r) {
      for (int g = 0; g < kGroups; ++g) {
        constexpr int kColumns = kHeads * kHead / kGroups;
        const Row group = test::columns(result[r], g * kColumns, kColumns);
        for (int i = 0; i < kOutputRank; ++i) {
          lowered[r].push_back(test::dot(group, down[g * kOutputRank + i]));
        }
      }
    }
    return product(lowered, "attn_output_b");
  }

  CompressedAttentionSpec spec_;
  test::BlockCase case_{kWidth, kRows};
};

TEST_F(CompressedAttentionTest, AWindowAlone) {
  run();
  test::expect_near(case_.out, formula({}));
}

TEST_F(CompressedAttentionTest, BehindItKeysThatStandForManyTokens) {
  compress(/*stride=*/8, /*overlaps=*/false);
  run();
  test::expect_near(case_.out, formula(compressed_keys()));
}

TEST_F(CompressedAttentionTest, KeysMayOverlap) {
  compress(/*stride=*/4, /*overlaps=*/true);
  run();
  test::expect_near(case_.out, formula(compressed_keys()));
  const std::vector<float> whole = case_.out;
  run(/*chunk=*/7);
  EXPECT_EQ(case_.out, whole);
}

}  // namespace
}  // namespace linnet
