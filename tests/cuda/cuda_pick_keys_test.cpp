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

// Sequences whose index keys are the scores themselves: of two heads one sees what is above zero,
// the other what is below. Attention weighs all keys that were picked alike, so what it gives of
// random values tells which they were.
class Picker {
 public:
  // With a stride the last token of each block has the block's score, and tokens are picked.
  Picker(Backend& backend, const Scores& scores, int stride = 1)
      : backend_(backend), stride_(stride) {
    std::vector<float> keys;
    std::vector<std::int32_t> positions, sequences;
    for (std::size_t s = 0; s < scores.size(); ++s) {
      const auto length = static_cast<std::int32_t>(scores[s].size());
      lengths_.push_back(length);
      keys.insert(keys.end(), scores[s].begin(), scores[s].end());
      for (std::int32_t p = 0; p < length; ++p) positions.push_back(p);
      sequences.insert(sequences.end(), scores[s].size(), static_cast<std::int32_t>(s));
      std::vector<std::int32_t>& pages = pages_.emplace_back(pages_for(length));
      std::iota(pages.rbegin(), pages.rend(), page_count_);
      page_count_ += std::ssize(pages);
    }
    tables_.assign(pages_.begin(), pages_.end());
    auto made = backend.make_kv_store(
        {{{1, 1, kValueWidth}, {1, 1, 0, stride}}, KvType::kF32, page_count_});
    if (!made) throw std::runtime_error(made.error().message);
    store_ = std::move(*made);
    const auto tokens = std::ssize(keys);
    const DeviceRows zeros(backend, tokens, 1, std::vector<float>(keys.size(), 0.0f));
    const DeviceRows values = test::random_rows(backend, tokens, kValueWidth, 1);
    const BatchLayout batch{positions, sequences, tables_, lengths_};
    backend.store_kv(*store_, 0, zeros.view(), values.view(), batch);
    store_index_keys(keys, batch);
  }

  std::vector<float> pick(std::span<const Row> rows, int most) const {
    std::vector<std::int32_t> positions, sequences;
    std::vector<float> signs;
    for (const Row& row : rows) {
      positions.push_back(row.position);
      sequences.push_back(row.sequence);
      signs.insert(signs.end(), {1.0f, -1.0f});
    }
    const auto count = std::ssize(rows);
    const DeviceRows heads(backend_, count, 2, signs), out(backend_, count, kValueWidth);
    const DeviceRows zeros(backend_, count, 1, std::vector<float>(rows.size(), 0.0f));
    const BatchLayout batch{positions, sequences, tables_, lengths_};
    backend_.select_keys(*store_, heads.view(), heads.view(),
                         {1, 2, 1, most, stride_, /*picks_tokens=*/stride_ > 1}, batch);
    AttentionParams params{0, 1, 1, 1, kValueWidth};
    params.selected = true;
    backend_.attention(*store_, zeros.view(), params, batch, out.view());
    return out.values();
  }

 private:
  void store_index_keys(const std::vector<float>& keys, const BatchLayout& batch) {
    std::vector<float> ends;
    std::vector<std::int32_t> positions, sequences;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if ((batch.positions[i] + 1) % stride_ != 0) continue;
      ends.push_back(keys[i]);
      positions.push_back(batch.positions[i]);
      sequences.push_back(batch.sequences[i]);
    }
    const DeviceRows rows(backend_, std::ssize(ends), 1, ends);
    const BatchLayout places{positions, sequences, tables_, lengths_};
    backend_.store_kv(*store_, 1, rows.view(), View{rows.data(), std::ssize(ends), 0, 1}, places);
  }

  Backend& backend_;
  int stride_;
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
    const Picker host(*reference_, scores, stride), device(*cuda_, scores, stride);
    for (const int most : mosts) {
      const std::vector<float> want = host.pick(rows, most), got = device.pick(rows, most);
      ASSERT_EQ(got.size(), want.size());
      for (std::size_t r = 0; r < rows.size(); ++r) {
        const auto of_row = [&](const std::vector<float>& all) {
          return std::span(all).subspan(r * kValueWidth, kValueWidth);
        };
        EXPECT_LT(test::normalised_error(of_row(got), of_row(want)), 1e-9)
            << most << " of the keys of row " << r;
      }
      if (rows.size() == 1) continue;
      const std::vector<float> last = device.pick(std::span(rows).last(1), most);
      EXPECT_LT(test::normalised_error(last, std::span(want).last(kValueWidth)), 1e-9) << most;
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

}  // namespace
}  // namespace linnet
