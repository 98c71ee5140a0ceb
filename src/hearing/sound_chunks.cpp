#include "hearing/sound_chunks.hpp"

#include <algorithm>
#include <span>

#include "encoder/projector_sizes.hpp"

namespace linnet {
namespace {

std::int64_t rows_behind(std::span<const ProjectorStep> steps, std::int64_t rows) {
  for (const ProjectorStep& step : steps) {
    rows = merged_rows(step, rows) + rows_beside(step, /*lines=*/1);
  }
  return rows;
}

}  // namespace

std::int64_t group_rows_of(const HearingSpec& spec, std::int64_t tower_rows) {
  const std::int64_t rows = rows_behind(spec.groups->steps, tower_rows), each = spec.groups->rows;
  return (rows + each - 1) / each * each;
}

std::int64_t text_rows_of(const HearingSpec& spec, std::int64_t tower_rows) {
  const std::int64_t rows = spec.groups ? group_rows_of(spec, tower_rows) : tower_rows;
  return rows_behind(spec.projector_steps, rows);
}

namespace {

// Frames that begin within the sound, of which `all` are made.
std::int64_t heard_frames(const HearingSpec& spec, const Sound& sound, std::int64_t all) {
  const std::int64_t hop = spec.mel.hop;
  return spec.mel.chunk_frames > 0 ? (std::ssize(sound.samples) + hop - 1) / hop : all;
}

// The frames of a chunk that rows are made of. Whisper's are made of two and of one more on either
// side, but not beyond a part; zeros fill up the last part of several.
std::int64_t read_frames(const HearingSpec& spec, std::int64_t frames, std::int64_t rows,
                         bool is_only_part) {
  const std::int64_t part = spec.stem.part_frames;
  if (spec.mel.chunk_frames > 0) {
    return part > 0 ? std::max(frames, 2 * rows - 1) : std::min(spec.chunk_frames, 2 * rows + 1);
  }
  return part == 0 || is_only_part ? frames : (frames + part - 1) / part * part;
}

SoundChunk split_chunk(const HearingSpec& spec, Sound samples) {
  const std::int64_t row_samples = spec.stem.stride() * spec.mel.hop;
  const std::int64_t count = std::max(std::ssize(samples.samples), spec.split->least_samples);
  samples.samples.resize(static_cast<std::size_t>(count), 0.0f);
  const std::int64_t frames = count / spec.mel.hop;
  const std::int64_t rows =
      spec.split->begins_rows ? (count + row_samples - 1) / row_samples : spec.stem.rows_of(frames);
  SoundChunk chunk{log_mel_frames(samples, spec.mel), rows};
  chunk.frames.values.resize(static_cast<std::size_t>(frames * chunk.frames.bins));
  return chunk;
}

std::vector<SoundChunk> split_chunks(const HearingSpec& spec, const Sound& sound) {
  const std::int64_t samples = std::ssize(sound.samples), most = spec.chunk_frames * spec.mel.hop;
  std::vector<SoundChunk> chunks;
  for (std::int64_t first = 0; first < samples; first += most) {
    const auto begin = sound.samples.begin() + first;
    chunks.push_back(split_chunk(spec, {{begin, begin + std::min(most, samples - first)}}));
  }
  return chunks;
}

}  // namespace

std::vector<SoundChunk> chunks_of(const HearingSpec& spec, const Sound& sound) {
  if (spec.split) return split_chunks(spec, sound);
  const MelFrames all = log_mel_frames(sound, spec.mel);
  const std::int64_t heard = heard_frames(spec, sound, all.frames());
  std::vector<SoundChunk> chunks;
  for (std::int64_t first = 0; first < heard; first += spec.chunk_frames) {
    const std::int64_t frames = std::min(spec.chunk_frames, heard - first);
    std::int64_t rows = spec.hears_whole_chunks ? spec.chunk_rows() : spec.stem.rows_of(frames);
    if (first > 0 && text_rows_of(spec, rows) < 1) break;  // it is left over
    while (text_rows_of(spec, rows) < 1) ++rows;
    const std::int64_t read =
        read_frames(spec, frames, rows, /*is_only_part=*/heard <= spec.stem.part_frames);
    SoundChunk chunk{{all.bins, {}}, rows};
    const auto begin = all.values.begin() + first * all.bins;
    const std::int64_t there = std::min(read, all.frames() - first);
    chunk.frames.values.assign(begin, begin + there * all.bins);
    chunk.frames.values.resize(static_cast<std::size_t>(read * all.bins), 0.0f);
    chunks.push_back(std::move(chunk));
  }
  return chunks;
}

}  // namespace linnet
