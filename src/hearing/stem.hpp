#pragma once

#include <vector>

#include "encoder/depthwise.hpp"
#include "hearing/hearing_spec.hpp"
#include "hearing/sound_chunks.hpp"

namespace linnet {

/// Makes the rows that a tower reads of a spectrogram; see StemSpec.
class Stem {
 public:
  /// What is wrong with the file goes to `loader`. `spec` must outlive the object.
  Stem(WeightLoader& loader, const HearingSpec& spec);

  /// The first rows of `chunk`, as many as the tower reads, [tower_rows, width].
  std::vector<float> run(Backend& backend, Workspace& workspace, const SoundChunk& chunk) const;

 private:
  struct Step {
    Convolution convolution;
    DepthwiseConvolution each;
    Linear linear;
    Norm norm;
  };
  /// Frames that are convolved at once, and the first of their rows that count.
  struct Piece {
    std::int64_t first, frames, skipped;
  };

  Step load_step(WeightLoader& loader, const StemSpec::Step& step, std::int64_t columns) const;
  void load_joined(WeightLoader& loader);
  std::vector<Piece> pieces_of(std::int64_t frames) const;
  View run_step(Backend& backend, Workspace& workspace, std::size_t index, View x, Grid grid) const;
  View convolve(Backend& backend, Workspace& workspace, const SoundChunk& chunk,
                const Piece& piece) const;
  View join(Backend& backend, Workspace& workspace, View x, Grid grid) const;
  void add_places(Backend& backend, Workspace& workspace, View x) const;

  const HearingSpec& spec_;
  std::vector<Step> steps_;
  std::int64_t joined_columns_ = 0;
  Linear joined_;
  std::vector<float> places_;  // [rows, width]
};

/// Floats of a workspace that Stem::run() takes.
std::int64_t stem_floats(const HearingSpec& spec);

}  // namespace linnet
