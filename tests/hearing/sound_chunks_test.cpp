#include "hearing/sound_chunks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "encoder/projector_steps.hpp"

namespace linnet {
namespace {

HearingSpec spec_with(std::vector<ProjectorStep> steps) {
  HearingSpec spec;
  spec.mel = whisper_mel(80, 3000);
  spec.chunk_frames = 3000;
  spec.stem.bins_are_columns = true;
  spec.stem.steps = {{.name = "first"}, {.name = "second", .stride = 2}};
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

// As Qwen2.5-Omni's: two seconds by themselves, of which no row reads beyond the sound.
TEST(SoundChunksTest, PartsAreHeardByThemselves) {
  HearingSpec spec = spec_with({mean_of_runs(2)});
  spec.mel.chunk_frames = spec.stem.part_frames = spec.chunk_frames = 200;
  const auto chunks = chunks_of(spec, of_seconds(4.51));
  ASSERT_EQ(chunks.size(), 3u);
  EXPECT_EQ(chunks[0].tower_rows, 100);
  EXPECT_EQ(chunks[0].frames.frames(), 200);
  EXPECT_EQ(chunks[2].tower_rows, 26);
  EXPECT_EQ(chunks[2].frames.frames(), 51);
  EXPECT_EQ(chunks_of(spec, of_seconds(4.0)).size(), 2u);
  EXPECT_EQ(chunks_of(spec, of_seconds(4.02)).size(), 2u);  // half a row is left over
  EXPECT_EQ(chunks_of(spec, of_seconds(4.03)).size(), 3u);
  const auto shortest = chunks_of(spec, of_seconds(0.01));
  ASSERT_EQ(shortest.size(), 1u);
  EXPECT_EQ(shortest[0].tower_rows, 2);
}

// Granite Speech's own count: half of samples / 160 + 1 rows, and 3 of each begun window of 15.
TEST(SoundChunksTest, BegunWindowsAreAsked) {
  HearingSpec spec = spec_with({ask_windows("a.proj_", 15, 3, 1, 1e-12f)});
  spec.mel = granite_mel(80);
  spec.stem.steps = {{.kind = StemSpec::Step::Kind::kLinear, .name = "only"}};
  const auto rows = [&](std::size_t samples) {
    const auto chunks = chunks_of(spec, {std::vector<float>(samples, 0.1f)});
    EXPECT_EQ(chunks.size(), 1u);
    return chunks.front().tower_rows;
  };
  EXPECT_EQ(rows(1), 1);
  EXPECT_EQ(rows(319), 1);
  EXPECT_EQ(rows(16000), 50);
  EXPECT_EQ(rows(16160), 51);
  EXPECT_EQ(text_rows_of(spec, 1), 3);
  EXPECT_EQ(text_rows_of(spec, 50), 12);
  EXPECT_EQ(text_rows_of(spec, 3000), 600);
}

TEST(SoundChunksTest, ASoundOfOneSampleHasARow) {
  const HearingSpec spec = spec_with({mean_of_runs(2)});
  const auto chunks = chunks_of(spec, {{0.5f}});
  ASSERT_EQ(chunks.size(), 1u);
  EXPECT_EQ(chunks[0].tower_rows, 2);
  EXPECT_EQ(text_rows_of(spec, chunks[0].tower_rows), 1);
}

HearingSpec spec_of_squares(MelSpec mel, int steps) {
  HearingSpec spec;
  spec.mel = mel;
  spec.chunk_frames = 800;
  spec.stem.steps.assign(static_cast<std::size_t>(steps), {.name = "step", .stride = 2});
  return spec;
}

// Qwen3-Omni's own count: 13 of a second, and of what is left ((frames - 1) / 2 + 1 - 1) / 2 + 1,
// and so on.
TEST(SoundChunksTest, PartsMakeRowsByThemselves) {
  HearingSpec spec = spec_of_squares(whisper_mel(80, 0), 3);
  spec.stem.part_frames = 100;
  EXPECT_EQ(spec.chunk_rows(), 104);
  const auto chunks = chunks_of(spec, of_seconds(11.5));
  ASSERT_EQ(chunks.size(), 2u);
  EXPECT_EQ(chunks[0].tower_rows, 104);
  EXPECT_EQ(chunks[0].frames.frames(), 800);
  EXPECT_EQ(chunks[1].tower_rows, 3 * 13 + 7);
  ASSERT_EQ(chunks[1].frames.frames(), 400);
  const auto& values = chunks[1].frames.values;
  EXPECT_NE(values[350 * 80 - 1], 0.0f);
  EXPECT_THAT(std::vector(values.begin() + 350 * 80, values.end()), testing::Each(0.0f));
}

TEST(SoundChunksTest, APartIsNotFilledUpWhereThereAreNoOthers) {
  HearingSpec spec = spec_of_squares(whisper_mel(80, 0), 3);
  spec.stem.part_frames = 100;
  const auto chunks = chunks_of(spec, of_seconds(0.5));
  ASSERT_EQ(chunks.size(), 1u);
  EXPECT_EQ(chunks[0].tower_rows, 7);
  EXPECT_EQ(chunks[0].frames.frames(), 50);
}

HearingSpec spec_of_dots() {
  HearingSpec spec = spec_of_squares(whisper_mel(80, 6000), 3);
  spec.chunk_frames = 6000;
  spec.split = {.begins_rows = true};
  return spec;
}

// dots3-note's own count: a row of 1280 samples, begun ones, too, and frames of 160 whole ones.
TEST(SoundChunksTest, RowsThatBeginMayHaveNoFrames) {
  const auto chunk = [&](std::size_t samples) {
    return chunks_of(spec_of_dots(), {std::vector<float>(samples, 0.1f)}).front();
  };
  EXPECT_EQ(chunk(1).tower_rows, 1);
  EXPECT_EQ(chunk(1).frames.frames(), 0);
  EXPECT_EQ(chunk(1281).tower_rows, 2);
  EXPECT_EQ(chunk(1281).frames.frames(), 8);
  EXPECT_EQ(chunk(960000).tower_rows, 750);
  EXPECT_EQ(chunk(960000).frames.frames(), 6000);
}

TEST(SoundChunksTest, ChunksMayHaveSpectrogramsOfTheirOwn) {
  Sound sound{std::vector<float>(961000, 0.0f)};  // silent in the second minute
  for (int i = 0; i < 480000; ++i) sound.samples[i] = i % 20 < 10 ? 0.5f : -0.5f;
  const auto chunks = chunks_of(spec_of_dots(), sound);
  ASSERT_EQ(chunks.size(), 2u);
  EXPECT_EQ(chunks[1].frames.frames(), 6);
  const Sound second{{sound.samples.begin() + 960000, sound.samples.end()}};
  EXPECT_EQ(chunks[1], chunks_of(spec_of_dots(), second).front());
  HearingSpec whole = spec_of_dots();
  whole.split.reset();
  EXPECT_NE(chunks_of(whole, sound)[1].frames.values[0], chunks[1].frames.values[0]);
}

// Parakeet's own count: ceil(samples / 160 / 8) of half a minute, at least of a tenth of a second.
TEST(SoundChunksTest, SilenceFillsShortChunksUp) {
  HearingSpec spec = spec_of_squares(nemo_mel(80), 3);
  spec.mel.ends_in_zeros = false;
  spec.chunk_frames = 3000;
  spec.split = {.least_samples = 1600};
  const auto chunks = chunks_of(spec, {std::vector<float>(480001, 0.1f)});
  ASSERT_EQ(chunks.size(), 2u);
  EXPECT_EQ(chunks[0].frames.frames(), 3000);
  EXPECT_EQ(chunks[0].tower_rows, 375);
  EXPECT_EQ(chunks[1].frames.frames(), 10);
  EXPECT_EQ(chunks[1].tower_rows, 2);
  const auto tail = chunks_of(spec, {std::vector<float>(2880, 0.1f)});
  EXPECT_EQ(tail[0].frames.frames(), 18);
  EXPECT_EQ(tail[0].tower_rows, 3);
}

// MiMo's own count: rows of two frames, codes of two begun rows, rows of four begun codes.
TEST(SoundChunksTest, BegunGroupsMakeARow) {
  HearingSpec spec = spec_with({join_runs(4)});
  spec.mel = mimo_mel(80);
  spec.chunk_frames = 6000;
  spec.groups = GroupSpec{.steps = {join_runs(2)}, .rows = 4, .tower = {}};
  const auto chunks = chunks_of(spec, {std::vector<float>(24000 * 60 + 1, 0.1f)});
  ASSERT_EQ(chunks.size(), 2u);
  EXPECT_EQ(chunks[0].frames.frames(), 6000);
  EXPECT_EQ(chunks[0].tower_rows, 3000);
  EXPECT_EQ(text_rows_of(spec, 3000), 375);
  EXPECT_EQ(chunks[1].frames.frames(), 1);
  EXPECT_EQ(group_rows_of(spec, 1), 4);
  EXPECT_EQ(group_rows_of(spec, 9), 8);
  EXPECT_EQ(text_rows_of(spec, 9), 2);
}

// Gemma 4's: windows of 20 ms that end before the last sample.
TEST(SoundChunksTest, WithoutSilenceBehindASoundFramesAreWithinIt) {
  const auto chunks = chunks_of(spec_of_squares(universal_mel(80), 2), of_seconds(1.0));
  ASSERT_EQ(chunks.size(), 1u);
  EXPECT_EQ(chunks[0].frames.frames(), 99);
  EXPECT_EQ(chunks[0].tower_rows, 25);
}

// Gemma 4's unified one: 640 samples are a row, and nothing is left out.
TEST(SoundChunksTest, SamplesMayBeRowsAsTheyAre) {
  HearingSpec spec;
  spec.mel = plain_samples(640);
  spec.stem.bins_are_columns = true;
  spec.chunk_frames = 750;
  const auto chunks = chunks_of(spec, of_seconds(31.01));
  ASSERT_EQ(chunks.size(), 2u);
  EXPECT_EQ(chunks[0].tower_rows, 750);
  EXPECT_EQ(chunks[1].tower_rows, 26);
  EXPECT_EQ(chunks[1].frames.frames(), 26);
}

// LFM2's: ceil(frames / 8), the last of which is of zeros.
TEST(SoundChunksTest, AFrameOfZerosMayBeTheLast) {
  const auto chunks = chunks_of(spec_of_squares(nemo_mel(80), 3), of_seconds(4.0));
  ASSERT_EQ(chunks.size(), 1u);
  EXPECT_EQ(chunks[0].frames.frames(), 401);
  EXPECT_EQ(chunks[0].tower_rows, 51);
  const auto& values = chunks[0].frames.values;
  EXPECT_THAT(std::vector(values.begin() + 400 * 80, values.end()), testing::Each(0.0f));
}

}  // namespace
}  // namespace linnet
