// What is kept of a sequence, and so what a plan of memory counts, from the spec alone.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/model.hpp"

namespace linnet {
namespace {

using testing::ElementsAre;

AttentionSpec attention(int kv_heads, int key_width, int value_width) {
  AttentionSpec spec;
  spec.heads = 2 * kv_heads;
  spec.kv_heads = kv_heads;
  spec.key_width = key_width;
  spec.value_width = value_width;
  return spec;
}

class SequenceMemoryTest : public testing::Test {
 protected:
  SequenceMemoryTest() { spec_.layers.resize(4); }
  LayerSpec& layer(int index) { return spec_.layers[static_cast<std::size_t>(index)]; }

  ModelSpec spec_;
};

TEST_F(SequenceMemoryTest, KeysAndValuesOfAllLayers) {
  for (LayerSpec& layer : spec_.layers) layer.attention = attention(2, 64, 32);
  EXPECT_EQ(kv_bytes_per_token(spec_, KvType::kF32), 4 * 2 * (64 + 32) * 4);
  EXPECT_EQ(kv_bytes_per_token(spec_, KvType::kF16), 4 * 2 * (64 + 32) * 2);
  EXPECT_EQ(kv_bytes_per_token(spec_, KvType::kQ8_0), 4 * 2 * (64 + 32) * 36 / 32);
  EXPECT_EQ(kv_bytes_per_token(spec_, KvType::kQ4_0), 4 * 2 * (64 + 32) * 18 / 32);
  EXPECT_EQ(kv_bytes_per_token(spec_, KvType::kF16, {1, 3}), 2 * 2 * (64 + 32) * 2);
  EXPECT_EQ(state_bytes(spec_), 0);
}

TEST_F(SequenceMemoryTest, HeadsOfFourBitsArePaddedToBlocks) {
  layer(0).attention = attention(1, 80, 16);
  EXPECT_EQ(kv_bytes_per_token(spec_, KvType::kQ4_0), (96 + 32) * 18 / 32);
}

TEST_F(SequenceMemoryTest, HeadsMayBePadded) {
  layer(0).attention = attention(1, 65, 1);
  EXPECT_EQ(kv_bytes_per_token(spec_, KvType::kF32), (80 + 16) * 4);
}

TEST_F(SequenceMemoryTest, ALayerThatReadsTheKeysOfAnotherKeepsNone) {
  layer(0).attention = attention(1, 16, 16);
  layer(1).attention = attention(1, 16, 16);
  layer(1).attention.kv_layer = 0;
  EXPECT_EQ(kv_bytes_per_token(spec_, KvType::kF32), 32 * 4);
}

TEST_F(SequenceMemoryTest, AnEncoderKeepsThoseOfOneLayer) {
  for (LayerSpec& layer : spec_.layers) layer.attention = attention(1, 16, 16);
  spec_.forgets_keys = true;
  EXPECT_EQ(kv_bytes_per_token(spec_, KvType::kF32), 32 * 4);
}

// https://arxiv.org/abs/2405.04434, section 2.1.2: of a token latent and turned key are kept, or
// all heads where they are expanded.
TEST_F(SequenceMemoryTest, LatentAttentionKeepsLatentsOrHeads) {
  LatentAttentionSpec& latent = layer(0).latent;
  latent.heads = 8;
  latent.latent_width = 48;
  latent.plain_width = 16;
  latent.rope_width = 16;
  latent.value_width = 16;
  latent.absorbed = true;
  EXPECT_EQ(kv_bytes_per_token(spec_, KvType::kF32), (48 + 16) * 4);
  latent.absorbed = false;
  EXPECT_EQ(kv_bytes_per_token(spec_, KvType::kF32), 8 * (32 + 16) * 4);
  latent.indexer.heads = 4;
  latent.indexer.width = 32;
  latent.indexer.kv_layer = 4;
  EXPECT_EQ(kv_bytes_per_token(spec_, KvType::kF32), (8 * (32 + 16) + 32) * 4);
  latent.indexer.reused = true;
  EXPECT_EQ(kv_bytes_per_token(spec_, KvType::kF32), 8 * (32 + 16) * 4);
}

// Beside the pages those of a few tokens lie densely, while a text is computed.
TEST_F(SequenceMemoryTest, CompressedKeysStandForManyTokens) {
  CompressedAttentionSpec& compressed = layer(0).compressed;
  compressed.heads = 8;
  compressed.head_width = 64;
  const std::int64_t window = 64 * 4;
  EXPECT_EQ(kv_bytes_per_token(spec_, KvType::kF32), window);
  compressed.stride = 16;
  compressed.kv_layer = 4;
  const std::int64_t more = kv_bytes_per_token(spec_, KvType::kF32) - window;
  EXPECT_GE(more, 64 * 4 / 16);
  EXPECT_LT(more, window / 2);
}

TEST_F(SequenceMemoryTest, AdaptersKeepTheirChoices) {
  layer(0).attention = attention(1, 16, 16);
  spec_.adapters.tokens = {7, 8};
  EXPECT_EQ(kv_bytes_per_token(spec_, KvType::kF32), (32 + 32) * 4);
  EXPECT_EQ(kv_bytes_per_token(spec_, KvType::kF32, {1, 4}), 0);
}

TEST_F(SequenceMemoryTest, StatesOfLayersSideBySide) {
  layer(0).recurrent = ShortConvolutionSpec{/*columns=*/8, /*kernel=*/4};
  layer(1).recurrent = MambaSpec{.inner = 8, .state_width = 16, .kernel = 4};
  layer(2).recurrent =
      DeltaNetSpec{.heads = 4, .key_heads = 2, .key_width = 8, .value_width = 16, .kernel = 4};
  layer(2).recurrent_ffn = RwkvChannelMixSpec{/*columns=*/10, /*inner=*/20};
  const StateShape shape = state_shape(spec_, 5);
  EXPECT_EQ(shape.slots, 5);
  EXPECT_THAT(shape.layer_floats,
              ElementsAre(3 * 8, 8 * 3 + 8 * 16, (2 * 16 + 64) * 3 + 64 * 8 + 10, 0));
  EXPECT_THAT(state_shape(spec_, 5, {1, 2}).layer_floats, ElementsAre(0, 8 * 3 + 8 * 16, 0, 0));
  EXPECT_EQ(state_bytes(spec_), 4 * (24 + 152 + 96 * 3 + 64 * 8 + 10));
  EXPECT_EQ(state_bytes(spec_, {0, 1}), 4 * 24);
}

TEST_F(SequenceMemoryTest, LayersPartWhereNothingIsShared) {
  for (LayerSpec& layer : spec_.layers) layer.attention = attention(1, 16, 16);
  for (int i = 0; i <= 4; ++i) EXPECT_TRUE(can_part(spec_, i)) << i;
}

TEST_F(SequenceMemoryTest, ALayerIsWhereTheKeysAreThatItReads) {
  for (LayerSpec& layer : spec_.layers) layer.attention = attention(1, 16, 16);
  layer(3).attention.kv_layer = 1;
  EXPECT_TRUE(can_part(spec_, 1));
  EXPECT_FALSE(can_part(spec_, 2));
  EXPECT_FALSE(can_part(spec_, 3));
  EXPECT_TRUE(can_part(spec_, 4));
}

TEST_F(SequenceMemoryTest, ALayerIsWhereThePicksAreThatItUses) {
  for (const int picker : {0, 1, 2, 3}) layer(picker).latent.indexer.heads = 2;
  layer(2).latent.indexer.reused = true;
  EXPECT_TRUE(can_part(spec_, 1));
  EXPECT_FALSE(can_part(spec_, 2));
  EXPECT_TRUE(can_part(spec_, 3));
}

TEST_F(SequenceMemoryTest, LayersAreWhereTheTableOfTheFirstOneIs) {
  layer(3).attention.distance_bias.count = 8;
  EXPECT_TRUE(can_part(spec_, 0));
  EXPECT_FALSE(can_part(spec_, 1));
  layer(3).attention.distance_bias.count = 0;
  layer(2).ngrams.size = 2;
  EXPECT_FALSE(can_part(spec_, 2));
  EXPECT_TRUE(can_part(spec_, 3));
}

TEST_F(SequenceMemoryTest, AModelWithAnInputIsInOnePlace) {
  spec_.input.layers = 2;
  EXPECT_FALSE(can_part(spec_, 1));
  EXPECT_FALSE(can_part(spec_, 3));
}

}  // namespace
}  // namespace linnet
