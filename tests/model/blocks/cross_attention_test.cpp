#include "model/blocks/cross_attention.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "model/blocks/block_case.hpp"
#include "model/blocks/plain_attention.hpp"

namespace linnet {
namespace {

constexpr std::int64_t kWidth = 8, kRows = 16;
constexpr int kInputs = 16;  // tokens

// https://arxiv.org/abs/1706.03762, section 3.2.3: queries of the text, keys and values of all of
// the input.
TEST(CrossAttentionTest, EveryTokenSeesAllOfTheInput) {
  CrossAttentionSpec spec;
  spec.heads = 4;
  spec.kv_heads = 2;
  spec.key_width = 6;
  spec.value_width = 5;
  spec.scale = 0.4f;
  spec.kv_layer = 1;
  test::BlockCase block(kWidth, kRows);
  block.kv_layers = {{}, {2, 6, 5}};
  block.file.tensor("blk.0.cross_attn_q.weight", {kWidth, 24})
      .tensor("blk.0.cross_attn_k.weight", {kWidth, 12})
      .tensor("blk.0.cross_attn_v.weight", {kWidth, 10})
      .tensor("blk.0.cross_attn_o.weight", {20, kWidth});
  const CrossAttentionWeights weights = block.load(
      [&](WeightLoader& loader) { return load_cross_attention(loader, spec, kWidth, "blk.0"); });
  const std::vector<float> read = test::random_floats(kInputs * kWidth, 4);
  block.out = test::random_floats(kRows * kWidth, 5);
  const test::Rows before = block.output();
  block.run(4 * cross_attention_columns(spec), [&](Pass pass, View in, View out) {
    std::vector<std::int32_t> positions(kInputs);
    std::iota(positions.begin(), positions.end(), 0);
    const std::vector<std::int32_t> sequences(kInputs, 0), length = {kInputs};
    const BatchLayout inputs{positions, sequences, pass.batch.page_tables, length};
    {
      const Workspace::Scope scope(pass.workspace);
      const Pass reading{.backend = pass.backend,
                         .workspace = pass.workspace,
                         .model = pass.model,
                         .kv = pass.kv,
                         .states = nullptr,
                         .batch = inputs,
                         .causal = false,
                         .shared = {}};
      const View input = pass.workspace.view(kInputs, kWidth);
      pass.backend.upload(read, input.data);
      store_input(reading, spec, weights, input);
    }
    pass.inputs = length;
    cross_attention_block(pass, spec, weights, in, out);
  });

  const auto product = [&](const test::Rows& x, const char* part) {
    return test::product(x, block.matrix(std::string("blk.0.cross_attn_") + part + ".weight"));
  };
  const test::PlainAttention attend{
      .heads = 4, .kv_heads = 2, .scale = 0.4, .sees = [](int, int) { return true; }};
  const test::Rows input = test::rows_of(read, kWidth);
  const test::Rows result =
      attend(product(block.input(), "q"), product(input, "k"), product(input, "v"));
  test::expect_near(block.out, before + product(result, "o"));
}

TEST(CrossAttentionTest, ALayerMayHaveNone) {
  test::BlockCase block(kWidth, kRows);
  const CrossAttentionWeights weights = block.load([&](WeightLoader& loader) {
    return load_cross_attention(loader, CrossAttentionSpec{}, kWidth, "blk.0");
  });
  EXPECT_FALSE(weights.query);
  EXPECT_EQ(cross_attention_columns({}), 0);
}

}  // namespace
}  // namespace linnet
