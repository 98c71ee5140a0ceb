#include "encoder/resampler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "backend/kv_pages.hpp"
#include "encoder/row_layout.hpp"
#include "model/blocks/elementwise.hpp"
#include "model/blocks/multiply.hpp"
#include "model/hyperparameters.hpp"

namespace linnet {
namespace {

constexpr int kHeadWidth = 128;

}  // namespace

Resampler::Resampler(WeightLoader& loader, const ProjectorStep& step, std::int64_t width)
    : norm_epsilon_(step.number),
      columns_(
          std::clamp<std::int64_t>(loader.rows(step.name + ".kv"), 1, Hyperparameters::kWidest)) {
  const std::string& stem = step.name;
  heads_ = static_cast<int>(columns_ / kHeadWidth);
  if (columns_ % kHeadWidth != 0) {
    loader.fail(fmt::format("tensor {}.kv.weight has {} rows, expected a multiple of {}", stem,
                            columns_, kHeadWidth));
  }
  queries_ = loader.vector(stem + ".query", step.queries * columns_);
  patches_ = loader.linear(stem + ".kv", width, columns_);
  query_norm_ = loader.norm(stem + ".ln_q", columns_);
  patch_norm_ = loader.norm(stem + ".ln_kv", columns_);
  query_ = loader.linear(stem + ".attn.q", columns_, columns_);
  key_ = loader.linear(stem + ".attn.k", columns_, columns_);
  value_ = loader.linear(stem + ".attn.v", columns_, columns_);
  output_ = loader.linear(stem + ".attn.out", columns_, columns_);
}

std::int64_t Resampler::workspace_floats(std::int64_t columns, std::int64_t queries,
                                         std::int64_t patches) {
  return 3 * Workspace::floats_for(patches, columns, 1) +
         3 * Workspace::floats_for(queries, columns, 1);
}

Result<std::unique_ptr<KvStore>> Resampler::make_kv_store(Backend& backend,
                                                          std::int64_t patches) const {
  return backend.make_kv_store(
      {{{heads_, kHeadWidth, kHeadWidth}}, KvType::kF32, pages_for(patches)});
}

// [patches, columns]: sines and cosines of the column, then those of the row.
std::vector<float> Resampler::places_of(Grid grid) const {
  const std::int64_t count = columns_ / 4;
  std::vector<float> places(static_cast<std::size_t>(grid.area() * columns_));
  for (std::int64_t patch = 0; patch < grid.area(); ++patch) {
    float* const to = places.data() + patch * columns_;
    const std::int64_t place[] = {patch % grid.width, patch / grid.width};
    for (std::int64_t i = 0; i < count; ++i) {
      const double frequency = std::pow(10000.0, -static_cast<double>(i) / count);
      for (int part = 0; part < 2; ++part) {
        const double angle = static_cast<double>(place[part]) * frequency;
        to[2 * part * count + i] = static_cast<float>(std::sin(angle));
        to[(2 * part + 1) * count + i] = static_cast<float>(std::cos(angle));
      }
    }
  }
  return places;
}

void Resampler::normalise(Backend& backend, const Norm& norm, View in, View out) const {
  backend.norm(in, norm.params(NormKind::kLayer, norm_epsilon_), out);
}

void Resampler::store_patches(Backend& backend, Workspace& workspace, KvStore& kv, View patches,
                              Grid grid, const BatchLayout& layout) const {
  const Workspace::Scope scope(workspace);
  const View plain = workspace.view(patches.rows, columns_);
  multiply(backend, patches_, patches, plain);
  normalise(backend, patch_norm_, plain, plain);
  const View placed = workspace.view(patches.rows, columns_);
  upload_rows(backend, places_of(grid).data(), columns_, placed);
  add(backend, plain, placed);
  const View key = workspace.view(patches.rows, columns_);
  multiply(backend, key_, placed, key);
  multiply(backend, value_, plain, placed);
  backend.store_kv(kv, 0, key, placed, layout);
}

void Resampler::run(Backend& backend, Workspace& workspace, KvStore& kv, View patches, Grid grid,
                    View out) const {
  const SharedKeys layout(out.rows, patches.rows);
  store_patches(backend, workspace, kv, patches, grid, layout.keys());
  const Workspace::Scope scope(workspace);
  const View normed = workspace.view(out.rows, columns_);
  normalise(backend, query_norm_, {queries_->data(), out.rows, columns_, columns_}, normed);
  const View query = workspace.view(out.rows, columns_);
  multiply(backend, query_, normed, query);
  AttentionParams params{0, heads_, heads_, kHeadWidth, kHeadWidth};
  params.scale = 1.0f / std::sqrt(static_cast<float>(kHeadWidth));
  params.causal = false;
  const View seen = workspace.view(out.rows, columns_);
  backend.attention(kv, query, params, layout.rows(), seen);
  multiply(backend, output_, seen, out);
}

}  // namespace linnet
