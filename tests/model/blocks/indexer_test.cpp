// Both ways to pick what attention sees: keys, and blocks of tokens.

#include "model/blocks/indexer.hpp"

#include <gtest/gtest.h>

#include <set>

#include "model/blocks/block_case.hpp"
#include "model/blocks/block_indexer.hpp"
#include "model/blocks/plain_attention.hpp"

namespace linnet {
namespace {

using test::Row;
using test::Rows;

constexpr std::int64_t kWidth = 6, kRows = 48;
constexpr int kHeads = 3, kIndexWidth = 4, kMost = 8;

RopeSpec index_rope() {
  RopeSpec rope;
  rope.layout = RopeLayout::kSplitHalf;
  rope.dims = kIndexWidth;
  rope.inverse_frequencies = {1.0f, 0.1f};
  return rope;
}

// Of rows at the positions 0, step, 2 step, ...
Rows turned(const Rows& x, int step = 1) {
  return test::turn(x, kIndexWidth, 0, kIndexWidth, [step](std::int64_t pair, std::size_t row) {
    return static_cast<double>(row) * step * (pair == 0 ? 1.0 : 0.1f);
  });
}

// What was picked shows in attention of heads whose scores are equal: the mean of the picked
// tokens' values, which here are unit vectors.
class Picked {
 public:
  explicit Picked(int layer, int heads = 1) : layer_(layer), heads_(heads) {}

  void note(const Pass& pass) {
    const std::int64_t rows = std::ssize(pass.tokens);
    const Workspace::Scope scope(pass.workspace);
    const View keys = pass.workspace.view(rows, heads_),
               values = pass.workspace.view(rows, heads_ * kRows),
               result = pass.workspace.view(rows, heads_ * kRows);
    pass.backend.fill(keys, 0.0f);
    pass.backend.fill(values, 0.0f);
    for (std::int64_t r = 0; r < rows; ++r) {
      for (int h = 0; h < heads_; ++h) values.row(r)[h * kRows + pass.batch.positions[r]] = 1.0f;
    }
    pass.backend.store_kv(pass.kv, layer_, keys, values, pass.batch);
    AttentionParams params{layer_, heads_, heads_, 1, kRows};
    params.selected = true;
    pass.backend.attention(pass.kv, keys, params, pass.batch, result);
    for (std::int64_t r = 0; r < rows * heads_; ++r) {
      const float* weights = result.row(r / heads_) + r % heads_ * kRows;
      std::set<int>& picks = picks_.emplace_back();
      for (int k = 0; k < kRows; ++k) {
        if (weights[k] > 0.0f) picks.insert(k);
      }
    }
  }
  const std::set<int>& of(std::size_t row, int head = 0) const {
    return picks_[row * static_cast<std::size_t>(heads_) + static_cast<std::size_t>(head)];
  }

 private:
  int layer_, heads_;
  std::vector<std::set<int>> picks_;
};

// The places of the `most` largest.
std::set<int> largest(Row scores, int most) {
  std::set<int> places;
  while (std::ssize(places) < std::min<std::ptrdiff_t>(most, std::ssize(scores))) {
    const auto best = std::ranges::max_element(scores) - scores.begin();
    places.insert(static_cast<int>(best));
    scores[best] = -1e30;
  }
  return places;
}

double sum_of(const Row& scores, const std::set<int>& places) {
  double sum = 0.0;
  for (const int place : places) sum += scores[place];
  return sum;
}

// https://arxiv.org/abs/2512.02556, formula 1: sum over heads of weight * relu(q k).
TEST(IndexerTest, TheKeysOfTheBestScoresArePicked) {
  IndexerSpec spec;
  spec.heads = kHeads;
  spec.width = kIndexWidth;
  spec.most = kMost;
  spec.kv_layer = 1;
  spec.rope = index_rope();
  test::BlockCase block(kWidth, kRows);
  block.kv_layers = {{1, 1, kRows}, {1, kIndexWidth, 0}};
  block.file.tensor("blk.0.indexer.attn_q_b.weight", {kWidth, kHeads * kIndexWidth})
      .tensor("blk.0.indexer.attn_k.weight", {kWidth, kIndexWidth})
      .tensor("blk.0.indexer.proj.weight", {kWidth, kHeads})
      .tensor("blk.0.indexer.k_norm.weight", {kIndexWidth})
      .tensor("blk.0.indexer.k_norm.bias", {kIndexWidth});
  const IndexerWeights weights = block.load(
      [&](WeightLoader& loader) { return load_indexer(loader, spec, kWidth, kWidth, "blk.0"); });
  Picked picked(0);
  block.run(
      indexer_columns(spec) + 2 * kRows + 1,
      [&](const Pass& pass, View in, View) {
        pick_keys_block(pass, spec, weights, in, in);
        picked.note(pass);
      },
      /*chunk=*/16);

  const auto product = [&](const std::string& part) {
    return test::product(block.input(), block.matrix("blk.0.indexer." + part + ".weight"));
  };
  const Rows query = turned(product("attn_q_b")), weight = product("proj");
  Rows keys = product("attn_k");
  for (Row& key : keys) {  // a layer norm
    double mean = 0.0;
    for (const double x : key) mean += x / kIndexWidth;
    key = test::each(key, [&](double x) { return x - mean; });
    key = test::rms_norm(key, block.vector("blk.0.indexer.k_norm.weight"), 1e-6) +
          block.vector("blk.0.indexer.k_norm.bias");
  }
  keys = turned(keys);
  for (int r = 0; r < kRows; ++r) {
    Row scores;
    for (int k = 0; k <= r; ++k) {
      double score = 0.0;
      for (int h = 0; h < kHeads; ++h) {
        const Row own = test::columns(query[r], h * kIndexWidth, kIndexWidth);
        score += weight[r][h] * std::max(test::dot(own, keys[k]), 0.0);
      }
      scores.push_back(score);
    }
    // Which of equal scores, that relu makes frequent, does not matter.
    EXPECT_EQ(picked.of(r).size(), std::min<std::size_t>(kMost, scores.size()));
    EXPECT_NEAR(sum_of(scores, picked.of(r)), sum_of(scores, largest(scores, kMost)), 1e-5)
        << "row " << r;
  }
}

TEST(IndexerTest, ThePicksOfTheLayerBeforeHoldOn) {
  IndexerSpec spec;
  spec.heads = kHeads;
  spec.width = kIndexWidth;
  spec.reused = true;
  test::BlockCase block(kWidth, kRows);
  const IndexerWeights weights = block.load(
      [&](WeightLoader& loader) { return load_indexer(loader, spec, kWidth, kWidth, "blk.0"); });
  EXPECT_FALSE(weights.query);
  EXPECT_EQ(indexer_columns(spec), 0);
}

// Qwen 3.8: a block has the mean of its tokens' keys, and tokens behind the last whole block come
// before all.
TEST(BlockIndexerTest, TheTokensOfTheBestBlocksArePicked) {
  constexpr int kStride = 4;
  BlockIndexerSpec spec;
  spec.heads = kHeads;
  spec.width = kIndexWidth;
  spec.most = 2 * kStride;
  spec.stride = kStride;
  spec.kv_layer = 1;
  spec.rope = index_rope();
  test::BlockCase block(kWidth, kRows);
  block.kv_layers = {{1, 1, kRows}, {1, kIndexWidth, 0, kStride}};
  block.state_floats = {spec.state_floats()};
  block.file.tensor("blk.0.indexer.q_proj.weight", {kWidth, kHeads * kIndexWidth})
      .tensor("blk.0.indexer.k_proj.weight", {kWidth, kIndexWidth})
      .tensor("blk.0.indexer.q_norm.weight", {kIndexWidth})
      .tensor("blk.0.indexer.k_norm.weight", {kIndexWidth});
  const BlockIndexerWeights weights = block.load(
      [&](WeightLoader& loader) { return load_block_indexer(loader, spec, kWidth, "blk.0"); });
  Picked picked(0);
  block.run(
      block_indexer_columns(spec) + 2 * kRows + 1,
      [&](const Pass& pass, View in, View) {
        pick_blocks(pass, spec, weights, 0, in);
        picked.note(pass);
      },
      /*chunk=*/7);

  const auto product = [&](const std::string& part) {
    return test::product(block.input(), block.matrix("blk.0.indexer." + part + ".weight"));
  };
  const auto norm = [&](const char* part) {
    return block.vector(std::string("blk.0.indexer.") + part + "_norm.weight");
  };
  const Rows query = turned(test::norm_heads(product("q_proj"), norm("q"), 1e-5));
  const Rows token_keys = product("k_proj");
  Rows keys;
  for (int first = 0; first + kStride <= kRows; first += kStride) {
    Row sum(kIndexWidth);
    for (int i = 0; i < kStride; ++i) sum = sum + token_keys[first + i];
    keys.push_back(test::rms_norm(1.0 / kStride * sum, norm("k"), 1e-5));
  }
  keys = turned(keys, kStride);
  for (int r = kStride; r < kRows; ++r) {
    const int blocks = (r + 1) / kStride, behind = (r + 1) % kStride;
    if (behind != 0) continue;  // else a part of a block is picked, by the order of a heap
    Row scores;
    for (int b = 0; b < blocks; ++b) {
      double score = 0.0;
      for (int h = 0; h < kHeads; ++h) {
        const Row own = test::columns(query[r], h * kIndexWidth, kIndexWidth);
        score += std::max(test::dot(own, keys[b]), 0.0);
      }
      scores.push_back(score);
    }
    std::set<int> want;
    for (const int b : largest(scores, 2)) {
      for (int i = 0; i < kStride; ++i) want.insert(b * kStride + i);
    }
    EXPECT_EQ(picked.of(r), want) << "row " << r;
  }
}

// MiniMax-M3: a block has the score of its best token, the row's own block comes before all, and
// each KV head picks by a head of its own.
TEST(BlockIndexerTest, EachKvHeadPicksTheBlocksOfTheBestTokens) {
  constexpr int kStride = 5, kBlocks = 3;
  BlockIndexerSpec spec;
  spec.keys = BlockKeys::kOfTokens;
  spec.heads = kHeads;
  spec.width = kIndexWidth;
  spec.most = kBlocks;
  spec.stride = kStride;
  spec.recent = 1;
  spec.kv_layer = 1;
  spec.rope = index_rope();
  EXPECT_EQ(spec.state_floats(), 0);
  test::BlockCase block(kWidth, kRows);
  block.kv_layers = {{kHeads, 1, kRows}, {1, kIndexWidth, 0}};
  block.file.tensor("blk.0.indexer.q_proj.weight", {kWidth, kHeads * kIndexWidth})
      .tensor("blk.0.indexer.k_proj.weight", {kWidth, kIndexWidth})
      .tensor("blk.0.indexer.q_norm.weight", {kIndexWidth})
      .tensor("blk.0.indexer.k_norm.weight", {kIndexWidth});
  const BlockIndexerWeights weights = block.load(
      [&](WeightLoader& loader) { return load_block_indexer(loader, spec, kWidth, "blk.0"); });
  Picked picked(0, kHeads);
  block.run(
      block_indexer_columns(spec) + kHeads * (2 * kRows + 1),
      [&](const Pass& pass, View in, View) {
        pick_blocks(pass, spec, weights, 0, in);
        picked.note(pass);
      },
      /*chunk=*/7);

  const auto turned_heads = [&](const char* part, const std::string& projection) {
    const Rows x =
        test::product(block.input(), block.matrix("blk.0.indexer." + projection + ".weight"));
    const Row norm = block.vector(std::string("blk.0.indexer.") + part + "_norm.weight");
    return turned(test::norm_heads(x, norm, 1e-5));
  };
  const Rows query = turned_heads("q", "q_proj"), keys = turned_heads("k", "k_proj");
  bool heads_differ = false;
  for (int r = 0; r < kRows; ++r) {
    for (int h = 0; h < kHeads; ++h) {
      const Row own = test::columns(query[r], h * kIndexWidth, kIndexWidth);
      Row scores(r / kStride + 1, -1e20);
      for (int k = 0; k <= r; ++k) {
        scores[k / kStride] = std::max(scores[k / kStride], test::dot(own, keys[k]));
      }
      scores[r / kStride] = 1e20;
      std::set<int> want;
      for (const int b : largest(scores, kBlocks)) {
        for (int k = b * kStride; k < std::min((b + 1) * kStride, r + 1); ++k) want.insert(k);
      }
      EXPECT_EQ(picked.of(r, h), want) << "row " << r << ", head " << h;
      heads_differ |= want != picked.of(r);
    }
  }
  EXPECT_TRUE(heads_differ);
}

}  // namespace
}  // namespace linnet
