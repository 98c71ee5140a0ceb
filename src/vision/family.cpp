#include "vision/family.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "base/printable.hpp"
#include "encoder/encoder_file.hpp"
#include "vision/families/families.hpp"
#include "vision/picture_size.hpp"

namespace linnet {
namespace {

constexpr auto kFamilies = std::to_array<VisionFamily>({
    {"adapter", read_glm_edge_vision},
    {"deepseekocr", read_deepseek_ocr_vision},
    {"deepseekocr2", read_deepseek_ocr2_vision},
    {"dots3note_v", read_dots3_vision},
    {"dots_ocr", read_dots_ocr_vision},
    {"exaone4_5", read_exaone_vision},
    {"gemma3", read_gemma3_vision},
    {"gemma3nv", read_gemma3n_vision},
    {"gemma4uv", read_gemma4_unified_vision},
    {"gemma4v", read_gemma4_vision},
    {"glm4v", read_glm4_vision},
    {"granite4_vision", read_granite4_vision},
    {"hunyuanvl", read_hunyuan_vision},
    {"idefics3", read_idefics3_vision},
    {"internvl", read_internvl_vision},
    {"janus_pro", read_janus_vision},
    {"kimik25", read_kimi25_vision},
    {"kimivl", read_kimi_vision},
    {"ldp", read_mobile_vlm_vision},
    {"ldpv2", read_mobile_vlm2_vision},
    {"lfm2", read_lfm2_vision},
    {"lightonocr", read_lighton_vision},
    {"llama4", read_llama4_vision},
    {"mimovl", read_mimo_vision},
    {"minicpmv4_6", read_minicpm46_vision},
    {"minimax_m3", read_minimax_vision},
    {"mlp", read_llava_vision},
    {"muse-glimmer", read_muse_vision},
    {"nemotron_v2_vl", read_nemotron_vision},
    {"paddleocr", read_paddle_ocr_vision},
    {"phi4", read_phi4_vision},
    {"pixtral", read_pixtral_vision},
    {"qwen2.5vl_merger", read_qwen25_vision},
    {"qwen2.5o", read_qwen25_vision},
    {"qwen2vl_merger", read_qwen2_vision},
    {"qwen3vl_merger", read_qwen3_vision},
    {"resampler", read_minicpm_vision},
    {"step3vl", read_step3_vision},
    {"yasa2", read_yasa_vision},
    {"youtuvl", read_youtu_vision},
});

// The file may have encoders of pictures and of sounds, each with a projector. The first files of
// LLaVA 1.5 name none.
std::string projector_of(Hyperparameters& p) {
  for (const char* key : {"projector_type", "vision.projector_type"}) {
    if (std::string name = p.string(key, ""); !name.empty()) return name;
  }
  return p.boolean("has_llava_projector", false) ? "mlp" : "";
}

// Patches across the square that becomes a row of the last step.
std::int64_t merged_by(std::span<const ProjectorStep> steps) {
  std::int64_t side = 1;
  for (const ProjectorStep& step : steps) {
    if (step.kind != ProjectorStep::Kind::kAddMean) side *= step.side;
  }
  return side;
}

// All that merges patches must come to what rows are counted by.
void check_merging(Hyperparameters& p, const VisionSpec& spec) {
  std::vector<std::span<const ProjectorStep>> all = {spec.projector_steps};
  all.insert(all.end(), spec.deep_steps.begin(), spec.deep_steps.end());
  for (const auto steps : all) {
    const std::int64_t merged = merged_by(spec.early.steps) * merged_by(steps);
    if (merged == spec.merge_side) continue;
    p.fail(
        fmt::format("{0} x {0} patches become a row (clip.vision.projector.scale_factor or "
                    ".spatial_merge_size), expected the {1} x {1} that the projector merges",
                    spec.merge_side, merged));
  }
}

// Tiles are cut from a picture that has been resized to all of them.
void check_tiling(Hyperparameters& p, const PictureSizing& sizing, const Tiling& tiling) {
  constexpr std::int64_t kMostPixels = std::int64_t{1} << 26;
  std::vector<PictureSize> sizes = {{tiling.longest, tiling.longest},
                                    {tiling.most_tiles * sizing.area_side, sizing.area_side}};
  for (const auto& [columns, rows] : tiling.grids) {
    sizes.push_back({columns * tiling.side, rows * tiling.side});
  }
  for (const PictureSize size : sizes) {
    if (size.area() <= kMostPixels) continue;
    return p.fail(
        fmt::format("tiles are cut from pictures of {} x {} pixels (clip.vision.image_size and "
                    ".preproc_max_tiles, .preproc_image_size or .image_grid_pinpoints), expected "
                    "at most {} pixels in all",
                    size.width, size.height, kMostPixels));
  }
}

// What patches leave at the right and at the bottom of a picture is cut off, but not where tiles
// are parts of one picture, or another encoder reads them first.
void check_sides(Hyperparameters& p, const VisionSpec& spec) {
  const bool may_cut = !spec.tiling.joins && !spec.tiling.joins_rows && !spec.has_front();
  const int merged = spec.patch_side * spec.merge_side;
  for (const int side : {spec.sizing.fixed_side, spec.tiling.side}) {
    const bool is_whole = may_cut ? side / spec.patch_side % spec.merge_side == 0 &&
                                        (side == 0 || side >= spec.patch_side)
                                  : side % merged == 0;
    if (is_whole) continue;
    p.fail(
        fmt::format("pictures have sides of {} pixels (clip.vision.image_size), expected a "
                    "multiple of {}{}: of {} x {} patches of {} pixels (clip.vision.patch_size)",
                    side, merged, may_cut ? " or less than a patch more" : "", spec.merge_side,
                    spec.merge_side, spec.patch_side));
  }
}

// What would make sizes overflow, or loops long.
void check(Hyperparameters& p, const VisionSpec& spec) {
  check_merging(p, spec);
  check_tiling(p, spec.sizing, spec.tiling);
  check_sides(p, spec);
  for (const float deviation : spec.deviation) {
    if (!(deviation > 0.0f)) {
      p.fail(fmt::format("metadata key clip.vision.image_std has {}, expected more than 0",
                         deviation));
    }
  }
  for (const LayerSpec& layer : spec.tower.layers) {
    if (layer.attention.key_width % 4 != 0 && !layer.attention.placed_ropes.empty()) {
      return p.fail(
          fmt::format("heads of the tower have {} columns (clip.vision.embedding_length by "
                      ".attention.head_count), expected a multiple of 4",
                      layer.attention.key_width));
    }
  }
}

}  // namespace

std::span<const VisionFamily> all_vision_families() { return kFamilies; }

Result<VisionSpec> read_vision_spec(const gguf::File& file, const WeightLoader& loader) {
  Hyperparameters p(file);
  if (Status status = p.status(); !status) return status.error();
  const std::string path = file.path().string();
  if (p.architecture() != kEncoderArchitecture) {
    return Error{
        fmt::format("{}: is a model of architecture '{}', expected an encoder of pictures "
                    "(an mmproj file, of architecture 'clip')",
                    path, printable(p.architecture()))};
  }
  if (!p.boolean("has_vision_encoder", false)) {
    return Error{fmt::format("{}: has no encoder of pictures", path)};
  }
  const std::string projector = projector_of(p);
  const auto found = std::ranges::find(kFamilies, projector, &VisionFamily::name);
  if (found == kFamilies.end()) {
    std::array<std::string_view, kFamilies.size()> names;
    std::ranges::transform(kFamilies, names.begin(), &VisionFamily::name);
    return Error{fmt::format("{}: unknown projector '{}'; the known ones are: {}", path,
                             printable(projector), fmt::join(names, ", "))};
  }
  VisionSpec spec = found->read(p, loader);
  spec.projector = projector;
  std::ranges::move(foreign_tensors(file), std::back_inserter(spec.tower.unused_tensors));
  check(p, spec);
  if (Status status = p.status(); !status) return status.error();
  return spec;
}

}  // namespace linnet
