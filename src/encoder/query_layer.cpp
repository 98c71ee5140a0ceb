#include "encoder/query_layer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "model/blocks/elementwise.hpp"
#include "model/blocks/multiply.hpp"
#include "model/hyperparameters.hpp"

namespace linnet {
namespace {

constexpr std::int64_t kWidestHead = 1024;  // that all backends compute

}  // namespace

QueryLayer::QueryLayer(WeightLoader& loader, const std::string& stem, const Shape& shape)
    : shape_(shape), inner_(inner_columns(loader, stem)) {
  const std::int64_t columns = shape.columns;
  if (columns % shape.heads != 0 || columns / shape.heads > kWidestHead) {
    loader.fail(
        fmt::format("tensor {}self_attn_q.weight has {} rows, expected a multiple of its "
                    "{} heads, of at most {} columns",
                    stem, columns, shape.heads, kWidestHead));
  }
  if (inner_ > kMostInner * columns) {
    loader.fail(fmt::format("tensor {}ffn_up.weight has {} rows, expected at most {}", stem, inner_,
                            kMostInner * columns));
    inner_ = 1;
  }
  own_ = load_attention(loader, stem + "self_attn", columns);
  other_ = load_attention(loader, stem + "cross_attn", shape.width);
  up_ = loader.linear(stem + "ffn_up", columns, inner_);
  down_ = loader.linear(stem + "ffn_down", inner_, columns);
  last_ = loader.norm(stem + "ffn_norm", columns);
}

QueryLayer::Attention QueryLayer::load_attention(WeightLoader& loader, const std::string& stem,
                                                 std::int64_t width) const {
  const std::int64_t columns = shape_.columns;
  return {.query = loader.linear(stem + "_q", columns, columns),
          .key = loader.linear(stem + "_k", width, columns),
          .value = loader.linear(stem + "_v", width, columns),
          .output = loader.linear(stem + "_out", columns, columns),
          .behind = loader.norm(stem + "_norm", columns)};
}

std::int64_t QueryLayer::inner_columns(const WeightLoader& loader, const std::string& stem) {
  return std::clamp<std::int64_t>(loader.rows(stem + "ffn_up"), 1, Hyperparameters::kWidest);
}

// Queries and what attention gives; keys and values, or what is within a feed-forward part.
std::int64_t QueryLayer::workspace_floats(std::int64_t columns, std::int64_t inner,
                                          std::int64_t queries, std::int64_t rows) {
  return 2 * Workspace::floats_for(queries, columns, 1) +
         std::max(2 * Workspace::floats_for(std::max(rows, queries), columns, 1),
                  Workspace::floats_for(queries, inner, 1));
}

Result<std::unique_ptr<KvStore>> QueryLayer::make_kv_store(Backend& backend, const Shape& shape,
                                                           std::int64_t pages) {
  const int head = static_cast<int>(shape.columns / shape.heads);
  return backend.make_kv_store({{{shape.heads, head, head}}, KvType::kF32, pages});
}

void QueryLayer::attend(const Look& look, const Attention& attention, View seen, View x) const {
  Backend& backend = look.backend;
  const Workspace::Scope scope(look.workspace);
  const auto view = [&](std::int64_t rows) { return look.workspace.view(rows, shape_.columns); };
  BatchLayout layout = look.at.layout();
  {
    const Workspace::Scope kept(look.workspace);
    const View keys = view(seen.rows), values = view(seen.rows);
    multiply(backend, attention.key, seen, keys);
    multiply(backend, attention.value, seen, values);
    backend.store_kv(look.kv, 0, keys, values, layout);
  }
  layout.positions = look.from.layout().positions;
  layout.sequences = look.from.layout().sequences;
  const int head = static_cast<int>(shape_.columns / shape_.heads);
  AttentionParams params{0, shape_.heads, shape_.heads, head, head};
  params.scale = 1.0f / std::sqrt(static_cast<float>(head));
  params.causal = false;
  const View queries = view(x.rows), found = view(x.rows);
  multiply(backend, attention.query, x, queries);
  backend.attention(look.kv, queries, params, layout, found);
  multiply(backend, attention.output, found, queries);
  add(backend, queries, x);
  backend.norm(x, attention.behind.params(NormKind::kLayer, shape_.norm_epsilon), x);
}

void QueryLayer::feed_forward(Backend& backend, Workspace& workspace, View x) const {
  const Workspace::Scope scope(workspace);
  const View inner = workspace.view(x.rows, inner_);
  const View out = workspace.view(x.rows, shape_.columns);
  multiply(backend, up_, x, inner);
  apply(backend, shape_.activation, inner);
  multiply(backend, down_, inner, out);
  add(backend, out, x);
  backend.norm(x, last_.params(NormKind::kLayer, shape_.norm_epsilon), x);
}

void QueryLayer::run(Backend& backend, Workspace& workspace, KvStore& kv,
                     const RowLayout& query_layout, const RowLayout& row_layout, View rows,
                     View queries) const {
  attend({backend, workspace, kv, query_layout, query_layout}, own_, queries, queries);
  attend({backend, workspace, kv, query_layout, row_layout}, other_, rows, queries);
  feed_forward(backend, workspace, queries);
}

}  // namespace linnet
