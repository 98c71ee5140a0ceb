// Compressed keys and several residual streams.

#include <numeric>

#include "backend/kv_pages.hpp"
#include "cuda/cuda_rows.hpp"
#include "support/normalised_error.hpp"

namespace linnet {
namespace {

using test::DeviceRows;
using test::random_rows;

struct Case {
  KvType type;
  int stride;
  int picks;  // keys that an indexer picks of them; 0: all are seen
  int heads, width, tokens;
  bool has_compressed = true;
};

// Of a sequence that is the second of two, the other of which has no rows.
std::vector<float> attend(Backend& backend, const Case& c, int chunk) {
  constexpr int kIndexHeads = 4, kIndexWidth = 20;
  const auto rows = [&](int count, int columns, int seed) {
    return random_rows(backend, count, columns, seed);
  };
  const DeviceRows queries = rows(c.tokens, c.heads * c.width, 1),
                   keys = rows(c.tokens, c.width, 2);
  const DeviceRows compressed = rows(c.tokens / c.stride + 1, c.width, 3);
  const DeviceRows index_keys = rows(c.tokens / c.stride + 1, kIndexWidth, 4);
  const DeviceRows index_queries = rows(c.tokens, kIndexHeads * kIndexWidth, 5);
  const DeviceRows index_weights = rows(c.tokens, kIndexHeads, 6), sinks = rows(1, c.heads, 7);
  const DeviceRows out(backend, c.tokens, c.heads * c.width);
  AttentionParams params{0, c.heads, 1, c.width, c.width, 0.3f};
  params.span = AttentionSpan::kSliding;
  params.window = 19;
  params.sinks = sinks.data();
  params.selected = c.picks > 0;
  if (c.has_compressed) params.compressed = {1, c.stride};
  params.values_in_keys = true;

  const std::int32_t pages_needed = pages_for(c.tokens);
  auto store = backend.make_kv_store(
      {{{1, c.width, 0}, {1, c.width, 0, c.stride}, {1, kIndexWidth, 0, c.stride}},
       c.type,
       pages_needed + 1});
  if (!store) return ADD_FAILURE() << store.error().message, std::vector<float>{};
  std::vector<std::int32_t> pages(pages_needed);
  std::iota(pages.rbegin(), pages.rend(), 1);
  const std::int32_t other = 0;
  const std::span<const std::int32_t> tables[] = {{&other, 1}, pages};
  for (int first = 0; first < c.tokens; first += chunk) {
    const std::int32_t length = std::min(first + chunk, c.tokens);
    std::vector<std::int32_t> positions(length - first), ends;
    std::iota(positions.begin(), positions.end(), first);
    std::ranges::copy_if(positions, std::back_inserter(ends),
                         [&](std::int32_t p) { return (p + 1) % c.stride == 0; });
    const std::vector<std::int32_t> sequences(positions.size(), 1), of_ends(ends.size(), 1);
    const std::int32_t lengths[] = {1, length};
    const auto part = [&](const DeviceRows& all, std::int64_t from, std::size_t count) {
      const View view = all.view();
      return View{view.row(from), static_cast<std::int64_t>(count), view.columns, view.stride};
    };
    const BatchLayout batch{positions, sequences, tables, lengths};
    const auto own = [&](const DeviceRows& all) { return part(all, first, positions.size()); };
    backend.store_kv(**store, 0, own(keys), own(keys).slice(0, 0), batch);
    if (!ends.empty()) {
      const BatchLayout places{ends, of_ends, tables, lengths};
      const View key = part(compressed, ends.front() / c.stride, ends.size());
      const View index_key = part(index_keys, ends.front() / c.stride, ends.size());
      backend.store_kv(**store, 1, key, key.slice(0, 0), places);
      backend.store_kv(**store, 2, index_key, index_key.slice(0, 0), places);
    }
    if (c.picks > 0) {
      backend.select_keys(**store, own(index_queries), own(index_weights),
                          {2, kIndexHeads, kIndexWidth, c.picks, c.stride}, batch);
    }
    backend.attention(**store, own(queries), params, batch, own(out));
  }
  return out.values();
}

class CudaCompressedKeysTest : public test::CudaTest {};

TEST_F(CudaCompressedKeysTest, AgreeWithTheReference) {
  for (const KvType type :
       {KvType::kF32, KvType::kF16, KvType::kBf16, KvType::kQ8_0, KvType::kF8}) {
    for (const Case& c : {Case{type, 4, 5, 6, 24, 77}, Case{type, 4, 0, 6, 24, 77},
                          Case{type, 128, 0, 3, 40, 130}, Case{type, 4, 5, 2, 512, 24}}) {
      const std::vector<float> want = attend(*reference_, c, c.tokens);
      for (const int chunk : {c.tokens, 29}) {
        EXPECT_LT(test::normalised_error(attend(*cuda_, c, chunk), want), 1e-6) << c.stride;
      }
    }
  }
}

// Heads as wide as DeepSeek V4's, and enough of them for tensor cores: picked keys, all that there
// are, with few tokens to a key and with more than a page has, and none.
TEST_F(CudaCompressedKeysTest, AreGatheredForTensorCores) {
  std::vector<Case> cases = {{KvType::kF16, 4, 5, 70, 512, 37},
                             {KvType::kF16, 128, 0, 16, 512, 270},
                             {KvType::kF16, 4, 0, 16, 512, 40, false}};
  for (const KvType type : {KvType::kF16, KvType::kBf16, KvType::kQ8_0, KvType::kF8}) {
    cases.push_back({type, 4, 17, 16, 512, 90});
    cases.push_back({type, 4, 0, 17, 512, 71});
  }
  for (const Case& c : cases) {
    const std::vector<float> want = attend(*reference_, c, c.tokens);
    for (const int chunk : {c.tokens, 29}) {
      EXPECT_LT(test::normalised_error(attend(*cuda_, c, chunk), want), 1e-6)
          << static_cast<int>(c.type) << ", stride " << c.stride << ", picks " << c.picks;
    }
  }
}

TEST_F(CudaCompressedKeysTest, OtherRowsDoNotMatterWhereNothingDependsOnThem) {
  CudaOptions options = test::options_of_environment();
  options.deterministic = true;
  const auto made = make_cuda_backend(1, options);
  ASSERT_TRUE(made) << made.error().message;
  for (const Case& c :
       {Case{KvType::kF16, 4, 5, 6, 24, 77}, Case{KvType::kF16, 4, 5, 16, 512, 40}}) {
    EXPECT_EQ(attend(**made, c, c.tokens), attend(**made, c, 13));
  }
}

class CudaWindowsTest : public test::CudaTest {
 protected:
  // All windows of two sequences, in the order in which batches end them.
  static std::vector<float> pool(Backend& backend, const PoolParams& shape, std::int64_t columns,
                                 std::span<const std::pair<int, int>> batches) {
    const DeviceRows offsets = random_rows(backend, shape.ratio, columns, 1);
    PoolParams params = shape;
    params.state = {1, 3};  // not the beginning of a slot
    params.offsets = offsets.data();
    auto store = backend.make_state_store({{7, 3 + 2 * columns * params.kept()}, 3});
    if (!store) return ADD_FAILURE() << store.error().message, std::vector<float>{};
    const std::int32_t slots[] = {2, 0};
    for (const std::int32_t slot : slots) (*store)->clear_slot(slot);
    std::vector<float> all;
    int done[2] = {};
    for (const auto& [first, second] : batches) {
      std::vector<std::int32_t> positions, sequences;
      std::int64_t ends = 0;
      for (int s = 0; s < 2; ++s) {
        for (int i = 0; i < (s == 0 ? first : second); ++i) {
          positions.push_back(done[s]++);
          sequences.push_back(s);
          ends += done[s] % params.ratio == 0 ? 1 : 0;
        }
      }
      const auto rows = std::ssize(positions);
      const DeviceRows in = random_rows(backend, rows, 2 * columns, 3 + done[0]);
      const DeviceRows out(backend, ends + 1, params.overlaps ? columns / 2 : columns);
      backend.pool_windows(**store, in.view().slice(0, columns), in.view().slice(columns, columns),
                           params, {positions, sequences, {}, {}, slots},
                           out.view().first_rows(ends));
      const std::vector<float> values = out.values();
      all.insert(all.end(), values.begin(), values.end());
    }
    return all;
  }
};

TEST_F(CudaWindowsTest, ArePooled) {
  const std::pair<int, int> batches[] = {{7, 2}, {1, 0}, {1, 9}, {14, 1}};
  for (const bool overlaps : {false, true}) {
    PoolParams params;
    params.ratio = 4;
    params.overlaps = overlaps;
    expect_agreement([&](Backend& b) { return pool(b, params, 140, batches); }, 1e-10);
  }
}

TEST_F(CudaWindowsTest, StreamsAreMixed) {
  constexpr std::int64_t kRows = 5, kWidth = 37;
  for (const int streams : {2, 4, 8}) {
    const auto mix = [&](Backend& b) {
      const int mixes_of = streams * (streams + 2);
      const DeviceRows scale = random_rows(b, 1, 3, 1), base = random_rows(b, 1, mixes_of, 2);
      const DeviceRows mixes = random_rows(b, kRows, mixes_of, 3);
      const DeviceRows all = random_rows(b, kRows, (streams + 1) * kWidth, 4);
      const DeviceRows read(b, kRows, streams), write(b, kRows, streams * (streams + 1));
      const DeviceRows x(b, kRows, kWidth), last(b, kRows, streams);
      const StreamParams params{streams, 1e-6f, 7, scale.data(), base.data()};
      const View only = all.view().slice(0, streams * kWidth);
      b.stream_weights(mixes.view(), params, read.view(), write.view());
      b.mix_streams(only, read.view(), kWidth, x.view());
      b.mix_streams(all.view(), write.view(), kWidth, only);
      b.stream_weights(mixes.view().slice(0, streams), params, last.view(), View{});
      std::vector<float> result;
      for (const DeviceRows* rows : {&all, &read, &write, &x, &last}) {
        const std::vector<float> values = rows->values();
        result.insert(result.end(), values.begin(), values.end());
      }
      return result;
    };
    expect_agreement(mix, 1e-10);
  }
}

}  // namespace
}  // namespace linnet
