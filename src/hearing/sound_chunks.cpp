#include "hearing/sound_chunks.hpp"

#include <algorithm>

#include "vision/projector.hpp"

namespace linnet {

std::int64_t text_rows_of(const HearingSpec& spec, std::int64_t tower_rows) {
  std::int64_t rows = tower_rows;
  for (const ProjectorStep& step : spec.projector_steps) {
    rows = merged_rows(step, rows);
    if (step.kind == ProjectorStep::Kind::kWrap) rows += 2;
  }
  return rows;
}

std::vector<SoundChunk> chunks_of(const HearingSpec& spec, const Sound& sound) {
  const MelFrames all = log_mel_frames(sound, spec.mel_bins, spec.chunk_frames);
  // Those that begin within the sound.
  const std::int64_t heard = (std::ssize(sound.samples) + kMelHop - 1) / kMelHop;
  std::vector<SoundChunk> chunks;
  for (std::int64_t first = 0; first < all.frames(); first += spec.chunk_frames) {
    const std::int64_t frames = std::min(spec.chunk_frames, heard - first);
    std::int64_t rows = spec.hears_whole_chunks ? spec.chunk_rows() : (frames + 1) / 2;
    while (text_rows_of(spec, rows) < 1) ++rows;
    // A row is made of its two frames and of one more on either side.
    const std::int64_t read = std::min(spec.chunk_frames, 2 * rows + 1);
    const auto begin = all.values.begin() + first * all.bins;
    chunks.push_back({{all.bins, {begin, begin + read * all.bins}}, rows});
  }
  return chunks;
}

}  // namespace linnet
