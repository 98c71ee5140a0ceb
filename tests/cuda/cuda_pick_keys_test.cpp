// The keys that the device picks are those that pick_keys() picks on the host, for the reference.

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "backend/kv_pages.hpp"
#include "cuda/cuda_rows.hpp"

namespace linnet {
namespace {

using test::DeviceRows;

using Scores = std::vector<std::vector<float>>;  // of each sequence's keys

struct Row {
  std::int32_t sequence, position;
};

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr int kValueWidth = 4;

// Index keys, and what picks among them.
struct Index {
  int heads = 2, width = 1;
  KvType type = KvType::kF32;
  int stride = 1;
  bool picks_tokens = false;
};

// Sequences with index keys. Attention weighs all keys that were picked alike, so what it gives of
// random values tells which they were.
class Picker {
 public:
  // keys[s] has the numbers of the tokens' keys of a sequence; with a stride the last token of each
  // block has the block's key.
  Picker(Backend& backend, const Index& index, const Scores& keys)
      : backend_(backend), index_(index) {
    std::vector<float> all;
    std::vector<std::int32_t> positions, sequences;
    for (std::size_t s = 0; s < keys.size(); ++s) {
      const auto length = static_cast<std::int32_t>(keys[s].size()) / index.width;
      lengths_.push_back(length);
      all.insert(all.end(), keys[s].begin(), keys[s].end());
      for (std::int32_t p = 0; p < length; ++p) positions.push_back(p);
      sequences.insert(sequences.end(), length, static_cast<std::int32_t>(s));
      std::vector<std::int32_t>& pages = pages_.emplace_back(pages_for(length));
      std::iota(pages.rbegin(), pages.rend(), page_count_);
      page_count_ += std::ssize(pages);
    }
    tables_.assign(pages_.begin(), pages_.end());
    auto made = backend.make_kv_store(
        {{{1, 1, kValueWidth}, {1, index.width, 0, index.stride}}, index.type, page_count_});
    if (!made) throw std::runtime_error(made.error().message);
    store_ = std::move(*made);
    const auto tokens = std::ssize(positions);
    const DeviceRows zeros(backend, tokens, 1, std::vector<float>(positions.size(), 0.0f));
    const DeviceRows values = test::random_rows(backend, tokens, kValueWidth, 1);
    const BatchLayout batch{positions, sequences, tables_, lengths_};
    backend.store_kv(*store_, 0, zeros.view(), values.view(), batch);
    store_index_keys(all, batch);
  }

  // `queries` and `weights` are those of all rows' heads.
  std::vector<float> pick(std::span<const Row> rows, int most, const std::vector<float>& queries,
                          const std::vector<float>& weights) const {
    std::vector<std::int32_t> positions, sequences;
    for (const Row& row : rows) {
      positions.push_back(row.position);
      sequences.push_back(row.sequence);
    }
    const auto count = std::ssize(rows);
    const DeviceRows heads(backend_, count, std::int64_t{index_.heads} * index_.width, queries),
        head_weights(backend_, count, index_.heads, weights), out(backend_, count, kValueWidth);
    const DeviceRows zeros(backend_, count, 1, std::vector<float>(rows.size(), 0.0f));
    const BatchLayout batch{positions, sequences, tables_, lengths_};
    backend_.select_keys(*store_, heads.view(), head_weights.view(),
                         {1, index_.heads, index_.width, most, index_.stride, index_.picks_tokens},
                         batch);
    AttentionParams params{0, 1, 1, 1, kValueWidth};
    params.selected = true;
    backend_.attention(*store_, zeros.view(), params, batch, out.view());
    return out.values();
  }
  // Where keys are the scores themselves: of two heads one sees what is above zero, the other what
  // is below.
  std::vector<float> pick(std::span<const Row> rows, int most) const {
    std::vector<float> signs;
    for (std::size_t r = 0; r < rows.size(); ++r) signs.insert(signs.end(), {1.0f, -1.0f});
    return pick(rows, most, signs, signs);
  }

 private:
  void store_index_keys(const std::vector<float>& keys, const BatchLayout& batch) {
    std::vector<float> ends;
    std::vector<std::int32_t> positions, sequences;
    for (std::size_t i = 0; i < batch.positions.size(); ++i) {
      if ((batch.positions[i] + 1) % index_.stride != 0) continue;
      const auto key = keys.begin() + static_cast<std::ptrdiff_t>(i) * index_.width;
      ends.insert(ends.end(), key, key + index_.width);
      positions.push_back(batch.positions[i]);
      sequences.push_back(batch.sequences[i]);
    }
    const DeviceRows rows(backend_, std::ssize(positions), index_.width, ends);
    const BatchLayout places{positions, sequences, tables_, lengths_};
    backend_.store_kv(*store_, 1, rows.view(), rows.view().slice(0, 0), places);
  }

  Backend& backend_;
  Index index_;
  std::vector<std::vector<std::int32_t>> pages_;
  std::vector<std::span<const std::int32_t>> tables_;
  std::vector<std::int32_t> lengths_;
  std::int32_t page_count_ = 0;
  std::unique_ptr<KvStore> store_;
};

class CudaPickKeysTest : public test::CudaTest {
 protected:
  // Each row by itself and all of them side by side.
  void expect_the_picks_of_the_host(const Scores& scores, const std::vector<Row>& rows,
                                    std::span<const int> mosts, int stride = 1) {
    const Index index{.stride = stride, .picks_tokens = stride > 1};
    const Picker host(*reference_, index, scores), device(*cuda_, index, scores);
    for (const int most : mosts) {
      const std::vector<float> want = host.pick(rows, most);
      expect_rows(device.pick(rows, most), want, most);
      if (rows.size() == 1) continue;
      const std::vector<float> last = device.pick(std::span(rows).last(1), most);
      EXPECT_LT(test::normalised_error(last, std::span(want).last(kValueWidth)), 1e-9) << most;
    }
  }

  static void expect_rows(const std::vector<float>& got, const std::vector<float>& want, int most) {
    ASSERT_EQ(got.size(), want.size());
    for (std::size_t r = 0; r < want.size() / kValueWidth; ++r) {
      const auto of_row = [&](const std::vector<float>& all) {
        return std::span(all).subspan(r * kValueWidth, kValueWidth);
      };
      EXPECT_LT(test::normalised_error(of_row(got), of_row(want)), 1e-9)
          << most << " of the keys of row " << r;
    }
  }

  static std::vector<float> random(std::int64_t count, float levels, std::uint32_t seed = 5) {
    std::vector<float> scores = test::random_floats(count, seed);
    for (float& score : scores) score = std::round(score * levels) / levels;
    return scores;
  }
};

constexpr int kMosts[] = {1, 2, 33, 512, 1500};

TEST_F(CudaPickKeysTest, ScoresThatDiffer) {
  const std::vector<float> scores = random(2100, 1e7f);
  expect_the_picks_of_the_host({scores}, {{0, 0}, {0, 1}, {0, 32}, {0, 512}, {0, 1499}, {0, 2099}},
                               kMosts);
}

TEST_F(CudaPickKeysTest, ManyEqualScores) {
  const std::vector<Row> rows = {{0, 0},    {0, 2},    {0, 511}, {0, 513},
                                 {0, 1499}, {0, 1500}, {0, 2098}};
  for (const float levels : {1.0f, 40.0f}) {
    std::vector<float> scores = random(2099, levels);
    expect_the_picks_of_the_host({scores}, rows, kMosts);
  }
  expect_the_picks_of_the_host({std::vector<float>(2099, -1.0f)}, rows, kMosts);
}

// In the one order every key is better than those before, in the other none is.
TEST_F(CudaPickKeysTest, EqualScoresInOrder) {
  std::vector<float> scores = random(2099, 40.0f);
  std::ranges::sort(scores);
  expect_the_picks_of_the_host({scores}, {{0, 1600}, {0, 2098}}, kMosts);
  std::ranges::reverse(scores);
  expect_the_picks_of_the_host({scores}, {{0, 1600}, {0, 2098}}, kMosts);
}

TEST_F(CudaPickKeysTest, InfinitiesAndBothZeros) {
  std::vector<float> scores = random(1000, 1e7f);
  for (std::size_t i = 0; i < scores.size(); i += 3) scores[i] = i % 2 == 0 ? 0.0f : -0.0f;
  for (std::size_t i = 1; i < scores.size(); i += 7) scores[i] = -kInfinity;
  for (std::size_t i = 2; i < scores.size(); i += 90) scores[i] = kInfinity;
  constexpr int kFew[] = {1, 5, 400, 900};
  expect_the_picks_of_the_host({scores}, {{0, 70}, {0, 901}, {0, 999}}, kFew);
  expect_the_picks_of_the_host({std::vector<float>(1000, -kInfinity)}, {{0, 70}, {0, 999}}, kFew);
}

TEST_F(CudaPickKeysTest, TokensOfBlocks) {
  const Scores scores = {random(2099, 1e7f, 1), {0.5f}, random(333, 2.0f, 2)};
  const std::vector<Row> rows = {{0, 0},    {0, 31}, {0, 513}, {0, 2096}, {0, 2097},
                                 {0, 2098}, {1, 0},  {2, 330}, {2, 331},  {2, 332}};
  for (const int stride : {2, 4, 32}) {
    expect_the_picks_of_the_host(scores, rows, std::array{1, 7, 35, 300, 1500}, stride);
  }
}

TEST_F(CudaPickKeysTest, SequencesSideBySide) {
  const Scores scores = {random(900, 1e7f, 1), {0.5f}, random(333, 2.0f, 2), random(1300, 3.0f, 3)};
  expect_the_picks_of_the_host(
      scores, {{3, 1200}, {3, 1201}, {1, 0}, {0, 899}, {2, 330}, {2, 331}, {2, 332}, {3, 1299}},
      std::array{7, 300});
}

// As many as a long context has, which many thread blocks count; scores of so many rows are not
// held at once. The last of few that are picked differs from all others, the last of many does not.
TEST_F(CudaPickKeysTest, TensOfThousands) {
  std::vector<float> scores = test::random_floats(50'003, 5);
  for (float& score : scores) score = std::abs(score) < 0.5f ? 0.0f : score;
  std::vector<Row> rows;
  for (std::int32_t i = 0; i < 80; ++i) rows.push_back({0, 30 * i});
  rows.push_back({0, 50'002});
  expect_the_picks_of_the_host({scores}, rows, std::array{2048, 20'000});
}

std::vector<float> random_integers(std::int64_t count, std::uint32_t seed) {
  std::vector<float> numbers = test::random_floats(count, seed);
  for (float& number : numbers) number = std::round(std::clamp(number, -3.0f, 3.0f));
  return numbers;
}

// Keys as wide as DeepSeek's, which tensor cores score. All numbers are integers (those of queries
// times powers of two that binary16 does not hold), so that scores are exact, and many are equal.
// Rows of two sequences, in turn and one after the other, more than meet the keys of a thread
// block; rows that pick all; keys of several thread blocks.
TEST_F(CudaPickKeysTest, WideKeysOnTensorCores) {
  constexpr int kWidth = 128, kLengths[] = {560, 90};
  std::vector<Row> rows = {{0, 559}, {1, 89}, {0, 3}, {1, 40}, {0, 558}};
  for (std::int32_t p = 520; p < 545; ++p) rows.push_back({0, p});
  rows.insert(rows.end(), {{1, 88}, {0, 300}});
  Scores keys;
  for (const int length : kLengths) {
    keys.push_back(random_integers(std::int64_t{length} * kWidth, length));
    // The scale of a block of Q8_0 becomes 1; queries don't see these columns.
    for (std::size_t i = 0; i < keys.back().size(); i += 32) keys.back()[i] = 127.0f;
  }
  const Index indices[] = {{16, kWidth, KvType::kF16},  {64, kWidth, KvType::kF16, 4},
                           {16, kWidth, KvType::kBf16}, {32, kWidth, KvType::kQ8_0},
                           {16, kWidth, KvType::kF8},   {16, kWidth, KvType::kF16, 32, true}};
  for (const Index& index : indices) {
    const auto heads = std::ssize(rows) * index.heads;
    std::vector<float> queries = random_integers(heads * kWidth, 8);
    for (std::size_t i = 0; i < queries.size(); ++i) {
      queries[i] *= i % 32 == 0 ? 0.0f : i / kWidth % 2 == 0 ? 0x1p20f : 0x1p22f;
    }
    const std::vector<float> weights = random_integers(heads, 9);
    const Picker host(*reference_, index, keys), device(*cuda_, index, keys);
    for (const int most : {1, 35}) {
      expect_rows(device.pick(rows, most, queries, weights),
                  host.pick(rows, most, queries, weights), most);
    }
  }
}

}  // namespace
}  // namespace linnet
