#include "vision/families/common.hpp"
#include "vision/families/families.hpp"

namespace linnet {

// Hunyuan-VL and HunyuanOCR (https://arxiv.org/abs/2511.19575): pictures of any shape, whose rows
// end with a token of their own, between one before and one after.
VisionSpec read_hunyuan_vision(Hyperparameters& p, const WeightLoader& loader) {
  VisionSpec spec = read_common_vision(p, loader, TrainedSide::kUnused);
  spec.merge_side = p.count("vision.spatial_merge_size", 2, 64);
  spec.sizing.least_tokens = 256;
  spec.sizing.most_tokens = 4096;
  read_pixel_limits(p, spec);
  spec.places = PlaceTable::kBetweenTenths;
  spec.tower.unused_tensors.push_back("v.view_seperator");  // for parts of a picture
  const float epsilon = spec.tower.norm_epsilon;
  spec.projector_steps = {norm("mm.pre_norm", NormKind::kRms, epsilon),
                          concatenate(spec.merge_side),
                          linear("mm.0", ProjectorStep::Weights::kConvolution),
                          activate(),
                          linear("mm.2", ProjectorStep::Weights::kConvolution),
                          end_rows("v.image_newline"),
                          linear("mm.model.fc"),
                          wrap("mm.image_begin", "mm.image_end"),
                          norm("mm.post_norm", NormKind::kRms, epsilon)};
  spec.before = "<｜hy_place▁holder▁no▁100｜>";
  spec.after = "<｜hy_place▁holder▁no▁101｜>";
  spec.row_places = RowPlaces::kLines;
  return spec;
}

}  // namespace linnet
