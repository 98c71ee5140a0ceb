#include "model/blocks/adapters.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/blocks/block_case.hpp"

namespace linnet {
namespace {

using test::Row;
using test::Rows;
using testing::ElementsAre;
using testing::ElementsAreArray;

constexpr std::int64_t kWidth = 6, kRows = 16;
constexpr int kRank = 2;

// Granite Switch: tokens 50 and 51 of the text switch the adapters 1 and 2 on.
class AdaptersTest : public testing::Test {
 protected:
  AdaptersTest() {
    AdaptersSpec& spec = case_.model.adapters;
    spec.tokens = {50, 51};
    spec.substitutes = {7, 8};
    spec.rank = kRank;
    spec.gain = 20.0f;
    spec.kv_layer = 0;
    case_.kv_layers = {{1, 1, 1}};
    case_.tokens = {3, 50, 3, 4, 51, 5, 50, 6, 7, 8, 9, 10, 11, 12, 13, 14};
  }
  // Which slot is on at each row, in batches of `chunk`.
  std::vector<std::int32_t> slots(std::int64_t chunk) {
    std::vector<std::int32_t> all;
    case_.file.metadata().add_bool("any", true);
    const AdapterSwitch weights = case_.load(
        [&](WeightLoader& loader) { return load_adapter_switch(loader, case_.model.adapters); });
    case_.run(
        adapter_switch_columns(case_.model.adapters),
        [&](const Pass& pass, View in, View) {
          const Routing routing = switch_adapters(pass, weights);
          EXPECT_EQ(routing.used, 1);
          all.insert(all.end(), routing.experts, routing.experts + in.rows);
          for (std::int64_t r = 0; r < in.rows; ++r) EXPECT_EQ(routing.weights[r], 1.0f);
        },
        chunk);
    return all;
  }

  test::BlockCase case_{kWidth, kRows};
};

TEST_F(AdaptersTest, ATokenSwitchesForThoseBehindIt) {
  EXPECT_THAT(slots(0), ElementsAre(0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1));
}

TEST_F(AdaptersTest, TheChoiceLastsFromBatchToBatch) {
  case_.tokens = {3, 3, 51, 4, 5, 5, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14};
  EXPECT_THAT(slots(2), ElementsAre(0, 0, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2));
}

TEST_F(AdaptersTest, SwitchingTokensAreNotEmbedded) {
  const std::vector<std::int32_t> tokens = {3, 50, 7, 51};
  EXPECT_THAT(substitute_tokens(case_.model.adapters, tokens), ElementsAre(3, 7, 7, 8));
}

TEST_F(AdaptersTest, AddsWhatTheAdapterOfTheRowMakes) {
  case_.file.tensor("q.lora_a.weight", {kWidth, kRank, 3})
      .tensor("q.lora_b.weight", {kRank, kWidth, 3});
  const AdapterWeights weights = case_.load([&](WeightLoader& loader) {
    return load_adapter(loader, case_.model.adapters, "q", kWidth, kWidth);
  });
  case_.out = test::random_floats(kRows * kWidth, 2);
  const Rows before = case_.output();
  case_.run(adapter_columns(case_.model.adapters, kWidth) + 2, [&](Pass pass, View in, View out) {
    pass.adapters = pass.workspace.routing(in.rows, 1);
    for (int r = 0; r < kRows; ++r) pass.adapters.experts[r] = r % 3;
    for (int r = 0; r < kRows; ++r) pass.adapters.weights[r] = 1.0f;
    add_adapter(pass, weights, in, out);
  });
  const auto low = case_.matrices("q.lora_a.weight"), high = case_.matrices("q.lora_b.weight");
  Rows want;
  for (std::size_t r = 0; r < kRows; ++r) {
    want.push_back(before[r] +
                   test::product(test::product(case_.input()[r], low[r % 3]), high[r % 3]));
  }
  test::expect_near(case_.out, want);
}

TEST_F(AdaptersTest, MostModelsHaveNone) {
  EXPECT_EQ(adapter_columns({}, kWidth), 0);
  EXPECT_EQ(adapter_switch_columns({}), 0);
}

}  // namespace
}  // namespace linnet
