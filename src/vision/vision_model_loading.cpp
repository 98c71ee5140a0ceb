#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "encoder/made_linear.hpp"
#include "vision/convolutional_net.hpp"
#include "vision/sam.hpp"
#include "vision/vision_model.hpp"
#include "vision/vision_sizes.hpp"

namespace linnet {

Result<std::unique_ptr<VisionModel>> VisionModel::load(VisionSpec spec, WeightLoader& loader,
                                                       Backend& backend) {
  std::unique_ptr<VisionModel> model(new VisionModel(std::move(spec), backend));
  const VisionSpec& s = model->spec_;
  model->load_patch_embedding(loader);
  model->projector_ = std::make_unique<Projector>(loader, s.projector_steps, s.projected_columns());
  for (const auto& steps : s.deep_steps) {
    model->deep_.push_back(std::make_unique<Projector>(loader, steps, s.tower.width));
    if (model->deep_.back()->columns() != model->projector_->columns()) {
      loader.fail(fmt::format("tensor {}.weight gives {} columns, expected the {} of the projector",
                              steps.back().name, model->deep_.back()->columns(),
                              model->projector_->columns()));
    }
  }
  model->load_line_end(loader);
  loader.ignore("a.");  // an encoder of sounds in the same file
  loader.ignore("mm.a.");
  if (Status status = model->load_early(loader); !status) return status.error();
  if (Status status = model->load_tower(loader); !status) return status.error();
  if (Status status = model->allocate_workspace(); !status) return status.error();
  if (model->front_) {
    if (Status status = model->front_->allocate(); !status) return status.error();
  }
  return model;
}

void VisionModel::load_front(WeightLoader& loader) {
  if (!spec_.net.blocks.empty()) {
    front_ = std::make_unique<ConvolutionalNet>(loader, spec_.net, backend_);
    return;
  }
  front_ = std::make_unique<Sam>(loader, spec_.sam, backend_);
  if (front_->columns() != spec_.tower.width) {
    loader.fail(
        fmt::format("tensor v.sam.net_3.weight gives {} columns, expected the {} of "
                    "clip.vision.embedding_length",
                    front_->columns(), spec_.tower.width));
  }
}

// All parts of a row have the same.
void VisionModel::load_line_end(WeightLoader& loader) {
  if (!spec_.tiling.joins) return;
  const auto values = loader.values(std::string(spec_.tiling.line_end), projector_->columns());
  for (std::size_t part = 0; part <= deep_.size(); ++part) {
    line_end_.insert(line_end_.end(), values.begin(), values.end());
  }
}

Status VisionModel::load_early(WeightLoader& loader) {
  const EarlyLayers& early = spec_.early;
  if (early.tower.layers.empty()) return {};
  merger_ = std::make_unique<Projector>(loader, early.steps, early.tower.width);
  if (merger_->columns() != spec_.tower.width) {
    loader.fail(fmt::format("tensor {}.weight gives {} columns, expected the {} of the tower",
                            early.steps.back().name, merger_->columns(), spec_.tower.width));
  }
  loader.load_part();
  auto model = Model::load(early.tower, loader, backend_, BatchLimits{most_patches(spec_), 1});
  loader.load_part(false);
  if (!model) return model.error();
  early_ = std::move(*model);
  return {};
}

Status VisionModel::load_tower(WeightLoader& loader) {
  if (spec_.tower.layers.empty()) {
    for (const std::string& pattern : spec_.tower.unused_tensors) loader.ignore(pattern);
    return loader.finish();
  }
  const std::int64_t merged = std::int64_t{spec_.early.merge_side} * spec_.early.merge_side;
  const BatchLimits limits{most_rows(spec_) / merged, 1};
  auto tower = Model::load(spec_.tower, loader, backend_, limits);
  if (!tower) return tower.error();
  tower_ = std::move(*tower);
  return {};
}

// The two frames of a film that a patch is made of are the same in a picture.
void VisionModel::load_colours(WeightLoader& loader) {
  const std::int64_t columns = spec_.patch_values();
  const std::int64_t width = spec_.tower.width;
  std::vector<float> values = loader.values("v.patch_embd.weight", columns * width);
  const std::vector<float> second =
      loader.values("v.patch_embd.weight.1", columns * width, Presence::kOptional);
  if (!second.empty()) std::ranges::transform(values, second, values.begin(), std::plus());
  if (spec_.colours_innermost) values = taps_before_inputs(values, columns, /*taps=*/3);
  patch_embedding_ = made_linear(loader, "v.patch_embd", values, columns, width);
}

void VisionModel::load_patch_embedding(WeightLoader& loader) {
  const std::int64_t columns = spec_.patch_values();
  const std::int64_t width = spec_.tower.width;
  if (spec_.has_front()) {
    load_front(loader);
  } else {
    load_colours(loader);
  }
  const auto load_norm = [&](std::string_view name, std::int64_t of) {
    return name.empty() ? Norm() : loader.norm(std::string(name), of);
  };
  pixel_norm_ = load_norm(spec_.pixel_norm, columns);
  embedding_norm_ = load_norm(spec_.embedding_norm, width);
  patch_norm_ = load_norm(spec_.patch_norm, width);
  if (spec_.class_token != ClassToken::kNone) {
    class_token_ = loader.values("v.class_embd", width * spec_.class_rows);
  }
  if (!spec_.queries.empty()) {
    for (const LearnedRows& rows : spec_.queries) {
      const std::int64_t across = rows.side / spec_.patch_side;
      queries_.push_back(loader.values(rows.name, width * across * across));
    }
    loader.ignore("v.resample_query_");  // for pictures of other sizes
  }
  places_ = PlaceTableValues(loader, spec_);
}

Status VisionModel::allocate_workspace() {
  const std::int64_t patches = most_patches(spec_);
  const std::int64_t embedding =
      Workspace::floats_for(most_rows(spec_), spec_.patch_values() + 3 * spec_.tower.width, 4);
  const std::int64_t projected = most_projected_patches(spec_);
  std::int64_t projection = projector_->workspace_floats(projected);
  for (const auto& deep : deep_) projection = std::max(projection, deep->workspace_floats(patches));
  if (spec_.joins_kept || front_ || !tower_) {
    projection +=
        Workspace::floats_for(std::max(projected, most_rows(spec_)), spec_.projected_columns(), 1);
  }
  if (merger_) projection = std::max(projection, merger_->workspace_floats(patches));
  auto buffer = backend_.allocate(std::max(embedding, projection));
  if (!buffer) return buffer.error();
  workspace_ = std::make_unique<Workspace>(std::move(*buffer));
  return {};
}

}  // namespace linnet
