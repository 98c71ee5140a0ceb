#include <cmath>
#include <numeric>

#include "backend/kv_pages.hpp"
#include "cuda/cuda_rows.hpp"
#include "support/normalised_error.hpp"

namespace linnet {
namespace {

using test::DeviceRows;
using test::random_floats;

struct Shape {
  int heads = 6, kv_heads = 2, key_width = 24, value_width = 20;
};

// What attention is given besides the shape; vectors go to the backend's memory.
struct Variant {
  AttentionParams params;
  std::vector<float> sinks, slopes;
  int picked = 0;  // keys that an indexer picks; 0: all are seen
  int silent = 0;  // the batches of these first tokens are stored only
};

std::vector<Variant> variants() {
  std::vector<Variant> all(9);
  all[1].params.softcap = 3.0f;
  all[2].params.span = AttentionSpan::kSliding;
  all[2].params.window = 37;
  all[3].params.span = AttentionSpan::kChunked;
  all[3].params.window = 40;
  all[4].sinks = random_floats(6, 11);
  all[5].slopes = {0.5f, 0.25f, 0.125f, 0.1f, 0.05f, 0.01f};
  all[6].params.causal = false;
  all[7].params.causal = false;
  all[7].params.span = AttentionSpan::kCentred;
  all[7].params.window = 37;
  all[8].params.causal = false;
  all[8].slopes = all[5].slopes;
  return all;
}

class CudaAttentionTest : public test::CudaTest {
 protected:
  // Attention over `tokens` positions of a sequence, in batches of `chunk` rows; it is the second
  // of two, the other of which has no rows.
  static std::vector<float> run(Backend& backend, KvType type, const Shape& shape,
                                const Variant& variant, int tokens, int chunk) {
    AttentionParams params = variant.params;
    params.heads = shape.heads;
    params.kv_heads = shape.kv_heads;
    params.key_width = shape.key_width;
    params.value_width = shape.value_width;
    params.scale = 0.2f;
    params.selected = variant.picked > 0;
    const DeviceRows sinks(backend, 1, 6, variant.sinks), slopes(backend, 1, 6, variant.slopes);
    if (!variant.sinks.empty()) params.sinks = sinks.data();
    if (!variant.slopes.empty()) params.alibi_slopes = slopes.data();
    const auto rows = [&](int columns, int seed) {
      return test::random_rows(backend, tokens, columns, seed);
    };
    const DeviceRows queries = rows(shape.heads * shape.key_width, 1);
    const DeviceRows keys = rows(shape.kv_heads * shape.key_width, 2);
    const DeviceRows own_values = rows(shape.kv_heads * shape.value_width, 3);
    const View values = params.values_in_keys ? keys.view().slice(0, 0) : own_values.view();
    const std::int64_t out_columns = std::int64_t{shape.heads} * shape.value_width;
    const DeviceRows out(backend, tokens, out_columns,
                         std::vector<float>(static_cast<std::size_t>(tokens * out_columns)));
    const DeviceRows index_keys = rows(8, 4), index_queries = rows(24, 5), weights = rows(3, 6);

    const std::int32_t pages_needed = pages_for(tokens);
    auto store = backend.make_kv_store(
        {{{1, 8, 8},
          {shape.kv_heads, shape.key_width, params.values_in_keys ? 0 : shape.value_width}},
         type,
         pages_needed + 1});
    if (!store) return ADD_FAILURE() << store.error().message, std::vector<float>{};
    params.layer = 1;
    std::vector<std::int32_t> pages(pages_needed);
    std::iota(pages.rbegin(), pages.rend(), 1);
    const std::int32_t other = 0;
    const std::span<const std::int32_t> tables[] = {{&other, 1}, pages};
    for (int first = 0; first < tokens; first += chunk) {
      const int count = std::min(chunk, tokens - first);
      std::vector<std::int32_t> positions(count), sequences(count, 1);
      std::iota(positions.begin(), positions.end(), first);
      const std::int32_t lengths[] = {1, first + count};
      const BatchLayout batch{positions, sequences, tables, lengths};
      const auto part = [&](const View& all) {
        return View{all.row(first), count, all.columns, all.stride};
      };
      backend.store_kv(**store, 1, part(keys.view()), part(values), batch);
      if (params.selected) {
        backend.store_kv(**store, 0, part(index_keys.view()), part(index_keys.view()), batch);
      }
      if (first + count <= variant.silent) continue;
      if (params.selected) {
        backend.select_keys(**store, part(index_queries.view()), part(weights.view()),
                            {0, 3, 8, variant.picked}, batch);
      }
      backend.attention(**store, part(queries.view()), params, batch, part(out.view()));
    }
    return out.values();
  }

  struct PickedCase {
    KvType type;
    int heads, picked, tokens, chunk;
  };
  // Latents of which each row picks some.
  void expect_picked_latents(const PickedCase& c, int key_width, int value_width) {
    Variant variant;
    variant.params.values_in_keys = true;
    variant.picked = c.picked;
    const auto attend = [&](Backend& b) {
      return run(b, c.type, {c.heads, 1, key_width, value_width}, variant, c.tokens, c.chunk);
    };
    expect_agreement(attend, 1e-6);
  }
};

TEST_F(CudaAttentionTest, AgreesWithTheReference) {
  for (const KvType type :
       {KvType::kF32, KvType::kF16, KvType::kBf16, KvType::kQ8_0, KvType::kF8}) {
    for (const Variant& variant : variants()) {
      expect_agreement([&](Backend& b) { return run(b, type, {}, variant, 101, 101); }, 1e-6);
    }
  }
}

TEST_F(CudaAttentionTest, ChunksAndSingleTokens) {
  for (const Variant& variant : variants()) {
    if (!variant.params.causal) continue;
    const auto want = run(*reference_, KvType::kF16, {}, variant, 90, 90);
    EXPECT_LT(test::normalised_error(run(*cuda_, KvType::kF16, {}, variant, 90, 13), want), 1e-6);
    EXPECT_LT(test::normalised_error(run(*cuda_, KvType::kF16, {}, variant, 90, 1), want), 1e-6);
  }
}

// Every kernel: heads of 32 to 512 columns, one to ten query heads for a KV head.
TEST_F(CudaAttentionTest, HeadsOfAllWidths) {
  const Shape shapes[] = {{3, 3, 64, 64},   {4, 1, 128, 128},  {8, 1, 64, 128}, {10, 2, 96, 96},
                          {4, 2, 256, 256}, {10, 1, 576, 512}, {7, 1, 128, 128}};
  for (const Shape& shape : shapes) {
    for (const KvType type :
         {KvType::kF32, KvType::kF16, KvType::kBf16, KvType::kQ8_0, KvType::kF8}) {
      for (const int chunk : {40, 4}) {  // in tiles where there are such, and row by row
        expect_agreement([&](Backend& b) { return run(b, type, shape, {}, 40, chunk); }, 1e-6);
      }
    }
  }
}

// Latents: values are the first columns of the keys. Rows that fill a tile and some that don't, in
// few blocks and split.
TEST_F(CudaAttentionTest, Latents) {
  std::vector<Variant> all = variants();
  all.resize(5);
  for (Variant& variant : all) variant.params.values_in_keys = true;
  for (const Variant& variant : {all[0], all[2], all[4]}) {
    for (const KvType type :
         {KvType::kF32, KvType::kF16, KvType::kBf16, KvType::kQ8_0, KvType::kF8}) {
      for (const int chunk : {70, 33, 1}) {
        expect_agreement(
            [&](Backend& b) {
              return run(b, type, {6, 1, 288, 256}, variant, 70, chunk);
            },
            1e-6);
      }
    }
  }
  for (const KvType type : {KvType::kF16, KvType::kBf16}) {
    expect_agreement(
        [&](Backend& b) {
          return run(b, type, {5, 1, 576, 512}, all[0], 40, 20);
        },
        1e-6);
  }
}

// Tiles of a row and of several, which pick other keys each: of some pages one of them does, of
// others none.
TEST_F(CudaAttentionTest, PickedLatents) {
  for (const PickedCase& c :
       {PickedCase{KvType::kF16, 6, 3, 130, 70}, PickedCase{KvType::kF16, 6, 40, 70, 70},
        PickedCase{KvType::kBf16, 6, 1, 70, 70}, PickedCase{KvType::kF16, 66, 3, 70, 69}}) {
    expect_picked_latents(c, 288, 256);
  }
}

// Wide latents of which a row picks some, brought together: in one block of keys and in several,
// heads that fill no tile and more than one. The first rows see fewer than they may pick.
TEST_F(CudaAttentionTest, GatheredLatents) {
  for (const PickedCase& c :
       {PickedCase{KvType::kF16, 17, 40, 75, 75}, PickedCase{KvType::kF16, 66, 3, 40, 37},
        PickedCase{KvType::kBf16, 16, 70, 101, 52}, PickedCase{KvType::kQ8_0, 16, 33, 70, 67},
        PickedCase{KvType::kF8, 16, 33, 70, 67}, PickedCase{KvType::kF16, 16, 150, 170, 169}}) {
    expect_picked_latents(c, 576, 512);
  }
}

// So many keys that the bits of a row's picks are found by many threads, several times over.
TEST_F(CudaAttentionTest, GatheredAmongMany) {
  constexpr int kTokens = 9000;
  Variant variant;
  variant.params.values_in_keys = true;
  variant.picked = 300;
  variant.silent = kTokens - 3;
  const auto attend = [&](Backend& b) {
    auto all = run(b, KvType::kF16, {16, 1, 576, 512}, variant, kTokens, kTokens - 3);
    return std::vector<float>(all.end() - std::int64_t{3} * 16 * 512, all.end());
  };
  expect_agreement(attend, 1e-6);
}

// Prompts on tensor cores: tiles with a rest, windows that begin behind a tile's first keys, a
// cache that holds the beginning already.
TEST_F(CudaAttentionTest, TilesOfQueries) {
  constexpr Shape kGrouped{6, 2, 64, 64}, kWide{6, 6, 128, 128};
  for (const KvType type : {KvType::kF16, KvType::kBf16, KvType::kQ8_0, KvType::kF8}) {
    for (const Variant& variant : variants()) {
      for (const Shape& shape : {kGrouped, kWide}) {
        if (shape.key_width == kWide.key_width && type != KvType::kF16) continue;
        const auto want = run(*reference_, type, shape, variant, 150, 150);
        EXPECT_LT(test::normalised_error(run(*cuda_, type, shape, variant, 150, 150), want), 1e-6);
        if (!variant.params.causal) continue;
        EXPECT_LT(test::normalised_error(run(*cuda_, type, shape, variant, 150, 71), want), 1e-6);
      }
    }
  }
}

TEST_F(CudaAttentionTest, TilesOfAllWidths) {
  for (const KvType type : {KvType::kF16, KvType::kBf16, KvType::kQ8_0, KvType::kF8}) {
    for (const Shape& shape :
         {Shape{4, 2, 80, 80}, Shape{3, 1, 96, 96}, Shape{2, 2, 192, 128}, Shape{2, 1, 256, 256}}) {
      for (const int chunk : {100, 37}) {
        expect_agreement([&](Backend& b) { return run(b, type, shape, {}, 100, chunk); }, 1e-6);
      }
    }
  }
}

// What becomes of the heads of queries, keys and values before attention is one kernel where it can
// be; whatever it is, in whatever order.
TEST_F(CudaAttentionTest, HeadsBeforeAttention) {
  constexpr int kRows = 3, kHeads = 4, kKvHeads = 2, kWidth = 32;
  const std::vector<float> frequencies = {1.0f, 0.5f, 0.25f, 0.1f, 0.05f, 0.02f, 0.01f, 0.001f};
  const std::vector<std::int32_t> positions = {0, 1, 2}, others = {9, 0, 2};
  const std::vector<std::int32_t> sequences(kRows, 0), pages = {1, 0};
  struct Heads {
    Backend& b;
    View query, key, value;
    const float* weight;
    std::span<const float> frequencies;

    void norm(View x) const { b.norm(x, {NormKind::kRms, 1e-5f, weight, nullptr, kWidth}, x); }
    void rope(View x, std::span<const std::int32_t> places, int first = 0) const {
      const int heads = static_cast<int>(x.columns) / kWidth;
      b.rope(x, places, {RopeLayout::kSplitHalf, heads, kWidth, first, 16, frequencies});
    }
  };
  const std::function<void(const Heads&)> cases[] = {
      [](const Heads&) {},
      [&](const Heads& h) { h.rope(h.query, positions), h.rope(h.key, positions); },
      [&](const Heads& h) {
        h.norm(h.query), h.norm(h.key);
        h.rope(h.query, positions), h.rope(h.key, positions);
      },
      [&](const Heads& h) {
        h.rope(h.query, positions), h.rope(h.key, positions);
        h.norm(h.query), h.norm(h.key), h.norm(h.value);
      },
      [&](const Heads& h) { h.norm(h.value), h.norm(h.key), h.norm(h.query), h.norm(h.key); },
      [&](const Heads& h) { h.rope(h.key, positions), h.rope(h.key, positions, 8); },
      [&](const Heads& h) { h.rope(h.key, others), h.rope(h.query, positions); },
      [&](const Heads& h) { h.rope(h.query, positions), h.rope(h.key, others); },
      [&](const Heads& h) { h.norm(h.key), h.rope(h.key.slice(kWidth, kWidth), positions); },
      [&](const Heads& h) { h.norm(h.key), h.b.scale(h.key, 2.0f), h.rope(h.key, positions); },
      [&](const Heads& h) { h.norm(h.query.first_rows(2)), h.rope(h.key, positions); },
  };
  for (std::size_t i = 0; i < std::size(cases); ++i) {
    SCOPED_TRACE(i);
    for (const bool one_view : {false, true}) {  // for keys and values
      expect_agreement(
          [&](Backend& b) {
            auto store = b.make_kv_store({{{kKvHeads, kWidth, kWidth}}, KvType::kF32, 2});
            const DeviceRows all = test::random_rows(b, kRows, 8 * kWidth, 1);
            const DeviceRows weight = test::random_rows(b, 1, kWidth, 2), out(b, kRows, 4 * kWidth);
            const View x = all.view();
            const Heads heads{b,
                              x.slice(0, 4 * kWidth),
                              x.slice(4 * kWidth, 2 * kWidth),
                              x.slice(6 * kWidth, 2 * kWidth),
                              weight.data(),
                              frequencies};
            cases[i](heads);
            const std::int32_t length = 3;
            const std::span<const std::int32_t> table(pages);
            const BatchLayout batch{positions, sequences, {&table, 1}, {&length, 1}};
            b.store_kv(**store, 0, heads.key, one_view ? heads.key : heads.value, batch);
            AttentionParams params{0, kHeads, kKvHeads, kWidth, kWidth};
            b.attention(**store, heads.query, params, batch, out.view());
            std::vector<float> result = out.values(), rest = all.values();
            result.insert(result.end(), rest.begin(), rest.end());
            return result;
          },
          1e-9);
    }
  }
}

// Long enough for the keys of a row to be split.
TEST_F(CudaAttentionTest, SplitKeysAddUp) {
  Variant with_sinks;
  with_sinks.sinks = random_floats(6, 11);
  for (const Variant& variant : {Variant{}, with_sinks}) {
    const auto last = [&](Backend& b) {
      auto all = run(b, KvType::kF16, {2, 1, 32, 32}, variant, 1200, 600);
      return std::vector<float>(all.end() - 64, all.end());
    };
    expect_agreement(last, 1e-6);
  }
}

TEST_F(CudaAttentionTest, SequencesSideBySideAndCopiedPages) {
  const auto run_two = [](Backend& b) {
    auto store = b.make_kv_store({{{1, 16, 16}}, KvType::kF16, 6});
    const std::vector<std::int32_t> first = {3, 1}, second = {0}, copied = {5, 2};
    const std::span<const std::int32_t> tables[] = {first, second};
    std::vector<std::int32_t> positions(40), sequences(40, 0);
    std::iota(positions.begin(), positions.begin() + 35, 0);
    std::iota(positions.begin() + 35, positions.end(), 0);
    std::fill(sequences.begin() + 35, sequences.end(), 1);
    const std::int32_t lengths[] = {35, 5};
    const BatchLayout batch{positions, sequences, tables, lengths};
    AttentionParams params{0, 2, 1, 16, 16};
    const DeviceRows keys = test::random_rows(b, 40, 16, 1),
                     values = test::random_rows(b, 40, 16, 2);
    const DeviceRows queries = test::random_rows(b, 40, 32, 3), out(b, 40, 32), again(b, 1, 32);
    b.store_kv(**store, 0, keys.view(), values.view(), batch);
    b.attention(**store, queries.view(), params, batch, out.view());
    (*store)->copy_page(3, 5);
    (*store)->copy_page(1, 2);
    const std::span<const std::int32_t> copied_table(copied);
    const std::int32_t position = 34, sequence = 0, length = 35;
    b.attention(**store, queries.view().first_rows(1), params,
                {{&position, 1}, {&sequence, 1}, {&copied_table, 1}, {&length, 1}}, again.view());
    auto result = out.values();
    const auto last = again.values();
    result.insert(result.end(), last.begin(), last.end());
    return result;
  };
  expect_agreement(run_two, 1e-9);
}

TEST_F(CudaAttentionTest, SelectedKeys) {
  const auto run_selected = [](Backend& b) {
    constexpr int kTokens = 70;
    auto store = b.make_kv_store({{{1, 16, 16}, {1, 16, 0}}, KvType::kF32, 3});
    const std::vector<std::int32_t> pages = {2, 0, 1};
    const std::span<const std::int32_t> table(pages);
    std::vector<std::int32_t> positions(kTokens), sequences(kTokens, 0);
    std::iota(positions.begin(), positions.end(), 0);
    const std::int32_t length = kTokens;
    const BatchLayout batch{positions, sequences, {&table, 1}, {&length, 1}};
    const auto rows = [&](int columns, int seed) {
      return test::random_rows(b, kTokens, columns, seed);
    };
    const DeviceRows keys = rows(16, 1), values = rows(16, 2), queries = rows(32, 3);
    const DeviceRows index_keys = rows(16, 4), index_queries = rows(48, 5), weights = rows(3, 6);
    const DeviceRows out(b, kTokens, 32);
    b.store_kv(**store, 0, keys.view(), values.view(), batch);
    b.store_kv(**store, 1, index_keys.view(), View{index_keys.data(), kTokens, 0, 16}, batch);
    b.select_keys(**store, index_queries.view(), weights.view(), {1, 3, 16, 9}, batch);
    AttentionParams params{0, 2, 1, 16, 16};
    params.selected = true;
    b.attention(**store, queries.view(), params, batch, out.view());
    return out.values();
  };
  expect_agreement(run_selected, 1e-9);
}

struct HeadBlocks {
  int kv_heads, most;
  PickedBlocks blocks;
  float levels;  // of the columns of index keys and queries: few make equal scores
};

// Each KV head sees blocks that it picked by a head of its own, in one batch and in rows alone.
TEST_F(CudaAttentionTest, BlocksOfKvHeads) {
  constexpr int kTokens = 301, kWidth = 16;
  const auto run_blocks = [](Backend& b, KvType type, const HeadBlocks& c, int chunk) {
    const int heads = 2 * c.kv_heads;
    auto store =
        b.make_kv_store({{{c.kv_heads, kWidth, kWidth}, {1, kWidth, 0}}, type, pages_for(kTokens)});
    std::vector<std::int32_t> pages(pages_for(kTokens));
    std::iota(pages.rbegin(), pages.rend(), 0);
    const std::span<const std::int32_t> table(pages);
    const auto rows = [&](int columns, int seed) {
      return test::random_rows(b, kTokens, columns, seed);
    };
    const auto rounded = [&](int columns, int seed) {
      std::vector<float> values = random_floats(kTokens * columns, seed);
      for (float& value : values) value = std::round(value * c.levels) / c.levels;
      return DeviceRows(b, kTokens, columns, values);
    };
    const DeviceRows keys = rows(c.kv_heads * kWidth, 1), values = rows(c.kv_heads * kWidth, 2),
                     queries = rows(heads * kWidth, 3);
    const DeviceRows index_keys = rounded(kWidth, 4),
                     index_queries = rounded(c.kv_heads * kWidth, 5);
    const DeviceRows out(b, kTokens, heads * kWidth);
    AttentionParams params{0, heads, c.kv_heads, kWidth, kWidth};
    params.selected = true;
    SelectParams select{1, c.kv_heads, kWidth, c.most};
    select.blocks = c.blocks;
    for (int first = 0; first < kTokens; first += chunk) {
      const int count = std::min(chunk, kTokens - first);
      std::vector<std::int32_t> positions(count), sequences(count, 0);
      std::iota(positions.begin(), positions.end(), first);
      const std::int32_t length = first + count;
      const BatchLayout batch{positions, sequences, {&table, 1}, {&length, 1}};
      const auto part = [&](const DeviceRows& all) {
        return View{all.view().row(first), count, all.view().columns, all.view().stride};
      };
      b.store_kv(**store, 0, part(keys), part(values), batch);
      b.store_kv(**store, 1, part(index_keys), part(index_keys).slice(0, 0), batch);
      b.select_keys(**store, part(index_queries), {}, select, batch);
      b.attention(**store, part(queries), params, batch, part(out));
    }
    return out.values();
  };
  for (const HeadBlocks& c : {HeadBlocks{3, 5, {3, 1}, 1e6f}, HeadBlocks{9, 2, {32, 0}, 1e6f},
                              HeadBlocks{2, 3, {64, 2}, 1e6f}, HeadBlocks{2, 1000, {4, 1}, 1e6f},
                              HeadBlocks{3, 7, {4, 1}, 1.0f}, HeadBlocks{1, 6, {7, 2}, 1e6f}}) {
    expect_agreement([&](Backend& b) { return run_blocks(b, KvType::kF32, c, kTokens); }, 1e-9);
    expect_agreement([&](Backend& b) { return run_blocks(b, KvType::kF16, c, 37); }, 1e-6);
  }
}

}  // namespace
}  // namespace linnet
