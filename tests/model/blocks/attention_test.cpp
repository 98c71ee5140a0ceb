#include "model/blocks/attention.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "model/blocks/block_case.hpp"
#include "model/blocks/plain_attention.hpp"

namespace linnet {
namespace {

using test::Row;
using test::Rows;

constexpr std::int64_t kWidth = 8, kRows = 48;  // two pages
constexpr int kHeads = 4, kKvHeads = 2, kHeadWidth = 6, kValueWidth = 5;
constexpr int kQueries = kHeads * kHeadWidth, kKeys = kKvHeads * kHeadWidth;
constexpr int kValues = kKvHeads * kValueWidth, kResult = kHeads * kValueWidth;
constexpr double kEpsilon = 1e-5;

class AttentionTest : public testing::Test {
 protected:
  AttentionTest() {
    spec_.heads = kHeads;
    spec_.kv_heads = kKvHeads;
    spec_.key_width = kHeadWidth;
    spec_.value_width = kValueWidth;
    spec_.scale = 0.4f;
    plain_.heads = kHeads;
    plain_.kv_heads = kKvHeads;
    plain_.scale = 0.4;
    case_.kv_layers = {{kKvHeads, kHeadWidth, kValueWidth}};
  }
  void add_projections(std::int64_t queries = kQueries) {
    case_.file.tensor("blk.0.attn_q.weight", {kWidth, queries})
        .tensor("blk.0.attn_k.weight", {kWidth, kKeys})
        .tensor("blk.0.attn_v.weight", {kWidth, kValues});
    add_output();
  }
  void add_output() { case_.file.tensor("blk.0.attn_output.weight", {kResult, kWidth}); }

  AttentionWeights load() {
    return case_.load(
        [&](WeightLoader& loader) { return load_attention(loader, spec_, case_.model, "blk.0"); });
  }
  void run(std::int64_t chunk = 0, bool accumulate = false) {
    const AttentionWeights weights = load();
    case_.run(
        attention_columns(spec_, case_.model),
        [&](const Pass& pass, View in, View out) {
          attention_block(pass, spec_, weights, 0, in, out, accumulate);
        },
        chunk);
  }
  Rows product(const Rows& x, const std::string& tensor) {
    return test::product(x, case_.matrix("blk.0." + tensor + ".weight"));
  }
  Rows queries() { return product(case_.input(), "attn_q"); }
  Rows keys() { return product(case_.input(), "attn_k"); }
  Rows values() { return product(case_.input(), "attn_v"); }
  void expect(const Rows& result) { test::expect_near(case_.out, product(result, "attn_output")); }

  AttentionSpec spec_;
  test::PlainAttention plain_;
  test::BlockCase case_{kWidth, kRows};
};

TEST_F(AttentionTest, EachTokenSeesThoseBeforeIt) {
  add_projections();
  run();
  expect(plain_(queries(), keys(), values()));
}

TEST_F(AttentionTest, BatchesGoOnWhereTheOneBeforeEnded) {
  add_projections();
  run();
  const std::vector<float> whole = case_.out;
  run(/*chunk=*/7);
  EXPECT_EQ(case_.out, whole);
}

TEST_F(AttentionTest, AccumulatesWhatIsThere) {
  add_projections();
  case_.out = test::random_floats(kRows * kWidth, 5);
  const Rows before = case_.output();
  run(0, /*accumulate=*/true);
  test::expect_near(case_.out,
                    before + product(plain_(queries(), keys(), values()), "attn_output"));
}

TEST_F(AttentionTest, AnEncoderSeesAll) {
  add_projections();
  case_.causal = false;
  plain_.sees = [](int, int) { return true; };
  run();
  expect(plain_(queries(), keys(), values()));
}

TEST_F(AttentionTest, ASlidingWindow) {
  add_projections();
  spec_.span = AttentionSpan::kSliding;
  spec_.window = 5;
  plain_.sees = [](int q, int k) { return k <= q && k > q - 5; };
  run();
  expect(plain_(queries(), keys(), values()));
}

// Llama 4.
TEST_F(AttentionTest, ChunksOfTheText) {
  add_projections();
  spec_.span = AttentionSpan::kChunked;
  spec_.window = 12;
  plain_.sees = [](int q, int k) { return k <= q && k / 12 == q / 12; };
  run();
  expect(plain_(queries(), keys(), values()));
}

TEST_F(AttentionTest, QueriesKeysAndValuesMayBeOneProjection) {
  case_.file.tensor("blk.0.attn_qkv.weight", {kWidth, kQueries + kKeys + kValues});
  add_output();
  run();
  const Rows all = product(case_.input(), "attn_qkv");
  expect(plain_(test::columns(all, 0, kQueries), test::columns(all, kQueries, kKeys),
                test::columns(all, kQueries + kKeys, kValues)));
}

// CogVLM: keys and values begin where the spec says.
TEST_F(AttentionTest, AFusedProjectionMayHaveMoreRows) {
  case_.file.tensor("blk.0.attn_qkv.weight", {kWidth, 100});
  add_output();
  spec_.fused_rows = {.all = 100, .key = 30, .value = 60};
  run();
  const Rows all = product(case_.input(), "attn_qkv");
  expect(plain_(test::columns(all, 0, kQueries), test::columns(all, 30, kKeys),
                test::columns(all, 60, kValues)));
}

// Gemma 4: where there is no projection to values they are the keys before norm and rope.
TEST_F(AttentionTest, KeysMayBeTheValues) {
  spec_.value_width = kHeadWidth;
  case_.kv_layers = {{kKvHeads, kHeadWidth, kHeadWidth}};
  case_.file.tensor("blk.0.attn_q.weight", {kWidth, kQueries})
      .tensor("blk.0.attn_k.weight", {kWidth, kKeys})
      .tensor("blk.0.attn_k_norm.weight", {kHeadWidth})
      .tensor("blk.0.attn_output.weight", {kQueries, kWidth});
  run();
  const Rows normed = test::norm_heads(keys(), case_.vector("blk.0.attn_k_norm.weight"), kEpsilon);
  expect(plain_(queries(), normed, keys()));
}

// Qwen 3, and most that have both: heads are normalised, then turned.
TEST_F(AttentionTest, HeadsAreNormalisedAndTurned) {
  add_projections();
  case_.file.tensor("blk.0.attn_q_norm.weight", {kHeadWidth})
      .tensor("blk.0.attn_k_norm.weight", {kHeadWidth});
  spec_.rope.layout = RopeLayout::kSplitHalf;
  spec_.rope.dims = 4;
  spec_.rope.inverse_frequencies = {1.0f, 0.1f};
  run();
  const auto turned = [](const Rows& x) {
    return test::turn(x, kHeadWidth, 0, 4, [](std::int64_t pair, std::size_t row) {
      return static_cast<double>(row) * (pair == 0 ? 1.0 : 0.1f);
    });
  };
  const Row query_norm = case_.vector("blk.0.attn_q_norm.weight");
  const Row key_norm = case_.vector("blk.0.attn_k_norm.weight");
  expect(plain_(turned(test::norm_heads(queries(), query_norm, kEpsilon)),
                turned(test::norm_heads(keys(), key_norm, kEpsilon)), values()));
  // Hunyuan turns them first.
  spec_.norm_after_rope = true;
  run();
  expect(plain_(test::norm_heads(turned(queries()), query_norm, kEpsilon),
                test::norm_heads(turned(keys()), key_norm, kEpsilon), values()));
}

TEST_F(AttentionTest, HeadsAreNormalisedWithoutWeights) {
  add_projections();
  spec_.plain_query_norm = spec_.plain_key_norm = spec_.plain_value_norm = true;
  run();
  const Row ones(kHeadWidth, 1.0), value_ones(kValueWidth, 1.0);
  expect(plain_(test::norm_heads(queries(), ones, kEpsilon),
                test::norm_heads(keys(), ones, kEpsilon),
                test::norm_heads(values(), value_ones, kEpsilon)));
}

// MPT, DBRX.
TEST_F(AttentionTest, ProjectionsAreClamped) {
  add_projections();
  spec_.clamp = 0.8f;
  run();
  const auto clamped = [](const Rows& x) {
    return test::each(x, [](double value) { return std::clamp(value, -0.8f + 0.0, 0.8f + 0.0); });
  };
  expect(plain_(clamped(queries()), clamped(keys()), clamped(values())));
}

// https://arxiv.org/abs/2108.12409, section 3: the slopes of 4 heads are 2^-2, 2^-4, 2^-6, 2^-8.
TEST_F(AttentionTest, AlibiTakesAwayByTheDistance) {
  add_projections();
  spec_.alibi_bias = 8.0f;
  plain_.bias = [](int head, int q, int k) { return -std::pow(2.0, -2.0 * (head + 1)) * (q - k); };
  run();
  expect(plain_(queries(), keys(), values()));
}

// As the paper's code has it: those of 2 heads, then every other one of 4.
TEST_F(AttentionTest, AlibiOfHeadsThatAreNoPowerOfTwo) {
  spec_.heads = spec_.kv_heads = plain_.heads = plain_.kv_heads = 3;
  spec_.alibi_bias = 8.0f;
  case_.kv_layers = {{3, kHeadWidth, kValueWidth}};
  case_.file.tensor("blk.0.attn_q.weight", {kWidth, 3 * kHeadWidth})
      .tensor("blk.0.attn_k.weight", {kWidth, 3 * kHeadWidth})
      .tensor("blk.0.attn_v.weight", {kWidth, 3 * kValueWidth})
      .tensor("blk.0.attn_output.weight", {3 * kValueWidth, kWidth});
  plain_.bias = [](int head, int q, int k) {
    const double slopes[] = {std::pow(2.0, -4.0), std::pow(2.0, -8.0), std::pow(2.0, -2.0)};
    return -slopes[head] * (q - k);
  };
  run();
  expect(plain_(queries(), keys(), values()));
}

// T5: biases of buckets of distances, of which far ones share one.
TEST_F(AttentionTest, BiasesByDistance) {
  add_projections();
  case_.file.tensor("blk.0.attn_rel_b.weight", {kHeads, 3});
  spec_.distance_bias = {.count = 3, .buckets = {2, 1, 0, 0, 0}};  // of distances -2 to 2
  const Rows table = case_.matrix("blk.0.attn_rel_b.weight");
  plain_.bias = [&](int head, int q, int k) { return table[std::min(q - k, 2)][head]; };
  run();
  expect(plain_(queries(), keys(), values()));
}

// gpt-oss: a logit for each head that takes part in the softmax only.
TEST_F(AttentionTest, SinksTakeAShare) {
  add_projections();
  case_.file.tensor("blk.0.attn_sinks.weight", {kHeads});
  run();
  // The same as another key whose value is 0.
  const Row sinks = case_.vector("blk.0.attn_sinks.weight");
  Rows more_keys = keys(), more_values = values();
  more_keys.insert(more_keys.begin(), Row(kKeys));
  more_values.insert(more_values.begin(), Row(kValues));
  plain_.sees = [](int q, int k) { return k <= q + 1; };
  plain_.bias = [&](int head, int, int k) { return k == 0 ? sinks[head] : 0.0; };
  expect(plain_(queries(), more_keys, more_values));
}

// Qwen 3.5: a factor for every column of the result.
TEST_F(AttentionTest, AGateOfColumns) {
  add_projections();
  case_.file.tensor("blk.0.attn_gate.weight", {kWidth, kResult});
  run();
  const Rows gate = test::each(product(case_.input(), "attn_gate"), test::sigmoid);
  expect(test::times(plain_(queries(), keys(), values()), gate));
}

// Step 3.5: one for every head.
TEST_F(AttentionTest, AGateOfHeads) {
  add_projections();
  case_.file.tensor("blk.0.attn_gate.weight", {kWidth, kHeads});
  run();
  Rows result = plain_(queries(), keys(), values());
  const Rows gate = test::each(product(case_.input(), "attn_gate"), test::sigmoid);
  for (std::size_t r = 0; r < kRows; ++r) {
    for (int c = 0; c < kResult; ++c) result[r][c] *= gate[r][c / kValueWidth];
  }
  expect(result);
}

// Qwen 3.5: query and gate of a head side by side in one tensor.
TEST_F(AttentionTest, TheGateMayStandBesideTheQuery) {
  spec_.value_width = kHeadWidth;
  case_.kv_layers = {{kKvHeads, kHeadWidth, kHeadWidth}};
  case_.file.tensor("blk.0.attn_q.weight", {kWidth, 2 * kQueries})
      .tensor("blk.0.attn_k.weight", {kWidth, kKeys})
      .tensor("blk.0.attn_v.weight", {kWidth, kKeys})
      .tensor("blk.0.attn_output.weight", {kQueries, kWidth});
  run();
  Rows query(kRows), gate(kRows);
  const Rows both = queries();
  for (std::size_t r = 0; r < kRows; ++r) {
    for (int c = 0; c < 2 * kQueries; ++c) {
      (c / kHeadWidth % 2 == 0 ? query : gate)[r].push_back(both[r][c]);
    }
  }
  expect(test::times(plain_(query, keys(), values()), test::each(gate, test::sigmoid)));
}

// BitNet's norm, MiMo 2's factor.
TEST_F(AttentionTest, TheResultIsNormalisedAndScaled) {
  add_projections();
  case_.file.tensor("blk.0.attn_sub_norm.weight", {kResult});
  spec_.output_scale = 0.5f;
  run();
  expect(0.5 * test::rms_norm(plain_(queries(), keys(), values()),
                              case_.vector("blk.0.attn_sub_norm.weight"), kEpsilon));
}

// Llama 4 (QueryTemperature): 1 + scale ln(1 + floor((p + offset) / length)).
TEST_F(AttentionTest, QueriesGrowWithThePosition) {
  add_projections();
  spec_.temperature = {.scale = 0.3f, .length = 8, .offset = 1};
  run();
  Rows warm = queries();
  for (std::size_t p = 0; p < kRows; ++p) {
    const double step = std::floor((static_cast<double>(p) + 1) / 8);
    warm[p] = (1.0 + 0.3 * std::log(1.0 + step)) * warm[p];
  }
  expect(plain_(warm, keys(), values()));
}

// Gemma 3n: later layers read the keys and values of an earlier one.
TEST_F(AttentionTest, ALayerMayReadTheKeysOfAnother) {
  add_projections();
  const AttentionWeights first = load();
  test::BlockCase& all = case_;
  AttentionSpec reading = spec_;
  reading.kv_layer = 0;
  const std::vector<float> others = test::random_floats(kWidth * kQueries, 21);
  AttentionWeights second;
  second.query.weight = all.upload(others, kWidth);
  second.output.weight = first.output.weight;
  all.run(2 * attention_columns(spec_, all.model), [&](const Pass& pass, View in, View out) {
    attention_block(pass, spec_, first, 0, in, out, false);
    attention_block(pass, reading, second, 1, in, out, false);
  });
  expect(plain_(test::product(all.input(), test::rows_of(others, kWidth)), keys(), values()));
}

// Deci: the output projection alone.
TEST_F(AttentionTest, WithoutKeysTheOutputAlone) {
  spec_ = {};
  spec_.heads = 1;
  case_.file.tensor("blk.0.attn_output.weight", {kWidth, kWidth});
  run();
  expect(case_.input());
}

}  // namespace
}  // namespace linnet
