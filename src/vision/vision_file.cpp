#include "vision/vision_file.hpp"

#include <algorithm>
#include <cmath>

#include "base/checked.hpp"
#include "encoder/encoder_file.hpp"
#include "encoder/projector_sizes.hpp"
#include "vision/family.hpp"
#include "vision/vision_sizes.hpp"

namespace linnet {
namespace {

// All pictures become as many rows.
bool has_resampler(const VisionSpec& spec) {
  return std::ranges::any_of(spec.projector_steps, [](const ProjectorStep& step) {
    return step.kind == ProjectorStep::Kind::kResample;
  });
}

// No more rows of a picture than `most`. Tiles by a picture's size each have as many as pictures
// had before, and there would be the more of them the fewer rows were asked for.
void limit_rows(std::int64_t most, VisionSpec& spec) {
  PictureSizing& sizing = spec.sizing;
  if (has_resampler(spec) || most >= sizing.most_tokens) return;
  using Choice = Tiling::Choice;
  if (spec.tiling.choice == Choice::kShape || spec.tiling.choice == Choice::kArea) {
    spec.tiling.choice = Choice::kNone;
    spec.tiling.side = 0;
  }
  if (sizing.choice == PictureSizing::Choice::kSameArea) {
    const double part = static_cast<double>(most) / static_cast<double>(sizing.most_tokens);
    sizing.area_side = std::max(1, static_cast<int>(sizing.area_side * std::sqrt(part)));
  }
  sizing.most_tokens = most;
}

// What steps take that are not the projector's, each in the same memory as that.
std::int64_t bytes_of_other_steps(const WeightLoader& loader, const VisionSpec& spec) {
  const std::int64_t width = spec.tower.width, patches = most_patches(spec);
  std::int64_t most =
      projection_of(loader, spec.early.steps, spec.early.tower.width, patches).bytes;
  for (const auto& steps : spec.deep_steps) {
    most = std::max(most, projection_of(loader, steps, width, patches).bytes);
  }
  return most;
}

// Rows of the tiles of a picture, and what they are joined to, twice where that is handed on.
std::int64_t joined_bytes(const VisionSpec& spec, const Projection& projection) {
  if (!spec.tiling.joins) return 0;
  std::int64_t tiles = 1;
  for (const auto& [columns, rows] : spec.tiling.grids) {
    tiles = std::max(tiles, std::int64_t{columns} * rows);
  }
  const std::int64_t columns = projection.columns * (1 + std::ssize(spec.deep_steps));
  return saturating_multiply(saturating_multiply(3 * tiles, projection.rows),
                             columns * std::int64_t{sizeof(float)});
}

// What the projectors of an encoder make and take.
struct Projections {
  std::int64_t columns = 0;
  std::int64_t bytes = 0;  // of a workspace
};

Projections projections_of(const WeightLoader& loader, const VisionSpec& spec) {
  const Projection last = projection_of(loader, spec.projector_steps, spec.projected_columns(),
                                        most_projected_patches(spec));
  const std::int64_t bytes = std::max(last.bytes, bytes_of_other_steps(loader, spec));
  return {last.columns, saturating_add(bytes, joined_bytes(spec, last))};
}

VisionSpec limited(VisionSpec spec, std::int64_t most_tokens) {
  limit_rows(most_tokens, spec);
  spec.sizing.least_tokens = std::min(spec.sizing.least_tokens, spec.sizing.most_tokens);
  return spec;
}

// Halved until there is room, so that a little more memory or less does not change what pictures
// become.
std::int64_t choose_tokens(const WeightLoader& loader, const VisionSpec& spec,
                           const PictureLimits& limits) {
  constexpr std::int64_t kFew = PictureLimits::kFewTokens;
  if (limits.most_tokens > 0) return limits.most_tokens;
  std::int64_t most = spec.sizing.most_tokens;
  if (limits.context > 0) most = std::min(most, std::max(kFew, limits.context / 2));
  const auto is_too_much = [&](std::int64_t tokens) {
    const VisionSpec small = limited(spec, tokens);
    return saturating_add(projections_of(loader, small).bytes, vision_workspace_bytes(small)) >
           limits.memory_bytes;
  };
  while (limits.memory_bytes > 0 && most > kFew && is_too_much(most)) {
    most = std::max(kFew, most / 2);
  }
  return most;
}

}  // namespace

Result<std::unique_ptr<VisionFile>> VisionFile::open(std::shared_ptr<const gguf::File> file,
                                                     const ModelSpec& text,
                                                     const PictureLimits& limits) {
  std::unique_ptr<VisionFile> vision(new VisionFile(std::move(file)));
  const auto backend = make_reference_backend();
  const WeightLoader loader(*vision->file_, *backend);
  auto spec = read_vision_spec(*vision->file_, loader);
  if (!spec) return spec.error();
  vision->allowed_tokens_ = spec->sizing.most_tokens;
  vision->spec_ = limited(*spec, choose_tokens(loader, *spec, limits));
  const Projections projections = projections_of(loader, vision->spec_);
  vision->projector_bytes_ = projections.bytes;
  const Status fits = check_rows_for(text, *vision->file_, "a picture", projections.columns,
                                     std::ssize(vision->spec_.deep_steps));
  if (!fits) return fits.error();
  return vision;
}

void VisionFile::choose_texts(const std::function<bool(std::string_view text)>& is_token) {
  if (spec_.other_before.empty() || !is_token(spec_.other_before)) return;
  spec_.before = spec_.other_before;
  spec_.after = spec_.other_after;
}

bool VisionFile::has_any_shape() const {
  return spec_.sizing.fixed_side == 0 && !has_resampler(spec_);
}

std::int64_t VisionFile::memory_bytes() const {
  const std::int64_t weights = encoder_weight_bytes(*file_, EncoderKind::kVision);
  return saturating_add(weights, saturating_add(projector_bytes_, vision_workspace_bytes(spec_)));
}

}  // namespace linnet
