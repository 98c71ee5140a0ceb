#include "vision/families/common.hpp"
#include "vision/families/families.hpp"

namespace linnet {

// Gemma 3 (https://arxiv.org/abs/2503.19786): SigLIP over pictures of one size, whose patches
// become 16 x 16 means. The rows of a picture see each other.
VisionSpec read_gemma3_vision(Hyperparameters& p, const WeightLoader& loader) {
  VisionSpec spec = read_common_vision(p, loader);
  spec.merge_side = static_cast<int>(p.count("vision.projector.scale_factor", 4, 64));
  spec.sizing.fixed_side = spec.trained_side;
  spec.sizing.resampling = Resampling::kBilinear;
  spec.places = PlaceTable::kGrid;
  spec.projector_steps = {
      mean_of(spec.merge_side),
      norm("mm.soft_emb_norm", NormKind::kRms, spec.tower.norm_epsilon),
      linear("mm.input_projection", ProjectorStep::Weights::kTransposed),
  };
  spec.before = "<start_of_image>";
  spec.after = "<end_of_image>";
  spec.see_each_other = true;
  return spec;
}

}  // namespace linnet
