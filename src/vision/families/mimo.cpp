#include <fmt/format.h>

#include <cmath>

#include "vision/families/common.hpp"
#include "vision/families/families.hpp"

namespace linnet {
namespace {

// Heads are as wide as the fused projection is for.
void read_head_width(Hyperparameters& p, const WeightLoader& loader, VisionSpec& spec) {
  const AttentionSpec& first = spec.tower.layers.front().attention;
  const std::int64_t rows = loader.rows("v.blk.0.attn_qkv");
  const std::int64_t heads = std::int64_t{first.heads} + 2 * first.kv_heads;
  const std::int64_t width = rows / heads;
  if (rows % heads != 0 || width < 1 || width > Hyperparameters::kWidestHead) {
    return p.fail(
        fmt::format("tensor v.blk.0.attn_qkv.weight has {} rows, expected 1 to {} for each of {} "
                    "heads",
                    rows, Hyperparameters::kWidestHead, heads));
  }
  for (LayerSpec& layer : spec.tower.layers) {
    AttentionSpec& attention = layer.attention;
    attention.key_width = attention.value_width = static_cast<int>(width);
    attention.scale = 1.0f / std::sqrt(static_cast<float>(width));
  }
}

// Of each layer: whether it sees all, or the patches near it by rows or by columns.
void read_bands(Hyperparameters& p, VisionSpec& spec) {
  constexpr std::string_view kKey = "clip.vision.wa_pattern_mode";
  constexpr std::int64_t kAll = -1, kRows = 0, kColumns = 1, kWidest = 1 << 12;
  const int reach = p.required_count("vision.window_size", kWidest);
  const auto modes = p.file().array(kKey);
  const std::size_t layers = spec.tower.layers.size();
  if (!modes || !*modes || !(*modes)->is_integer() || (*modes)->size() != layers) {
    return p.fail(
        fmt::format("metadata key {} is missing or has not an integer for each of {} "
                    "layers",
                    kKey, layers));
  }
  for (std::size_t i = 0; i < layers; ++i) {
    const std::int64_t mode = (*modes)->integer(i);
    if (mode < kAll || mode > kColumns) {
      return p.fail(fmt::format("metadata key {} has {}, expected -1 to 1", kKey, mode));
    }
    if (mode == kAll) continue;
    AttentionSpec& attention = spec.tower.layers[i].attention;
    attention.span = AttentionSpan::kCentred;
    attention.window = 2 * reach;
    attention.in_windows = mode != kRows;
  }
}

}  // namespace

// MiMo-V2.5: as Qwen2.5-VL's, but most layers see bands of the rows or of the columns of a picture,
// with sinks.
VisionSpec read_mimo_vision(Hyperparameters& p, const WeightLoader& loader) {
  VisionSpec spec = read_common_vision(p, loader);
  spec.tower.norm = NormKind::kRms;
  spec.tower.output_norm = NormUse::kNone;
  spec.merge_side = p.count("vision.spatial_merge_size", 2, 64);
  spec.sizing.least_tokens = 8;
  spec.sizing.most_tokens = 4096;
  read_pixel_limits(p, spec);
  read_shared_keys(p, spec);
  read_head_width(p, loader, spec);
  read_bands(p, spec);
  turn_halves_of_pairs(10000.0f, spec.tower);
  spec.window_side = 1;
  spec.windows_are_columns = true;
  spec.projector_steps = {norm("v.post_ln", NormKind::kLayer, 1e-6f), concatenate(spec.merge_side),
                          linear("mm.0"), activate(), linear("mm.2")};
  spec.before = "<|vision_start|>";
  spec.after = "<|vision_end|>";
  return spec;
}

}  // namespace linnet
