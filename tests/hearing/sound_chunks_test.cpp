#include "hearing/sound_chunks.hpp"

#include <gtest/gtest.h>

#include "vision/families/common.hpp"

namespace linnet {
namespace {

HearingSpec spec_with(std::vector<ProjectorStep> steps) {
  HearingSpec spec;
  spec.mel_bins = 80;
  spec.chunk_frames = 3000;
  spec.projector_steps = std::move(steps);
  return spec;
}

Sound of_seconds(double seconds) {
  return {std::vector<float>(static_cast<std::size_t>(seconds * kSoundRate), 0.1f)};
}

TEST(SoundChunksTest, OnlyWhatIsHeardMakesRows) {
  const auto chunks = chunks_of(spec_with({}), of_seconds(1.0));
  ASSERT_EQ(chunks.size(), 1u);
  EXPECT_EQ(chunks[0].tower_rows, 50);
  EXPECT_EQ(chunks[0].frames.frames(), 101);  // the last row sees one frame more
}

TEST(SoundChunksTest, LongSoundsAreSeveral) {
  const auto chunks = chunks_of(spec_with({}), of_seconds(61.0));
  ASSERT_EQ(chunks.size(), 3u);
  EXPECT_EQ(chunks[0].tower_rows, 1500);
  EXPECT_EQ(chunks[0].frames.frames(), 3000);
  EXPECT_EQ(chunks[2].tower_rows, 50);
  EXPECT_EQ(chunks_of(spec_with({}), of_seconds(60.0)).size(), 2u);
}

TEST(SoundChunksTest, SomeHearTheSilenceBehindASound) {
  HearingSpec spec = spec_with({});
  spec.hears_whole_chunks = true;
  const auto chunks = chunks_of(spec, of_seconds(31.0));
  ASSERT_EQ(chunks.size(), 2u);
  EXPECT_EQ(chunks[1].tower_rows, 1500);
  EXPECT_EQ(chunks[1].frames.frames(), 3000);
}

// Qwen2-Audio's own count: ((frames - 1) / 2 + 1 - 2) / 2 + 1.
TEST(SoundChunksTest, MeansLeaveOutWhatIsLeftOver) {
  const HearingSpec spec = spec_with({mean_of_runs(2)});
  EXPECT_EQ(text_rows_of(spec, 1500), 750);
  EXPECT_EQ(text_rows_of(spec, 51), 25);
}

TEST(SoundChunksTest, WhatIsJoinedIsFilledUp) {
  const HearingSpec spec = spec_with({join_runs(8)});
  EXPECT_EQ(text_rows_of(spec, 1500), 188);
  EXPECT_EQ(text_rows_of(spec, 1), 1);
}

TEST(SoundChunksTest, ASoundOfOneSampleHasARow) {
  const HearingSpec spec = spec_with({mean_of_runs(2)});
  const auto chunks = chunks_of(spec, {{0.5f}});
  ASSERT_EQ(chunks.size(), 1u);
  EXPECT_EQ(chunks[0].tower_rows, 2);
  EXPECT_EQ(text_rows_of(spec, chunks[0].tower_rows), 1);
}

}  // namespace
}  // namespace linnet
