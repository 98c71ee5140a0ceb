#include <fmt/format.h>

#include "hearing/families/common.hpp"
#include "hearing/families/families.hpp"

namespace linnet {

// Qwen3-Omni (https://arxiv.org/abs/2509.17765) and Qwen3-ASR: convolutions over frames and bins of
// a second by itself, which become 13 rows; the tower reads those of 8 seconds.
HearingSpec read_qwen3_hearing(Hyperparameters& p, const WeightLoader& loader) {
  constexpr std::int64_t kPartFrames = 100, kParts = 8;
  HearingSpec spec = read_common_hearing(p, loader);
  use_gelu(spec.tower);
  StemSpec& stem = spec.stem = eighth_stem();
  stem.part_frames = kPartFrames;
  stem.places = "a.position_embd";
  spec.chunk_frames = kParts * kPartFrames;
  size_stem(loader, spec);
  const std::int64_t places = loader.rows(stem.places), rows = stem.rows_of(kPartFrames);
  if (places < rows) {
    p.fail(fmt::format("a second has places for {} rows, expected at least {}", places, rows));
  }
  spec.projector_steps = {whisper_norm(spec), linear("mm.a.mlp.1"), activate(Activation::kGeluErf),
                          linear("mm.a.mlp.2")};
  spec.leaves_deepstack = true;
  spec.before = "<|audio_start|>";
  spec.after = "<|audio_end|>";
  return spec;
}

}  // namespace linnet
