#include <fmt/format.h>

#include <algorithm>

#include "model/rope_frequencies.hpp"
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

LearnedRows queries_of(int side) { return {side, fmt::format("v.resample_query_{}.weight", side)}; }

// Pictures that are larger than a tile are cut into two tiles or more, which come before the whole.
void cut_into_tiles(Hyperparameters& p, int side, int usual_most, VisionSpec& spec) {
  constexpr int kMost = 64;
  Tiling& tiling = spec.tiling;
  const int least = p.count("vision.preproc_min_tiles", 2, kMost);
  const int most = p.count("vision.preproc_max_tiles", usual_most, kMost);
  for (int tiles = std::max(1, least); tiles <= most; ++tiles) {
    for (int columns = 1; columns <= tiles; ++columns) {
      if (tiles % columns == 0) tiling.grids.push_back({columns, tiles / columns});
    }
  }
  if (tiling.grids.empty()) return;
  tiling.choice = Tiling::Choice::kShapeOfLarge;
  tiling.side = side;
  spec.sam.other_sides = {side / spec.sam.patch_side};
}

// What both models have in common: SAM and convolutions over a square picture with grey bars, whose
// results a tower reads.
VisionSpec read_sam_and_tower(Hyperparameters& p, const WeightLoader& loader) {
  constexpr Colour kGrey = {127, 127, 127};
  VisionSpec spec = read_common_vision(p, loader, TrainedSide::kUnused);
  spec.sam = read_sam(p, loader);
  spec.sam.activation = spec.tower.layers.front().mlp.gate.activation;
  spec.patch_side = spec.sam.patch_side * Sam::kMergedSide;
  spec.sizing.fixed_side = spec.sam.side * spec.sam.patch_side;
  spec.sizing.bars = kGrey;
  spec.sizing.rounds_to_nearest = true;
  spec.after = "\n";
  return spec;
}

}  // namespace

// DeepSeek-OCR (https://arxiv.org/abs/2510.18234): CLIP over what SAM and convolutions made of a
// square picture; the projector reads both.
VisionSpec read_deepseek_ocr_vision(Hyperparameters& p, const WeightLoader& loader) {
  constexpr int kMostTiles = 9;
  VisionSpec spec = read_sam_and_tower(p, loader);
  spec.tower.norm_epsilon = spec.tower.post_norm_epsilon = 1e-5f;
  for (LayerSpec& layer : spec.tower.layers) layer.mlp.gate.activation = Activation::kGeluQuick;
  spec.joins_front = true;
  spec.places = PlaceTable::kSpread;
  spec.class_token = ClassToken::kFirst;
  const int whole = spec.sizing.fixed_side;
  spec.projector_steps = {concatenate(1), linear("mm.model.fc"), end_rows("v.image_newline"),
                          row_behind("v.view_seperator", whole / spec.patch_side)};
  const int tile = whole / 8 * 5;  // 640 of 1024 pixels
  if (tile % spec.patch_side == 0) cut_into_tiles(p, tile, kMostTiles, spec);
  spec.tiling.joins_rows = true;
  return spec;
}

// DeepSeek-OCR 2: in the place of CLIP learned rows, one for each of SAM's, which a language model
// (Qwen2) reads after them; these alone go on.
VisionSpec read_deepseek_ocr2_vision(Hyperparameters& p, const WeightLoader& loader) {
  constexpr float kRopeBase = 1e6f;
  constexpr int kTileSide = 768, kMostTiles = 6;
  VisionSpec spec = read_sam_and_tower(p, loader);
  spec.tower.norm = NormKind::kRms;
  spec.tower.causal = true;
  read_shared_keys(p, spec);
  for (LayerSpec& layer : spec.tower.layers) {
    layer.mlp.gate.activation = Activation::kSilu;
    AttentionSpec& attention = layer.attention;
    attention.rope.layout = RopeLayout::kSplitHalf;
    attention.rope.dims = attention.key_width / 2 * 2;
    set_rope_frequencies(attention.rope, kRopeBase, {}, {});
  }
  spec.queries = {queries_of(spec.sizing.fixed_side)};
  const int places = spec.sizing.fixed_side / spec.patch_side;
  spec.projector_steps = {concatenate(1), linear("mm.model.fc"),
                          row_behind("v.view_seperator", places)};
  LearnedRows queries = queries_of(kTileSide);
  if (spec.sizing.fixed_side > kTileSide && loader.has(queries.name)) {
    cut_into_tiles(p, kTileSide, kMostTiles, spec);
    spec.queries.push_back(std::move(queries));
  }
  return spec;
}

}  // namespace linnet
