#include "hearing/families/common.hpp"
#include "hearing/families/families.hpp"

namespace linnet {

// Parakeet (https://arxiv.org/abs/2305.05084) as Nemotron 3 Nano Omni hears with it: Conformers
// whose rows see each other, over half minutes of a sound, each with a spectrogram of its own. The
// file has the bands and the window of that, which are NeMo's.
HearingSpec read_parakeet_hearing(Hyperparameters& p, const WeightLoader& loader) {
  constexpr int kMostTaps = 255;
  constexpr float kProjectorEpsilon = 1e-5f;
  HearingSpec spec = read_common_hearing(p, loader);
  spec.mel = nemo_mel(spec.mel.bins);
  spec.mel.ends_in_zeros = false;
  spec.stem = nemo_stem();
  spec.chunk_frames = 3000;
  spec.split = {.least_samples = 1600};
  size_stem(loader, spec);
  for (LayerSpec& layer : spec.tower.layers) layer.mlp.gate.activation = Activation::kSilu;
  spec.tower.unused_tensors = {"a.mel_filters", "a.window"};
  spec.conformer = {.distances = "linear_pos",
                    .query_bias = "pos_bias_u",
                    .distance_bias = "pos_bias_v",
                    .before_attention = "ln1",
                    .before_convolution = "norm_conv",
                    .behind_convolution = "conv_norm",
                    .mean = "conv_norm_mean",
                    .variance = "conv_norm_var",
                    .taps = p.required_count("audio.conv_kernel_size", kMostTaps),
                    .block_rows = static_cast<int>(spec.chunk_rows())};
  check_conformer(p, spec);
  spec.projector_steps = {norm("mm.a.norm_pre", NormKind::kRms, kProjectorEpsilon),
                          linear("mm.a.mlp.1"), activate(Activation::kReluSquared),
                          linear("mm.a.mlp.2")};
  spec.before = "<so_start>";
  spec.after = "<so_end>";
  return spec;
}

}  // namespace linnet
