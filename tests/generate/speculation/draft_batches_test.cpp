#include "generate/speculation/draft_batches.hpp"

#include <gtest/gtest.h>

#include "support/prediction_layer.hpp"
#include "support/tiny_engine.hpp"

namespace linnet {
namespace {

constexpr BatchLimits kTarget{2048, 32};

TEST(DraftBatches, AreSmallerThanThoseOfTheModel) {
  ModelSpec eagle;
  eagle.prediction.kind = PredictionSpec::Kind::kBeside;
  EXPECT_EQ(draft_limits(eagle, kTarget).rows, 512);
  EXPECT_EQ(draft_limits(eagle, kTarget).outputs, 32);
  EXPECT_EQ(draft_limits(eagle, {8, 4}).rows, 8);
  ModelSpec assistant;
  assistant.prediction.kind = PredictionSpec::Kind::kReadsKeys;
  EXPECT_EQ(draft_limits(assistant, kTarget).rows, 32);
}

TEST(DraftBatches, OfSeveralLayersShareTheRows) {
  ModelSpec layers;
  layers.prediction.kind = PredictionSpec::Kind::kJoined;
  layers.layers.resize(4);
  EXPECT_EQ(draft_limits(layers, kTarget).rows, 128);
  EXPECT_EQ(draft_limits(layers, {8, 4}).rows, 8);
}

TEST(DraftBatches, HoldABlock) {
  ModelSpec dflash;
  dflash.prediction.kind = PredictionSpec::Kind::kBlock;
  dflash.prediction.block_rows = 16;
  EXPECT_EQ(draft_limits(dflash, {8, 4}).rows, 16);
  EXPECT_EQ(draft_limits(dflash, kTarget).rows, 512);
}

// Of layers that are by themselves each has a workspace; one of a model is as large as it says.
TEST(DraftBatches, TakeWorkspaces) {
  const EngineOptions options;
  const test::TinyModel model(test::PredictionCase::read_chained("step35-own").model);
  const ModelSpec& layers = **model.file().prediction();
  ASSERT_EQ(layers.layers.size(), 3u);
  ModelSpec one = layers;
  one.layers.resize(1);
  EXPECT_GT(draft_workspace_bytes(layers, options, {1, 1}),
            2 * draft_workspace_bytes(one, options, {1, 1}));
  EXPECT_EQ(draft_workspace_bytes(model.file().spec(), options, {1, 1}),
            workspace_bytes(model.file().spec(), options.limits));
  EXPECT_GT(draft_workspace_bytes(one, options, {512, 32}),
            10 * draft_workspace_bytes(one, options, {1, 1}));
}

}  // namespace
}  // namespace linnet
