#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/model_spec.hpp"
#include "vision/vision_spec.hpp"

namespace linnet {

/// What is made of a sound, between a spectrogram and a text model: read from the metadata of an
/// `mmproj` file by its family (src/hearing/families/). Two convolutions over time make a row of
/// two frames; a tower reads all rows of a chunk, and a projector makes rows of the text model.
struct HearingSpec {
  std::string projector;  ///< the family: `clip.audio.projector_type` or `clip.projector_type`
  std::string name;
  ModelSpec tower;                ///< of the convolutions' rows: all of them are given
  int mel_bins = 0;               ///< values of a frame
  std::int64_t chunk_frames = 0;  ///< of the spectrogram, which are heard by themselves
  /// The silence behind a sound is heard to the end of its last chunk.
  bool hears_whole_chunks = false;
  std::vector<ProjectorStep> projector_steps;
  std::string_view before, after;  ///< texts, with special tokens, around a sound

  std::int64_t chunk_rows() const { return chunk_frames / 2; }
};

/// Rows of the text model that so many rows of the tower become.
std::int64_t text_rows_of(const HearingSpec& spec, std::int64_t tower_rows);

}  // namespace linnet
