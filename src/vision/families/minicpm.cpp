#include <fmt/format.h>

#include <algorithm>

#include "vision/families/common.hpp"
#include "vision/families/families.hpp"

namespace linnet {
namespace {

constexpr int kMostTiles = 9;

// MiniCPM-V 2.5.
void set_texts_of_2(VisionSpec& spec) {
  Tiling& tiling = spec.tiling;
  tiling.before_tiles = "<slice>";
  tiling.before_tile = "<image>";
  tiling.behind_tile = "</image>";
  tiling.between_rows = "\n";
  tiling.behind_tiles = "</slice>";
}

// MiniCPM-V 2.6 and later.
void set_texts_of_3(VisionSpec& spec) {
  spec.tiling.before_tile = "<slice>";
  spec.tiling.behind_tile = "</slice>";
  spec.tiling.between_rows = "\n";
}

std::int64_t read_version(Hyperparameters& p) {
  constexpr std::int64_t kOmni45 = 100045;
  const std::int64_t version = p.count("minicpmv_version", 2);
  if (version != 2 && (version < 3 || version > 6) && version != kOmni45) {
    p.fail(fmt::format("metadata key clip.minicpmv_version is {}, expected 2 to 6 or {}", version,
                       kOmni45));
  }
  return version;
}

void set_texts(std::int64_t version, VisionSpec& spec) {
  spec.before = "<image>";
  spec.tiling.behind_overview = "</image>";
  if (version == 2) {
    set_texts_of_2(spec);
  } else {
    set_texts_of_3(spec);
  }
}

// Tiles of about one area, whose sides are rounded to squares of patches.
void cut_by_area(VisionSpec& spec) {
  const std::int64_t across = std::max(1, spec.trained_side / (spec.patch_side * spec.merge_side));
  PictureSizing& sizing = spec.sizing;
  sizing.choice = PictureSizing::Choice::kSameArea;
  sizing.area_side = spec.trained_side;
  sizing.most_tokens = std::max(across * across * 9 / 8, across * across + 3 * across);
  spec.tiling.choice = Tiling::Choice::kArea;
  spec.tiling.most_tiles = kMostTiles;
  spec.tiling.overview_first = true;
  spec.places = PlaceTable::kBuckets;
}

// The layers up to `last` are early ones, after which come one that sees 2 x 2 patches, and the
// steps that merge these.
void split_layers(std::int64_t last, VisionSpec& spec) {
  const std::string stem = "v.vit_merger.";
  ModelSpec& late = spec.tower;
  EarlyLayers& early = spec.early;
  early.tower = late;
  early.tower.output_norm = NormUse::kNone;
  early.tower.layers.resize(static_cast<std::size_t>(last + 1));
  LayerSpec windowed = late.layers.front();
  windowed.name = "v.vit_merger";
  windowed.attention.in_windows = true;
  windowed.mlp = {};
  early.tower.layers.push_back(std::move(windowed));
  late.layers.resize(late.layers.size() - static_cast<std::size_t>(last + 1));
  late.first_block = static_cast<int>(last + 1);
  early.window_side = early.merge_side = 2;
  early.steps = {concatenate(2),
                 norm(stem + "ds_ln", NormKind::kLayer, late.norm_epsilon),
                 linear(stem + "ds_ffn_up"),
                 activate(),
                 linear(stem + "ds_ffn_down"),
                 add_mean_of(2)};
}

// After which of the tower's layers patches are merged.
std::int64_t read_last_early(Hyperparameters& p, std::int64_t layers) {
  constexpr std::string_view kKey = "vision.wa_layer_indexes";
  constexpr std::int64_t kUsual = 6;
  const std::vector<std::int64_t> indexes =
      read_counts(p, kKey, static_cast<std::size_t>(Hyperparameters::kMostLayers));
  const std::int64_t last = indexes.empty() ? kUsual : indexes.front();
  if (last + 1 < layers) return last;
  p.fail(fmt::format("metadata key clip.{} has {} or is missing, expected 0 to {}", kKey, last,
                     layers - 2));
  return 0;
}

}  // namespace

// MiniCPM-V 4.6: as the ones before it, but for half of the layers reading what others made of 2 x
// 2 patches, and rows as many as patches allow.
VisionSpec read_minicpm46_vision(Hyperparameters& p, const WeightLoader& loader) {
  VisionSpec spec = read_common_vision(p, loader);
  spec.merge_side = p.count("vision.projector.scale_factor", 4, 64);
  const std::int64_t layers = std::ssize(spec.tower.layers);
  if (spec.merge_side != 2) {
    const std::int64_t last = read_last_early(p, layers);
    if (layers > 1) split_layers(last, spec);
  }
  cut_by_area(spec);
  spec.before = "<image>";
  spec.tiling.behind_overview = "</image>";
  set_texts_of_3(spec);
  spec.projector_steps = {concatenate(2), norm("mm.input_norm", NormKind::kLayer, 1e-6f),
                          linear("mm.up"), activate(Activation::kGeluErf), linear("mm.down")};
  return spec;
}

// MiniCPM-V (https://arxiv.org/abs/2408.01800): SigLIP over tiles of about one area in the
// picture's shape, each of which becomes as many rows.
VisionSpec read_minicpm_vision(Hyperparameters& p, const WeightLoader& loader) {
  constexpr std::int64_t kMostQueries = 1 << 12;
  VisionSpec spec = read_common_vision(p, loader);
  cut_by_area(spec);
  const std::int64_t version = read_version(p);
  set_texts(version, spec);
  const int queries = p.count("minicpmv_query_num", version == 2 ? 96 : 64, kMostQueries);
  const float epsilon = spec.tower.norm_epsilon;
  spec.tower.unused_tensors.push_back("resampler.pos_embed_k");  // which is computed
  spec.projector_steps = {concatenate(1), resample("resampler", queries, epsilon),
                          norm("resampler.ln_post", NormKind::kLayer, epsilon),
                          linear("resampler.proj")};
  return spec;
}

}  // namespace linnet
