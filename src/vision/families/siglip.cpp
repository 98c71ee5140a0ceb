// SigLIP (https://arxiv.org/abs/2303.15343) with small projectors after it.

#include "vision/families/common.hpp"
#include "vision/families/families.hpp"

namespace linnet {

// Janus-Pro (https://arxiv.org/abs/2501.17811): square pictures.
VisionSpec read_janus_vision(Hyperparameters& p, const WeightLoader& loader) {
  constexpr Colour kMeanColour = {127, 127, 127};
  VisionSpec spec = read_common_vision(p, loader);
  spec.sizing.fixed_side = spec.trained_side;
  spec.sizing.bars = kMeanColour;
  spec.places = PlaceTable::kGrid;
  const Activation activation = spec.tower.layers.front().mlp.gate.activation;
  spec.projector_steps = {linear("mm.0"), activate(activation), linear("mm.1")};
  spec.before = "<begin_of_image>";
  spec.after = "<end_of_image>";
  return spec;
}

// Phi-4 with vision (https://arxiv.org/abs/2603.03975): pictures of any shape. The last layer of
// its encoder, which it does not use, is not in the file.
VisionSpec read_phi4_vision(Hyperparameters& p, const WeightLoader& loader) {
  VisionSpec spec = read_common_vision(p, loader);
  spec.sizing.least_tokens = 256;
  spec.sizing.most_tokens = 3600;
  read_pixel_limits(p, spec);
  spec.sizing.resampling = Resampling::kBilinear;
  spec.places = PlaceTable::kBilinear;
  spec.projector_steps = {linear("mm.0"), activate(), linear("mm.2")};
  return spec;
}

// GLM-Edge-V: square pictures of which four patches become one, between rows of its own.
VisionSpec read_glm_edge_vision(Hyperparameters& p, const WeightLoader& loader) {
  VisionSpec spec = read_common_vision(p, loader);
  spec.merge_side = 2;
  spec.sizing.fixed_side = spec.trained_side;
  spec.places = PlaceTable::kGrid;
  const std::string stem = "adapter.linear.";
  spec.projector_steps = {concatenate(spec.merge_side),
                          linear("adapter.conv", ProjectorStep::Weights::kConvolution),
                          linear(stem + "linear"),
                          norm(stem + "norm1", NormKind::kLayer, spec.tower.norm_epsilon),
                          activate(),
                          gate_by(stem + "gate", stem + "dense_h_to_4h", Activation::kSilu),
                          linear(stem + "dense_4h_to_h"),
                          wrap("adapter.boi", "adapter.eoi")};
  return spec;
}

}  // namespace linnet
