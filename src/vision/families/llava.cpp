#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "vision/families/common.hpp"
#include "vision/families/families.hpp"

namespace linnet {
namespace {

// Layers of CLIP's ViT-L whose results LLaVA reads; older files have no others.
constexpr std::int64_t kLayersOfLarge = 23;
// What a square picture is made of where it is none: CLIP's mean.
constexpr Colour kMeanColour = {122, 116, 104};

// LLaVA reads the last but one of all layers. Its own converter leaves the last one out, and counts
// the others; files of other converters have it, or count it.
std::int64_t last_read_layer(Hyperparameters& p, const WeightLoader& loader, std::int64_t layers) {
  const bool has_all = loader.has(fmt::format("v.blk.{}.attn_out.weight", layers - 1));
  const bool is_left_out = p.boolean("has_llava_projector", false) && has_all;
  if (is_left_out || layers == kLayersOfLarge) return layers;
  return std::max<std::int64_t>(1, layers - 1);
}

// Numbers of layers whose results the projector reads side by side, ascending, from 1.
std::vector<std::int64_t> read_features(Hyperparameters& p, const WeightLoader& loader,
                                        std::int64_t layers) {
  constexpr std::string_view kKey = "vision.feature_layer";
  std::vector<std::int64_t> features =
      read_counts(p, kKey, static_cast<std::size_t>(Hyperparameters::kMostLayers));
  if (features.empty()) return {last_read_layer(p, loader, layers)};
  std::ranges::sort(features);
  const bool are_layers = features.front() >= 1 && features.back() <= layers &&
                          std::ranges::adjacent_find(features) == features.end();
  if (!are_layers) {
    p.fail(
        fmt::format("metadata key clip.{} has layers that are none of 1 to {}, or twice the same",
                    kKey, layers));
    return {1};
  }
  return features;
}

// CLIP over square pictures, of which what an inner layer made of the patches goes on.
VisionSpec read_clip_vision(Hyperparameters& p, const WeightLoader& loader) {
  VisionSpec spec = read_common_vision(p, loader);
  const std::vector<std::int64_t> features =
      read_features(p, loader, std::ssize(spec.tower.layers));
  keep_layers(static_cast<std::size_t>(features.back()), loader, spec.tower);
  for (std::size_t i = 0; i + 1 < features.size(); ++i) {
    spec.tower.kept_layers.push_back(static_cast<int>(features[i] - 1));
  }
  spec.joins_kept = true;
  spec.sizing.fixed_side = spec.trained_side;
  spec.sizing.bars = kMeanColour;
  spec.places = PlaceTable::kGrid;
  if (loader.has("v.class_embd")) spec.class_token = ClassToken::kFirst;
  // What ends lines in LLaVA 1.6's own code, and SigLIP's pooling.
  for (const char* unused : {"model.image_newline", "v.image_newline", "v.head."}) {
    spec.tower.unused_tensors.emplace_back(unused);
  }
  read_grids(p, spec);
  if (!spec.tiling.grids.empty()) spec.sizing.bars.reset();
  return spec;
}

// The converter calls SigLIP's GELU, which is approximated by tanh, none.
void read_activation_of_siglip(Hyperparameters& p, ModelSpec& tower) {
  if (p.boolean("use_gelu", false) || p.boolean("use_silu", false)) return;
  for (LayerSpec& layer : tower.layers) layer.mlp.gate.activation = Activation::kGelu;
}

// Yi-VL has norms after both projections.
std::vector<ProjectorStep> read_projector(const WeightLoader& loader, float epsilon) {
  std::vector<ProjectorStep> steps = {concatenate(1), linear("mm.0")};  // patches alone
  const bool has_norms = loader.has("mm.3.weight");
  if (has_norms) steps.push_back(norm("mm.1", NormKind::kLayer, epsilon));
  steps.push_back(activate());
  if (loader.has("mm.2.weight")) steps.push_back(linear("mm.2"));
  if (has_norms) {
    steps.insert(steps.end(), {linear("mm.3"), norm("mm.4", NormKind::kLayer, epsilon)});
  }
  return steps;
}

}  // namespace

// LLaVA 1.5 and 1.6 (https://arxiv.org/abs/2310.03744), and others with CLIP or SigLIP, which has
// no class token.
VisionSpec read_llava_vision(Hyperparameters& p, const WeightLoader& loader) {
  VisionSpec spec = read_clip_vision(p, loader);
  if (spec.class_token == ClassToken::kNone) read_activation_of_siglip(p, spec.tower);
  spec.projector_steps = read_projector(loader, spec.tower.norm_epsilon);
  return spec;
}

// MobileVLM (https://arxiv.org/abs/2312.16886): LLaVA's encoder, after which convolutions make a
// row of 2 x 2 patches.
VisionSpec read_mobile_vlm_vision(Hyperparameters& p, const WeightLoader& loader) {
  VisionSpec spec = read_clip_vision(p, loader);
  const float epsilon = spec.tower.norm_epsilon;
  spec.merge_side = 2;
  spec.projector_steps = {concatenate(1), linear("mm.model.mlp.1"), activate(),
                          linear("mm.model.mlp.3"), keep()};
  const auto add_block = [&](int number, int stride) {
    const std::string stem = fmt::format("mm.model.mb_block.{}.block.", number);
    spec.projector_steps.insert(
        spec.projector_steps.end(),
        {convolve_each(stem + "0.0", stride), norm(stem + "0.1", NormKind::kLayer, epsilon),
         hard_swish(), weigh_columns(stem + "1.fc1", stem + "1.fc2"), linear(stem + "2.0"),
         norm(stem + "2.1", NormKind::kLayer, epsilon)});
  };
  add_block(1, /*stride=*/1);
  spec.projector_steps.push_back(add_kept());
  add_block(2, /*stride=*/2);
  return spec;
}

// MobileVLM V2 (https://arxiv.org/abs/2402.03766): the same with means and one convolution.
VisionSpec read_mobile_vlm2_vision(Hyperparameters& p, const WeightLoader& loader) {
  VisionSpec spec = read_clip_vision(p, loader);
  spec.merge_side = 2;
  spec.projector_steps = {concatenate(1),
                          linear("mm.model.mlp.0"),
                          activate(),
                          linear("mm.model.mlp.2"),
                          mean_of(spec.merge_side),
                          keep(),
                          convolve_each("mm.model.peg.0", /*side=*/1),
                          add_kept()};
  return spec;
}

}  // namespace linnet
