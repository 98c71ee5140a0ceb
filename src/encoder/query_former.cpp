#include "encoder/query_former.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "backend/kv_pages.hpp"
#include "model/given_rows.hpp"
#include "model/hyperparameters.hpp"

namespace linnet {
namespace {

RowLayout layout_of(std::int64_t windows, std::int64_t rows) {
  return RowLayout(std::vector(static_cast<std::size_t>(windows), static_cast<std::int32_t>(rows)));
}

}  // namespace

QueryFormer::QueryFormer(WeightLoader& loader, const ProjectorStep& step, std::int64_t width)
    : step_(step) {
  const auto stem = [&](std::size_t layer) { return fmt::format("{}blk.{}.", step.name, layer); };
  const auto is_there = [&](std::size_t layer) {
    return loader.has(stem(layer) + "self_attn_q.weight");
  };
  shape_ = {.heads = step.heads,
            .columns = std::clamp<std::int64_t>(loader.rows(stem(0) + "self_attn_q"), 1,
                                                Hyperparameters::kWidest),
            .width = width,
            .norm_epsilon = step.number,
            .activation = step.activation};
  queries_ = loader.vector(step.name + "query", step.queries * shape_.columns);
  first_ = loader.norm(step.name + "norm", shape_.columns);
  do {
    layers_.emplace_back(loader, stem(layers_.size()), shape_);
  } while (!loader.failed() && is_there(layers_.size()));
}

std::int64_t QueryFormer::rows_at_once(const ProjectorStep& step) {
  const std::int64_t most = std::max(step.side, step.queries);
  const std::int64_t kept = 2 * pages_for(most) * kPageTokens;
  return kWindowsAtOnce *
         (step.side + 2 * most + (3 + QueryLayer::kMostInner) * step.queries + kept);
}

std::int64_t QueryFormer::workspace_floats() const {
  const std::int64_t rows = kWindowsAtOnce * step_.side, queries = kWindowsAtOnce * step_.queries;
  std::int64_t most = 0;
  for (const QueryLayer& layer : layers_) {
    most = std::max(most, layer.workspace_floats(queries, rows));
  }
  return Workspace::floats_for(rows, shape_.width, 1) + most;
}

Result<std::unique_ptr<KvStore>> QueryFormer::make_kv_store(Backend& backend) const {
  return QueryLayer::make_kv_store(backend, shape_,
                                   kWindowsAtOnce * pages_for(std::max(step_.side, step_.queries)));
}

// Of each window the same.
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
    const RowLayout query_layout = layout_of(windows, step_.queries);
    const RowLayout row_layout = layout_of(windows, length);
    begin(backend, queries);
    for (const QueryLayer& layer : layers_) {
      layer.run(backend, workspace, kv, query_layout, row_layout, padded, queries);
    }
  }
}

}  // namespace linnet
