#include "model/blocks/ngrams.hpp"

#include <gtest/gtest.h>

#include "model/blocks/block_case.hpp"

namespace linnet {
namespace {

using test::Row;
using test::Rows;

constexpr int kStreams = 2, kWidth = 4, kAll = kStreams * kWidth, kRows = 16;
constexpr int kSize = 3, kEach = 2, kRowWidth = 3, kKernel = 2, kTableRows = 30;
constexpr int kNamed = (kSize - 1) * kEach * kRowWidth;

class NgramTest : public testing::Test {
 protected:
  NgramTest() {
    case_.model.width = kWidth;
    spec_.size = kSize;
    spec_.rows_each = kEach;
    spec_.row_width = kRowWidth;
    spec_.columns = kAll;
    spec_.kernel = kKernel;
    spec_.end_token = 99;
    spec_.multipliers = {1000003, 29, 7919};
    spec_.table_rows = kTableRows;
    spec_.parts = {{0, 7}, {7, 5}, {12, 11}, {23, 7}};
    case_.tokens = {5, 6, 7, 5, 6, 7, 99, 8, 6, 7, 5, 6, 9, 8, 6, 7};
    case_.state_floats = {spec_.state_floats()};
    case_.file.tensor("per_layer_token_embd.weight", {kRowWidth, kTableRows})
        .tensor("blk.0.ple_key.weight", {kNamed, kAll})
        .tensor("blk.0.ple_value.weight", {kNamed, kWidth})
        .tensor("blk.0.ple_norm_key.weight", {kAll})
        .tensor("blk.0.ple_norm_query.weight", {kAll})
        .tensor("blk.0.ple_norm_conv.weight", {kAll})
        .tensor("blk.0.ple_conv1d.weight", {kKernel, kAll});
  }
  void run(std::int64_t chunk = 0) {
    const NgramWeights weights = case_.load(
        [&](WeightLoader& loader) { return load_ngrams(loader, spec_, kWidth, "blk.0"); });
    case_.run(
        ngram_columns(spec_, kWidth),
        [&](const Pass& pass, View in, View out) {
          pass.backend.copy(in, out);
          ngram_block(pass, spec_, weights, {0, 0}, out);
        },
        chunk);
  }
  // The rows of the table that the n-grams behind token `t` name, side by side: by the products of
  // the tokens with the multipliers, together by exclusive or. Behind the end of a text, or before
  // its beginning, all tokens are that of the end.
  Row named(int t) {
    const Rows table = case_.matrix("per_layer_token_embd.weight");
    Row all;
    for (int n = 2, part = 0; n <= kSize; ++n) {
      std::uint64_t hash = 0;
      bool has_ended = false;
      for (int back = 0; back < n; ++back) {
        const int token = back <= t ? case_.tokens[t - back] : spec_.end_token;
        has_ended = has_ended || (back > 0 && token == spec_.end_token);
        hash ^= static_cast<std::uint64_t>(has_ended ? spec_.end_token : token) *
                spec_.multipliers[back];
      }
      for (int i = 0; i < kEach; ++i, ++part) {
        const auto& [first, count] = spec_.parts[part];
        const Row& row = table[first + static_cast<std::int64_t>(hash % count)];
        all.insert(all.end(), row.begin(), row.end());
      }
    }
    return all;
  }
  Row product(const Row& x, const std::string& part) {
    return test::product(x, case_.matrix("blk.0.ple_" + part + ".weight"));
  }
  // Of each stream.
  Row normed(const Row& x, const std::string& part) {
    const Row weight = case_.vector("blk.0.ple_norm_" + part + ".weight");
    Row out;
    for (int first = 0; first < kAll; first += kWidth) {
      const Row stream = test::rms_norm(test::columns(x, first, kWidth),
                                        test::columns(weight, first, kWidth), 1e-5);
      out.insert(out.end(), stream.begin(), stream.end());
    }
    return out;
  }
  // What is added to the streams, before the convolution: the value in each, by the sigmoid of the
  // signed root of the score.
  Row gated(int t) {
    const Row rows = named(t);
    const Row key = normed(product(rows, "key"), "key");
    const Row query = normed(case_.input()[t], "query");
    const Row value = product(rows, "value");
    Row out;
    for (int s = 0; s < kStreams; ++s) {
      const double score = test::dot(test::columns(key, s * kWidth, kWidth),
                                     test::columns(query, s * kWidth, kWidth)) /
                           std::sqrt(1.0 * kWidth);
      const double gate = test::sigmoid(std::copysign(std::sqrt(std::fabs(score)), score));
      for (const double x : value) out.push_back(gate * x);
    }
    return out;
  }

  NgramSpec spec_;
  test::BlockCase case_{kAll, kRows};
};

// Qwen 3.8.
TEST_F(NgramTest, NamedRowsAreGatedConvolvedAndAdded) {
  run();
  Rows all, normed_rows, want;
  for (int t = 0; t < kRows; ++t) {
    all.push_back(gated(t));
    normed_rows.push_back(normed(all.back(), "conv"));
  }
  const Rows taps = case_.matrix("blk.0.ple_conv1d.weight");
  for (int t = 0; t < kRows; ++t) {
    Row sum(kAll);
    for (int c = 0; c < kAll; ++c) {
      for (int k = 0; k < kKernel; ++k) {  // every kSize-th token
        const int from = t - (kKernel - 1 - k) * kSize;
        if (from >= 0) sum[c] += taps[c][k] * normed_rows[from][c];
      }
    }
    want.push_back(case_.input()[t] + all[t] + test::each(sum, test::silu));
  }
  test::expect_near(case_.out, want);
}

TEST_F(NgramTest, TokensBeforeABatchAreKnown) {
  run();
  const std::vector<float> whole = case_.out;
  run(/*chunk=*/2);
  EXPECT_EQ(case_.out, whole);
}

}  // namespace
}  // namespace linnet
