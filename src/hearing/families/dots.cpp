#include <cmath>

#include "hearing/families/common.hpp"
#include "hearing/families/families.hpp"

namespace linnet {
namespace {

// The first half of each head rotates with the place of its row.
void turn_first_halves(ModelSpec& tower) {
  constexpr double kBase = 10000.0;
  for (LayerSpec& layer : tower.layers) {
    RopeSpec& rope = layer.attention.rope;
    rope.layout = RopeLayout::kSplitHalf;
    rope.dims = layer.attention.key_width / 4 * 2;
    for (int i = 0; i < rope.dims; i += 2) {
      rope.inverse_frequencies.push_back(
          static_cast<float>(std::pow(kBase, -static_cast<double>(i) / rope.dims)));
    }
  }
}

}  // namespace

// dots3-note: Qwen3's convolutions over minutes of a sound, each with a spectrogram of its own, and
// a tower of layers as text models have them.
HearingSpec read_dots_note_hearing(Hyperparameters& p, const WeightLoader& loader) {
  constexpr float kAdapterEpsilon = 1e-5f;
  HearingSpec spec = read_common_hearing(p, loader);
  spec.chunk_frames = 6000;
  spec.mel = whisper_mel(spec.mel.bins, spec.chunk_frames);
  spec.split = {.begins_rows = true};
  spec.stem = eighth_stem();
  size_stem(loader, spec);
  spec.tower.norm = NormKind::kRms;
  for (LayerSpec& layer : spec.tower.layers) layer.mlp.gate.activation = Activation::kSilu;
  turn_first_halves(spec.tower);
  spec.projector_steps = {norm("a.post_ln", NormKind::kRms, spec.tower.norm_epsilon),
                          norm("mm.a.norm_pre", NormKind::kLayer, kAdapterEpsilon),
                          linear("mm.a.mlp.1"), activate(Activation::kGeluErf),
                          linear("mm.a.mlp.3")};
  spec.before = "<|audio_comp_start|>";
  spec.after = "<|audio_comp_end|>";
  return spec;
}

}  // namespace linnet
