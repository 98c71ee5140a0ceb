#include <fmt/format.h>

#include <algorithm>

#include "vision/families/common.hpp"
#include "vision/families/families.hpp"

namespace linnet {
namespace {

constexpr int kMostTiles = 9;

// Of MiniCPM-V 2.5.
void set_texts_of_2(VisionSpec& spec) {
  Tiling& tiling = spec.tiling;
  tiling.before_tiles = "<slice>";
  tiling.before_tile = "<image>";
  tiling.behind_tile = "</image>";
  tiling.between_rows = "\n";
  tiling.behind_tiles = "</slice>";
}

// Of MiniCPM-V 2.6 and later.
void set_texts_of_3(VisionSpec& spec) {
  spec.tiling.before_tile = "<slice>";
  spec.tiling.behind_tile = "</slice>";
  spec.tiling.between_rows = "\n";
}

void set_texts(Hyperparameters& p, VisionSpec& spec) {
  constexpr std::int64_t kOmni45 = 100045;
  const std::int64_t version = p.count("minicpmv_version", 2);
  if (version != 2 && (version < 3 || version > 6) && version != kOmni45) {
    p.fail(fmt::format("metadata key clip.minicpmv_version is {}, expected 2 to 6 or {}", version,
                       kOmni45));
  }
  spec.before = "<image>";
  spec.tiling.behind_overview = "</image>";
  if (version == 2) {
    set_texts_of_2(spec);
  } else {
    set_texts_of_3(spec);
  }
  constexpr std::int64_t kMostQueries = 1 << 12;
  spec.resampler.queries = p.count("minicpmv_query_num", version == 2 ? 96 : 64, kMostQueries);
}

}  // namespace

// MiniCPM-V (https://arxiv.org/abs/2408.01800): SigLIP over tiles of about one area in the
// picture's shape, each of which becomes as many rows.
VisionSpec read_minicpm_vision(Hyperparameters& p, const WeightLoader& loader) {
  VisionSpec spec = read_common_vision(p, loader);
  const std::int64_t across = std::max(1, spec.trained_side / spec.patch_side);
  PictureSizing& sizing = spec.sizing;
  sizing.choice = PictureSizing::Choice::kSameArea;
  sizing.area_side = spec.trained_side;
  sizing.most_tokens = across * across * 9 / 8;  // where sides are rounded up
  spec.tiling.choice = Tiling::Choice::kArea;
  spec.tiling.most_tiles = kMostTiles;
  spec.tiling.overview_first = true;
  set_texts(p, spec);
  spec.places = PlaceTable::kBuckets;
  spec.resampler.columns = std::min(loader.rows("resampler.kv"), Hyperparameters::kWidest);
  spec.resampler.norm_epsilon = spec.tower.norm_epsilon;
  spec.tower.unused_tensors.push_back("resampler.pos_embed_k");  // which is computed
  spec.projector_steps = {concatenate(1), resample("resampler"),
                          norm("resampler.ln_post", NormKind::kLayer, spec.tower.norm_epsilon),
                          linear("resampler.proj")};
  return spec;
}

}  // namespace linnet
