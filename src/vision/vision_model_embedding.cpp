#include <algorithm>

#include "model/blocks/elementwise.hpp"
#include "model/blocks/multiply.hpp"
#include "vision/vision_model.hpp"
#include "vision/vision_sizes.hpp"

namespace linnet {

// What the tower's first layer reads, [class token, patches and queries, width]. Without `pixels`
// the patches are those that the encoder in front made.
std::vector<float> VisionModel::embed_patches(Grid grid, const Pixels* pixels,
                                              std::span<const std::int32_t> order) {
  workspace_->clear();
  const std::int64_t first = rows_before_patches(spec_), count = std::ssize(order);
  const std::int64_t queries = queries_behind(spec_, count);
  const View x = workspace_->view(first + count + queries, spec_.tower.width);
  const View own = some_rows(x, first, count);
  if (pixels) {
    project_colours(*pixels, order, own);
  } else {
    backend_.gather_rows(front_rows_, order, own);
  }
  normalise(embedding_norm_, own);
  if (first > 0) upload(class_token_, x.first_rows(first));
  if (queries > 0) upload(queries_for(grid), some_rows(x, first + count, queries));
  if (places_) add_places(grid, order, x);
  normalise(patch_norm_, x);
  std::vector<float> values(static_cast<std::size_t>(x.rows * x.columns));
  backend_.download(x, values.data());
  return values;
}

std::span<const float> VisionModel::queries_for(Grid grid) const {
  const auto found =
      std::ranges::find(spec_.queries, grid.width * spec_.patch_side, &LearnedRows::side);
  return queries_[static_cast<std::size_t>(found - spec_.queries.begin())];
}

void VisionModel::project_colours(const Pixels& pixels, std::span<const std::int32_t> order,
                                  View out) {
  const View patches = workspace_->view(out.rows, spec_.patch_values());
  upload(patches_of(pixels, spec_.patch_side, order), patches);
  normalise(pixel_norm_, patches);
  multiply(backend_, patch_embedding_, patches, out);
}

void VisionModel::upload(std::span<const float> values, View to) {
  upload_rows(backend_, values.data(), to.columns, to);
}

void VisionModel::normalise(const Norm& norm, View x) {
  if (norm) backend_.norm(x, norm.params(spec_.tower.norm, spec_.tower.norm_epsilon), x);
}

void VisionModel::add_places(Grid grid, std::span<const std::int32_t> order, View x) {
  const std::int64_t first = rows_before_patches(spec_);
  const View places = workspace_->view(x.rows, x.columns);
  if (spec_.class_token == ClassToken::kUnplaced) {
    backend_.fill(places.first_rows(first), 0.0f);
  } else if (first > 0) {
    upload(places_.of_class_token(), places.first_rows(1));
  }
  upload(places_.of(grid, order), some_rows(places, first, std::ssize(order)));
  add(backend_, places, x);
}

}  // namespace linnet
