#include <fmt/format.h>

#include <algorithm>

#include "vision/families/common.hpp"
#include "vision/families/families.hpp"
#include "vision/sam.hpp"

namespace linnet {
namespace {

// Patches of a picture each way, by the table of their places.
int side_of(Hyperparameters& p) {
  constexpr std::string_view kTable = "v.sam.pos_embd.weight";
  constexpr std::int64_t kLongest = 256;
  const gguf::Tensor* const tensor = p.file().find_tensor(std::string(kTable));
  const std::int64_t side = tensor ? tensor->shape[1] : 0;
  if (side < Sam::kMergedSide || side > kLongest || side % Sam::kMergedSide != 0) {
    p.fail(fmt::format("tensor {} has {} places each way, expected a multiple of {} up to {}",
                       kTable, side, Sam::kMergedSide, kLongest));
    return Sam::kMergedSide;
  }
  return static_cast<int>(side);
}

SamSpec read_sam(Hyperparameters& p, const WeightLoader& loader) {
  constexpr std::int64_t kWidestWindow = 256;
  SamSpec sam;
  sam.layers = p.required_count("vision.sam.block_count", Hyperparameters::kMostLayers);
  sam.heads = p.required_count("vision.sam.head_count", Hyperparameters::kMostHeads);
  sam.width = p.required_count("vision.sam.embedding_length", Hyperparameters::kWidest);
  sam.inner =
      std::clamp<std::int64_t>(loader.rows("v.sam.blk.0.mlp.lin1"), 1, Hyperparameters::kWidest);
  sam.side = side_of(p);
  sam.window = p.required_count("vision.window_size", kWidestWindow);
  if (sam.width % sam.heads != 0) {
    p.fail(fmt::format("the first encoder has {} columns, expected a multiple of its {} heads",
                       sam.width, sam.heads));
  }
  return sam;
}

}  // namespace

// DeepSeek-OCR (https://arxiv.org/abs/2510.18234): CLIP over what SAM and convolutions made of a
// square picture; the projector reads both.
VisionSpec read_deepseek_ocr_vision(Hyperparameters& p, const WeightLoader& loader) {
  constexpr Colour kGrey = {127, 127, 127};
  VisionSpec spec = read_common_vision(p, loader, TrainedSide::kUnused);
  spec.tower.norm_epsilon = spec.tower.post_norm_epsilon = 1e-5f;
  spec.sam = read_sam(p, loader);
  if (!spec.tower.layers.empty()) {
    spec.sam.activation = spec.tower.layers.front().mlp.gate.activation;
  }
  for (LayerSpec& layer : spec.tower.layers) layer.mlp.gate.activation = Activation::kGeluQuick;
  spec.patch_side = spec.sam.patch_side * Sam::kMergedSide;
  spec.sizing.fixed_side = spec.sam.side * spec.sam.patch_side;
  spec.sizing.bars = kGrey;
  spec.places = PlaceTable::kGrid;
  spec.class_token = ClassToken::kFirst;
  spec.projector_steps = {concatenate(1), linear("mm.model.fc"),
                          end_rows("v.image_newline", "v.view_seperator")};
  spec.after = "\n";
  return spec;
}

}  // namespace linnet
