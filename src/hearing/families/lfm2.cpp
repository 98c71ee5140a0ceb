#include "hearing/families/common.hpp"
#include "hearing/families/families.hpp"

namespace linnet {
namespace {

constexpr float kEpsilon = 1e-5f;

}  // namespace

// LFM2-Audio: Conformers (https://arxiv.org/abs/2005.08100) whose rows see each other. The model
// hears a sound as a whole; two minutes are what a chunk of Whisper's has rows for. What it speaks
// with is not used.
HearingSpec read_lfm2_hearing(Hyperparameters& p, const WeightLoader& loader) {
  HearingSpec spec = read_common_hearing(p, loader);
  spec.mel = nemo_mel(spec.mel.bins);
  spec.stem = nemo_stem();
  spec.chunk_frames = 12000;
  size_stem(loader, spec);
  spec.tower.norm_epsilon = kEpsilon;
  for (LayerSpec& layer : spec.tower.layers) layer.mlp.gate.activation = Activation::kSilu;
  spec.tower.unused_tensors = {"a.position_embd", "a.embd_to_logits"};
  spec.conformer = {.distances = "linear_pos",
                    .query_bias = "pos_bias_u",
                    .distance_bias = "pos_bias_v",
                    .before_attention = "ln1",
                    .before_convolution = "norm_conv",
                    .behind_convolution = "conv_norm",
                    .taps = 9};
  check_conformer(p, spec);
  spec.projector_steps = {norm("mm.a.mlp.0", NormKind::kLayer, kEpsilon), linear("mm.a.mlp.1"),
                          activate(Activation::kGeluErf), linear("mm.a.mlp.3")};
  return spec;
}

}  // namespace linnet
