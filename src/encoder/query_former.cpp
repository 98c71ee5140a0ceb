#include "encoder/query_former.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "backend/kv_pages.hpp"
#include "model/given_rows.hpp"
#include "model/hyperparameters.hpp"

namespace linnet {
namespace {

constexpr std::int64_t kWindowsAtOnce = 32;  // what they take does not grow with the rows

std::string stem_of(const ProjectorStep& step, std::size_t layer) {
  return fmt::format("{}blk.{}.", step.name, layer);
}

bool has_layer(const WeightLoader& loader, const ProjectorStep& step, std::size_t layer) {
  return loader.has(stem_of(step, layer) + "self_attn_q.weight");
}

}  // namespace

QueryFormer::QueryFormer(WeightLoader& loader, const ProjectorStep& step, std::int64_t width)
    : step_(step) {
  shape_ = {.heads = step.heads,
            .columns = std::clamp<std::int64_t>(loader.rows(stem_of(step, 0) + "self_attn_q"), 1,
                                                Hyperparameters::kWidest),
            .width = width,
            .norm_epsilon = step.number,
            .activation = step.activation};
  queries_ = loader.vector(step.name + "query", step.queries * shape_.columns);
  first_ = loader.norm(step.name + "norm", shape_.columns);
  do {
    layers_.emplace_back(loader, stem_of(step, layers_.size()), shape_);
  } while (!loader.failed() && has_layer(loader, step, layers_.size()));
}

std::int64_t QueryFormer::inner_columns(const WeightLoader& loader, const ProjectorStep& step) {
  std::int64_t most = 0;
  std::size_t layer = 0;
  do {
    most = std::max(most, QueryLayer::inner_columns(loader, stem_of(step, layer)));
  } while (has_layer(loader, step, ++layer));
  return most;
}

std::int64_t QueryFormer::workspace_floats(const ProjectorStep& step, std::int64_t width,
                                           std::int64_t columns, std::int64_t inner) {
  const std::int64_t rows = kWindowsAtOnce * step.side, queries = kWindowsAtOnce * step.queries;
  return Workspace::floats_for(rows, width, 1) +
         QueryLayer::workspace_floats(columns, inner, queries, rows);
}

std::int64_t QueryFormer::pages(const ProjectorStep& step) {
  return kWindowsAtOnce * pages_for(std::max(step.side, step.queries));
}

Result<std::unique_ptr<KvStore>> QueryFormer::make_kv_store(Backend& backend) const {
  return QueryLayer::make_kv_store(backend, shape_, pages(step_));
}

// The same for each window.
void QueryFormer::begin(Backend& backend, View queries) const {
  for (std::int64_t first = 0; first < queries.rows; first += step_.queries) {
    backend.norm({queries_->data(), step_.queries, shape_.columns, shape_.columns},
                 first_.params(NormKind::kLayer, shape_.norm_epsilon),
                 some_rows(queries, first, step_.queries));
  }
}

void QueryFormer::run(Backend& backend, Workspace& workspace, KvStore& kv, View rows,
                      View out) const {
  const std::int64_t length = step_.side;
  for (std::int64_t first = 0; first < rows.rows; first += kWindowsAtOnce * length) {
    const Workspace::Scope scope(workspace);
    const std::int64_t there = std::min(kWindowsAtOnce * length, rows.rows - first);
    const std::int64_t windows = (there + length - 1) / length;
    const View padded = workspace.view(windows * length, shape_.width);
    backend.copy(some_rows(rows, first, there), padded.first_rows(there));
    if (there < padded.rows) {
      backend.fill(some_rows(padded, there, padded.rows - there), 0.0f);
    }
    const View queries = some_rows(out, first / length * step_.queries, windows * step_.queries);
    const RowLayout query_layout(windows, step_.queries), row_layout(windows, length);
    begin(backend, queries);
    for (const QueryLayer& layer : layers_) {
      layer.run(backend, workspace, kv, query_layout, row_layout, padded, queries);
    }
  }
}

}  // namespace linnet
