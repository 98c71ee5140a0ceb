#include <gtest/gtest.h>

#include <limits>
#include <numeric>

#include "backend/backend_pair.hpp"
#include "backend/key_selection.hpp"
#include "backend/kv_pages.hpp"
#include "support/normalised_error.hpp"
#include "support/random_floats.hpp"

namespace linnet {
namespace {

using test::HostMatrix;
using test::random_floats;

// What the CPU keeps keys and values in.
constexpr KvType kTypes[] = {KvType::kF32, KvType::kF16, KvType::kBf16, KvType::kQ8_0,
                             KvType::kQ4_0};

struct Shape {
  int heads = 6, kv_heads = 2, key_width = 24, value_width = 20;
};

// One sequence of `tokens` in batches of `chunk` rows, its pages from the last down to page 1:
// body(batch, part), where part(m) gives the rows of `m` that the batch has.
template <class Body>
void for_batches(int tokens, int chunk, const Body& body) {
  std::vector<std::int32_t> pages(pages_for(tokens));
  std::iota(pages.rbegin(), pages.rend(), 1);
  const std::span<const std::int32_t> table(pages);
  for (int first = 0; first < tokens; first += chunk) {
    const int rows = std::min(chunk, tokens - first);
    std::vector<std::int32_t> positions(rows), sequences(rows, 0);
    std::iota(positions.begin(), positions.end(), first);
    const std::int32_t length = first + rows;
    const BatchLayout batch{positions, sequences, {&table, 1}, {&length, 1}};
    const auto part = [&](HostMatrix& m) {
      return View{m.values.data() + first * m.columns, rows, m.columns, m.columns};
    };
    body(batch, part);
  }
}

// Attention over `tokens` positions of one sequence, given to the backend in batches of `chunk`
// rows.
std::vector<float> run(Backend& backend, KvType type, const Shape& shape, AttentionParams params,
                       int tokens, int chunk) {
  params.heads = shape.heads;
  params.kv_heads = shape.kv_heads;
  params.key_width = shape.key_width;
  params.value_width = shape.value_width;
  params.scale = 0.2f;
  const int key_columns = shape.kv_heads * shape.key_width;
  const int value_columns = shape.kv_heads * shape.value_width;
  const int query_columns = shape.heads * shape.key_width;
  HostMatrix queries(tokens, query_columns, random_floats(tokens * query_columns, 1));
  HostMatrix keys(tokens, key_columns, random_floats(tokens * key_columns, 2));
  HostMatrix values(tokens, value_columns, random_floats(tokens * value_columns, 3));
  HostMatrix out(tokens, shape.heads * shape.value_width);

  const int stored_width = params.values_in_keys ? 0 : shape.value_width;
  auto store = backend.make_kv_store(
      {{{shape.kv_heads, shape.key_width, stored_width}}, type, pages_for(tokens) + 1});
  for_batches(tokens, chunk, [&](const BatchLayout& batch, const auto& part) {
    backend.store_kv(**store, 0, part(keys), part(values).slice(0, shape.kv_heads * stored_width),
                     batch);
    backend.attention(**store, part(queries), params, batch, part(out));
  });
  return out.values;
}

std::vector<AttentionParams> variants() {
  static const std::vector<float> sinks = random_floats(6, 11);
  static const std::vector<float> slopes = {0.5f, 0.25f, 0.125f, 0.1f, 0.05f, 0.01f};
  static const std::vector<float> biases = random_floats(5 * 6, 12);  // of 5 buckets and 6 heads
  static const std::vector<std::int32_t> buckets = {4, 4, 1, 0, 3, 2, 2, 0, 1};
  const DistanceBias bias{biases.data(), buckets.data(), 4};
  std::vector<AttentionParams> all(11);
  all[1].softcap = 3.0f;
  all[2].span = AttentionSpan::kSliding;
  all[2].window = 37;
  all[3].span = AttentionSpan::kChunked;
  all[3].window = 40;
  all[4].sinks = sinks.data();
  all[5].alibi_slopes = slopes.data();
  all[6].causal = false;
  all[7].causal = false;
  all[7].span = AttentionSpan::kCentred;
  all[7].window = 37;
  all[8].causal = false;
  all[8].alibi_slopes = slopes.data();
  all[9].distance_bias = bias;
  all[10].distance_bias = bias;
  all[10].causal = false;
  return all;
}

// The same with a compressed key for every `stride` tokens, of which an indexer picks 5 where there
// is one.
std::vector<float> run_compressed(Backend& backend, KvType type, int stride, bool picks, int tokens,
                                  int chunk) {
  constexpr int kHeads = 6, kWidth = 24, kIndexHeads = 4, kIndexWidth = 20;
  static const std::vector<float> sinks = random_floats(kHeads, 11);
  const auto matrix = [](int rows, int columns, int seed) {
    return HostMatrix(rows, columns, random_floats(rows * columns, seed));
  };
  HostMatrix queries = matrix(tokens, kHeads * kWidth, 1), keys = matrix(tokens, kWidth, 2);
  HostMatrix compressed = matrix(tokens / stride + 1, kWidth, 3);
  HostMatrix index_keys = matrix(tokens / stride + 1, kIndexWidth, 4);
  HostMatrix index_queries = matrix(tokens, kIndexHeads * kIndexWidth, 5);
  HostMatrix index_weights = matrix(tokens, kIndexHeads, 6);
  HostMatrix out(tokens, kHeads * kWidth);
  AttentionParams params;
  params.heads = kHeads;
  params.kv_heads = 1;
  params.key_width = params.value_width = kWidth;
  params.scale = 0.3f;
  params.span = AttentionSpan::kSliding;
  params.window = 19;
  params.sinks = sinks.data();
  params.selected = picks;
  params.compressed = {1, stride};
  params.values_in_keys = true;

  auto store =
      backend.make_kv_store({{{1, kWidth, 0}, {1, kWidth, 0, stride}, {1, kIndexWidth, 0, stride}},
                             type,
                             pages_for(tokens) + 1});
  for_batches(tokens, chunk, [&](const BatchLayout& batch, const auto& part) {
    backend.store_kv(**store, 0, part(keys), part(keys).slice(0, 0), batch);
    for (const std::int32_t& end : batch.positions) {
      if ((end + 1) % stride != 0) continue;
      const BatchLayout place{{&end, 1}, batch.sequences, batch.page_tables, batch.lengths};
      const View key{compressed.view().row(end / stride), 1, kWidth, kWidth};
      const View index_key{index_keys.view().row(end / stride), 1, kIndexWidth, kIndexWidth};
      backend.store_kv(**store, 1, key, key.slice(0, 0), place);
      backend.store_kv(**store, 2, index_key, index_key.slice(0, 0), place);
    }
    if (picks) {
      backend.select_keys(**store, part(index_queries), part(index_weights),
                          {2, kIndexHeads, kIndexWidth, 5, stride}, batch);
    }
    backend.attention(**store, part(queries), params, batch, part(out));
  });
  return out.values;
}

TEST(AttentionTest, CompressedKeysAgreeWithTheReferenceWhateverChunksThreadsAndInstructionSet) {
  for (const KvType type : kTypes) {
    for (const auto& [stride, picks] : {std::pair(4, false), {4, true}, {128, false}}) {
      constexpr int kTokens = 281;
      const auto want =
          run_compressed(*make_reference_backend(), type, stride, picks, kTokens, kTokens);
      const auto got = run_compressed(*make_cpu_backend(1), type, stride, picks, kTokens, kTokens);
      EXPECT_LT(test::normalised_error(got, want), 1e-10) << stride;
      for (const std::string_view set : cpu_instruction_sets()) {
        const auto backend = make_cpu_backend(3, set);
        EXPECT_EQ(run_compressed(*backend, type, stride, picks, kTokens, 37), got) << set;
        EXPECT_EQ(run_compressed(*backend, type, stride, picks, kTokens, 1), got) << set;
      }
    }
  }
}

// Attention to the tokens of the best blocks of `stride`, and to those behind the last block.
std::vector<float> run_blocks(Backend& backend, KvType type, int stride, int most, int tokens,
                              int chunk) {
  constexpr int kHeads = 6, kKvHeads = 2, kWidth = 24, kIndexHeads = 3, kIndexWidth = 20;
  const auto matrix = [](int rows, int columns, int seed) {
    return HostMatrix(rows, columns, random_floats(rows * columns, seed));
  };
  HostMatrix queries = matrix(tokens, kHeads * kWidth, 1);
  HostMatrix keys = matrix(tokens, kKvHeads * kWidth, 2);
  HostMatrix values = matrix(tokens, kKvHeads * kWidth, 3);
  HostMatrix index_keys = matrix(tokens / stride + 1, kIndexWidth, 4);
  HostMatrix index_queries = matrix(tokens, kIndexHeads * kIndexWidth, 5);
  HostMatrix index_weights = matrix(tokens, kIndexHeads, 6);
  HostMatrix out(tokens, kHeads * kWidth);
  AttentionParams params{0, kHeads, kKvHeads, kWidth, kWidth, 0.3f};
  params.selected = true;
  auto store = backend.make_kv_store(
      {{{kKvHeads, kWidth, kWidth}, {1, kIndexWidth, 0, stride}}, type, pages_for(tokens) + 1});
  for_batches(tokens, chunk, [&](const BatchLayout& batch, const auto& part) {
    backend.store_kv(**store, 0, part(keys), part(values), batch);
    for (const std::int32_t& end : batch.positions) {
      if ((end + 1) % stride != 0) continue;
      const BatchLayout place{{&end, 1}, batch.sequences, batch.page_tables, batch.lengths};
      const View key{index_keys.view().row(end / stride), 1, kIndexWidth, kIndexWidth};
      backend.store_kv(**store, 1, key, key.slice(0, 0), place);
    }
    backend.select_keys(**store, part(index_queries), part(index_weights),
                        {1, kIndexHeads, kIndexWidth, most, stride, /*picks_tokens=*/true}, batch);
    backend.attention(**store, part(queries), params, batch, part(out));
  });
  return out.values;
}

TEST(AttentionTest, BlocksOfTokensAgreeWithTheReferenceWhateverChunksThreadsAndInstructionSet) {
  for (const KvType type : {KvType::kF32, KvType::kQ8_0, KvType::kQ4_0}) {
    for (const auto& [stride, most] : {std::pair(2, 9), {4, 19}, {32, 64}, {4, 1000}}) {
      constexpr int kTokens = 139;
      const auto want = run_blocks(*make_reference_backend(), type, stride, most, kTokens, kTokens);
      const auto got = run_blocks(*make_cpu_backend(1), type, stride, most, kTokens, kTokens);
      EXPECT_LT(test::normalised_error(got, want), 1e-10) << stride;
      for (const std::string_view set : cpu_instruction_sets()) {
        const auto backend = make_cpu_backend(3, set);
        EXPECT_EQ(run_blocks(*backend, type, stride, most, kTokens, 37), got) << set;
        EXPECT_EQ(run_blocks(*backend, type, stride, most, kTokens, 1), got) << set;
      }
    }
  }
}

// Attention of each KV head to the blocks that it picks by an index head of its own.
std::vector<float> run_blocks_of_heads(Backend& backend, KvType type, PickedBlocks blocks, int most,
                                       int tokens, int chunk) {
  constexpr int kHeads = 6, kKvHeads = 3, kWidth = 24, kIndexWidth = 20;
  const auto matrix = [](int rows, int columns, int seed) {
    return HostMatrix(rows, columns, random_floats(rows * columns, seed));
  };
  HostMatrix queries = matrix(tokens, kHeads * kWidth, 1);
  HostMatrix keys = matrix(tokens, kKvHeads * kWidth, 2);
  HostMatrix values = matrix(tokens, kKvHeads * kWidth, 3);
  HostMatrix index_keys = matrix(tokens, kIndexWidth, 4);
  HostMatrix index_queries = matrix(tokens, kKvHeads * kIndexWidth, 5);
  HostMatrix out(tokens, kHeads * kWidth);
  AttentionParams params{0, kHeads, kKvHeads, kWidth, kWidth, 0.3f};
  params.selected = true;
  SelectParams select{1, kKvHeads, kIndexWidth, most};
  select.blocks = blocks;
  auto store = backend.make_kv_store(
      {{{kKvHeads, kWidth, kWidth}, {1, kIndexWidth, 0}}, type, pages_for(tokens) + 1});
  for_batches(tokens, chunk, [&](const BatchLayout& batch, const auto& part) {
    backend.store_kv(**store, 0, part(keys), part(values), batch);
    backend.store_kv(**store, 1, part(index_keys), part(index_keys).slice(0, 0), batch);
    backend.select_keys(**store, part(index_queries), {}, select, batch);
    backend.attention(**store, part(queries), params, batch, part(out));
  });
  return out.values;
}

TEST(AttentionTest, BlocksOfKvHeadsAgreeWithTheReferenceWhateverChunksThreadsAndInstructionSet) {
  for (const KvType type : {KvType::kF32, KvType::kQ8_0, KvType::kQ4_0}) {
    for (const auto& [blocks, most] :
         {std::pair(PickedBlocks{3, 1}, 5), {{32, 0}, 2}, {{64, 2}, 3}, {{4, 1}, 1000}}) {
      constexpr int kTokens = 267;
      const auto run = [&, blocks = blocks, most = most](Backend& backend, int chunk) {
        return run_blocks_of_heads(backend, type, blocks, most, kTokens, chunk);
      };
      const auto want = run(*make_reference_backend(), kTokens);
      const auto got = run(*make_cpu_backend(1), kTokens);
      EXPECT_LT(test::normalised_error(got, want), 1e-10) << blocks.tokens;
      for (const std::string_view set : cpu_instruction_sets()) {
        const auto backend = make_cpu_backend(3, set);
        EXPECT_EQ(run(*backend, 37), got) << set;
        EXPECT_EQ(run(*backend, 1), got) << set;
      }
    }
  }
}

// The tokens behind the last whole block are picked before all others, then the best blocks.
TEST(AttentionTest, TokensOfBlocksHaveTheScoresOfTheirBlocks) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::vector<float> scores = {1.0f, 3.0f, 2.0f};
  const std::vector<float> of_tokens = token_scores(scores, 2, 7);
  EXPECT_EQ(of_tokens, (std::vector<float>{1.0f, 1.0f, 3.0f, 3.0f, 2.0f, 2.0f, kInfinity}));
  std::uint32_t words[1] = {};
  pick_keys(of_tokens, 3, words);
  EXPECT_EQ(words[0], 0b1001100u);
}

TEST(AttentionTest, AgreesWithTheReference) {
  const auto reference = make_reference_backend();
  for (const KvType type : kTypes) {
    for (const AttentionParams& params : variants()) {
      const auto want = run(*reference, type, {}, params, 101, 101);
      const auto got = run(*make_cpu_backend(2), type, {}, params, 101, 101);
      EXPECT_LT(test::normalised_error(got, want), 1e-10);
    }
  }
}

TEST(AttentionTest, IsBitIdenticalWhateverChunksThreadsAndInstructionSet) {
  for (const KvType type : kTypes) {
    for (const AttentionParams& params : variants()) {
      const auto want = run(*make_cpu_backend(1, "scalar"), type, {}, params, 101, 101);
      for (const std::string_view set : cpu_instruction_sets()) {
        const auto backend = make_cpu_backend(3, set);
        EXPECT_EQ(run(*backend, type, {}, params, 101, 101), want) << set;
        if (!params.causal) continue;
        EXPECT_EQ(run(*backend, type, {}, params, 101, 13), want) << set;
        EXPECT_EQ(run(*backend, type, {}, params, 101, 1), want) << set;
      }
    }
  }
}

// Where keys are cut into parts, at position 1024: tokens alone have them computed side by side and
// merged, the rows of a prompt one behind the other.
TEST(AttentionTest, PartsOfLongTextsAreMergedTheSameWay) {
  constexpr int kTokens = 1060;
  const auto together = make_cpu_backend(1), side_by_side = make_cpu_backend(3);
  for (const KvType type : {KvType::kF16, KvType::kQ4_0}) {
    for (const AttentionParams& params : variants()) {
      const auto want = run(*together, type, {}, params, kTokens, kTokens);
      if (params.span == AttentionSpan::kSliding) {
        const auto exact = run(*make_reference_backend(), type, {}, params, kTokens, kTokens);
        EXPECT_LT(test::normalised_error(want, exact), 1e-10);
      }
      if (!params.causal) continue;
      EXPECT_EQ(run(*side_by_side, type, {}, params, kTokens, 1), want);
      EXPECT_EQ(run(*side_by_side, type, {}, params, kTokens, 29), want);
    }
  }
}

TEST(AttentionTest, WideHeadsAndMultiQuery) {
  const Shape shape{10, 1, 576, 512};
  AttentionParams params;
  for (const bool latent : {false, true}) {
    params.values_in_keys = latent;
    const auto want = run(*make_reference_backend(), KvType::kF32, shape, params, 40, 40);
    const auto got = run(*make_cpu_backend(2), KvType::kF32, shape, params, 40, 40);
    EXPECT_LT(test::normalised_error(got, want), 1e-10);
  }
}

// Latents, of widths that are whole vectors and not, with many query heads and few.
TEST(AttentionTest, ValuesWithinKeys) {
  AttentionParams params;
  params.values_in_keys = true;
  for (const KvType type : kTypes) {
    for (const Shape& shape : {Shape{12, 1, 72, 64}, Shape{2, 1, 36, 21}, Shape{4, 2, 24, 24}}) {
      const auto want = run(*make_reference_backend(), type, shape, params, 101, 101);
      const auto got = run(*make_cpu_backend(1, "scalar"), type, shape, params, 101, 101);
      EXPECT_LT(test::normalised_error(got, want), 1e-10);
      for (const std::string_view set : cpu_instruction_sets()) {
        const auto backend = make_cpu_backend(3, set);
        EXPECT_EQ(run(*backend, type, shape, params, 101, 101), got) << set;
        EXPECT_EQ(run(*backend, type, shape, params, 101, 13), got) << set;
        EXPECT_EQ(run(*backend, type, shape, params, 101, 1), got) << set;
      }
    }
  }
}

}  // namespace
}  // namespace linnet
