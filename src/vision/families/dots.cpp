#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "vision/families/common.hpp"
#include "vision/families/families.hpp"

namespace linnet {
namespace {

// `merged_by` is the key of how many patches become a row each way.
VisionSpec read_dots(Hyperparameters& p, const WeightLoader& loader, std::string_view merged_by) {
  VisionSpec spec = read_common_vision(p, loader, TrainedSide::kUnused);
  spec.tower.norm = NormKind::kRms;
  spec.tower.norm_names.output = "mm.post_norm";
  spec.tower.output_norm = NormUse::kWeights;
  spec.merge_side = p.count(merged_by, 2, 64);
  spec.sizing.least_tokens = 4;
  spec.sizing.most_tokens = 14400;
  read_pixel_limits(p, spec);
  turn_halves_of_pairs(10000.0f, spec.tower);
  spec.projector_steps = {norm("mm.input_norm", NormKind::kLayer, 1e-6f),
                          concatenate(spec.merge_side), linear("mm.0"),
                          activate(Activation::kGeluErf), linear("mm.2")};
  spec.before = "<|img|>";
  spec.after = "<|endofimg|>";
  return spec;
}

// The experts that layer `index` has in the place of one feed-forward part, if it has some.
MoeSpec read_experts(Hyperparameters& p, const WeightLoader& loader, std::size_t index) {
  constexpr std::int64_t kMostExperts = 1 << 12;
  const std::string stem = fmt::format("v.blk.{}.ffn_up_exps", index);
  const gguf::Tensor* const tensor = p.file().find_tensor(stem + ".weight");
  MoeSpec moe;
  if (!tensor) return moe;
  moe.experts = static_cast<int>(std::clamp<std::int64_t>(tensor->shape[2], 1, kMostExperts));
  moe.width =
      static_cast<int>(std::clamp<std::int64_t>(loader.rows(stem), 1, Hyperparameters::kWidest));
  moe.route.gate = GateFunction::kSigmoid;
  moe.route.normalise = true;
  moe.route.used =
      std::min(p.required_count("vision.expert_used_count", kMostExperts), moe.experts);
  return moe;
}

}  // namespace

// dots.ocr (https://arxiv.org/abs/2512.02498): pictures of any shape, whose patches rotate by row
// and column.
VisionSpec read_dots_ocr_vision(Hyperparameters& p, const WeightLoader& loader) {
  return read_dots(p, loader, "vision.projector.scale_factor");
}

// dots3-note: the same with experts in some of the layers.
VisionSpec read_dots3_vision(Hyperparameters& p, const WeightLoader& loader) {
  VisionSpec spec = read_dots(p, loader, "vision.spatial_merge_size");
  for (std::size_t i = 0; i < spec.tower.layers.size(); ++i) {
    LayerSpec& layer = spec.tower.layers[i];
    layer.moe = read_experts(p, loader, i);
    if (layer.moe.experts == 0) continue;
    layer.moe.gate = layer.mlp.gate;
    layer.mlp.width = 0;
  }
  return spec;
}

}  // namespace linnet
