#include <algorithm>
#include <cmath>

#include "vision/families/common.hpp"
#include "vision/families/families.hpp"

namespace linnet {

// Gemma 3 (https://arxiv.org/abs/2503.19786): SigLIP over pictures of one size, whose patches
// become 16 x 16 means. The rows of a picture see each other.
VisionSpec read_gemma3_vision(Hyperparameters& p, const WeightLoader& loader) {
  VisionSpec spec = read_common_vision(p, loader);
  spec.merge_side = p.count("vision.projector.scale_factor", 4, 64);
  spec.sizing.fixed_side = spec.trained_side;
  spec.sizing.resampling = Resampling::kBilinear;
  spec.places = PlaceTable::kGrid;
  spec.projector_steps = {
      mean_of(spec.merge_side),
      norm("mm.soft_emb_norm", NormKind::kRms, spec.tower.norm_epsilon),
      linear("mm.input_projection", ProjectorStep::Weights::kTransposed),
  };
  spec.before = "\n\n<start_of_image>";
  spec.after = "<end_of_image>\n\n";
  spec.see_each_other = SeeEachOther::kInAllLayers;
  return spec;
}

namespace {

// Places are learned for this many rows and columns of patches.
void set_sizes_of_gemma4(Hyperparameters& p, const WeightLoader& loader, VisionSpec& spec) {
  spec.sizing.least_tokens = 70;
  spec.sizing.most_tokens = 1120;
  spec.places = PlaceTable::kRowsAndColumns;
  spec.sizing.longest_side = loader.rows("v.position_embd") / spec.merge_side;
  if (spec.sizing.longest_side < 1) p.fail("tensor v.position_embd.weight has too few places");
  spec.before = "<|image>";
  spec.after = "<image|>";
}

}  // namespace

// Gemma 4: pictures of any shape, whose patches rotate by column and row and have learned places
// for both, and become 3 x 3 means. Most text models let the rows of a picture see each other in
// sliding layers; those of E2B and E4B, which their widths tell, don't.
VisionSpec read_gemma4_vision(Hyperparameters& p, const WeightLoader& loader) {
  constexpr std::int64_t kCausalWidths[] = {1536, 2560};
  VisionSpec spec = read_common_vision(p, loader);
  spec.tower.norm = NormKind::kRms;
  for (int i = 0; i < 3; ++i) {  // from -1 to 1 what the others have from 0 to 1
    spec.deviation[i] /= 2.0f;
    spec.mean[i] += spec.deviation[i];
  }
  for (LayerSpec& layer : spec.tower.layers) {
    layer.attention.scale = 1.0f;
    layer.attention.plain_value_norm = true;
    // What its files say nothing of.
    const bool is_told = p.has("use_gelu") || p.has("use_silu");
    if (!is_told) layer.mlp.gate.activation = Activation::kGelu;
  }
  turn_halves({.layout = RopeLayout::kSplitHalf, .base = 100.0f, .columns_first = true},
              spec.tower);
  spec.merge_side = p.count("vision.projector.scale_factor", 3, 8);
  set_sizes_of_gemma4(p, loader, spec);
  spec.projector_steps = {mean_of(spec.merge_side),
                          scale_by(std::sqrt(static_cast<float>(spec.tower.width)))};
  if (loader.has("v.std_bias") && loader.has("v.std_scale")) {
    spec.projector_steps.push_back(standardise("v.std_bias", "v.std_scale"));
  }
  spec.projector_steps.push_back(norm("", NormKind::kRms, spec.tower.norm_epsilon));
  spec.projector_steps.push_back(linear("mm.input_projection"));
  const std::int64_t text_width = loader.rows("mm.input_projection");
  const bool is_causal = std::ranges::find(kCausalWidths, text_width) != std::end(kCausalWidths);
  spec.see_each_other = is_causal ? SeeEachOther::kNo : SeeEachOther::kInSlidingLayers;
  return spec;
}

// Gemma 4 with one encoder for all (12B): what large patches are projected to, with their places,
// goes to the text model without a tower between.
VisionSpec read_gemma4_unified_vision(Hyperparameters& p, const WeightLoader& loader) {
  VisionSpec spec = read_patches(p, TrainedSide::kUnused);
  spec.patch_side *= p.count("vision.projector.scale_factor", 3, 8);
  spec.tower.architecture = p.architecture();
  spec.tower.width = p.required_count("vision.embedding_length", Hyperparameters::kWidest);
  spec.tower.norm = NormKind::kLayer;
  spec.tower.norm_epsilon = 1e-5f;
  spec.pixel_norm = "v.patch_norm.1";
  spec.embedding_norm = "v.patch_norm.2";
  spec.patch_norm = "v.patch_norm.3";
  set_sizes_of_gemma4(p, loader, spec);
  spec.projector_steps = {
      norm("", NormKind::kRms, p.positive_number("vision.attention.layer_norm_epsilon", 1e-6f)),
      linear("mm.input_projection")};
  spec.see_each_other = SeeEachOther::kInSlidingLayers;
  return spec;
}

}  // namespace linnet
