#include "vision/families/common.hpp"
#include "vision/families/families.hpp"

namespace linnet {

// Pixtral (https://arxiv.org/abs/2410.07073) and Mistral Small 3.1, which merges patches: pictures
// of any shape, whose rows end with a token of their own.
VisionSpec read_pixtral_vision(Hyperparameters& p, const WeightLoader& loader) {
  VisionSpec spec = read_common_vision(p, loader);
  spec.tower.norm = NormKind::kRms;
  spec.merge_side = p.count("vision.spatial_merge_size", 1, 64);
  spec.sizing.least_tokens = 8;
  spec.sizing.most_tokens = 1024;
  turn_halves({.interleaved = true}, spec.tower);
  if (loader.has("mm.patch_merger.weight")) {
    spec.projector_steps = {
        norm("mm.input_norm", NormKind::kRms, spec.tower.norm_epsilon),
        concatenate(spec.merge_side),
        linear("mm.patch_merger", ProjectorStep::Weights::kColumnsOutermost),
    };
  }
  spec.projector_steps.insert(spec.projector_steps.end(),
                              {linear("mm.1"), activate(), linear("mm.2")});
  if (loader.has("v.token_embd.img_break")) {
    spec.projector_steps.push_back(break_rows("v.token_embd.img_break"));
  }
  spec.after = "[IMG_END]";
  return spec;
}

}  // namespace linnet
