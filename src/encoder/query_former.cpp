#include "encoder/query_former.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "backend/kv_pages.hpp"
#include "encoder/row_layout.hpp"
#include "model/blocks/elementwise.hpp"
#include "model/blocks/project.hpp"
#include "model/given_rows.hpp"
#include "model/hyperparameters.hpp"

namespace linnet {
namespace {

constexpr std::int64_t kWindows = QueryFormer::kWindowsAtOnce;
constexpr std::int64_t kWidestHead = 1024;

void multiply(Backend& backend, const Linear& linear, View in, View out) {
  const MatmulOutput output = product_of({linear, out});
  backend.matmul(in, {&output, 1});
}

RowLayout layout_of(std::int64_t windows, std::int64_t length) {
  return RowLayout(std::vector(static_cast<std::size_t>(windows), static_cast<int>(length)));
}

}  // namespace

QueryFormer::QueryFormer(WeightLoader& loader, const ProjectorStep& step, std::int64_t width)
    : step_(step), width_(width) {
  const std::string first = step.name + "blk.0.";
  const auto rows = [&](const std::string& name) {
    return std::clamp<std::int64_t>(loader.rows(name), 1, Hyperparameters::kWidest);
  };
  columns_ = rows(first + "self_attn_q");
  inner_ = rows(first + "ffn_up");
  if (columns_ % step.heads != 0 || columns_ / step.heads > kWidestHead) {
    loader.fail(
        fmt::format("tensor {}self_attn_q.weight has {} rows, expected a multiple of its "
                    "{} heads, of at most {} columns",
                    first, columns_, step.heads, kWidestHead));
  }
  queries_ = loader.vector(step.name + "query", step.queries * columns_);
  first_ = loader.norm(step.name + "norm", columns_);
  do {
    layers_.push_back(load_layer(loader, static_cast<int>(layers_.size())));
  } while (!loader.failed() &&
           loader.has(fmt::format("{}blk.{}.self_attn_q.weight", step.name, layers_.size())));
}

QueryFormer::Attention QueryFormer::load_attention(WeightLoader& loader, const std::string& stem,
                                                   std::int64_t width) const {
  return {.query = loader.linear(stem + "_q", columns_, columns_),
          .key = loader.linear(stem + "_k", width, columns_),
          .value = loader.linear(stem + "_v", width, columns_),
          .output = loader.linear(stem + "_out", columns_, columns_),
          .behind = loader.norm(stem + "_norm", columns_)};
}

QueryFormer::Layer QueryFormer::load_layer(WeightLoader& loader, int index) const {
  const std::string stem = fmt::format("{}blk.{}.", step_.name, index);
  Layer layer;
  layer.own = load_attention(loader, stem + "self_attn", columns_);
  layer.other = load_attention(loader, stem + "cross_attn", width_);
  layer.up = loader.linear(stem + "ffn_up", columns_, inner_);
  layer.down = loader.linear(stem + "ffn_down", inner_, columns_);
  layer.last = loader.norm(stem + "ffn_norm", columns_);
  return layer;
}

// The rows, padded; queries, what attention gives and the sum; keys and values, or what is within a
// feed-forward part.
std::int64_t QueryFormer::workspace_floats() const {
  const std::int64_t rows = kWindows * step_.side, queries = kWindows * step_.queries;
  const std::int64_t most = std::max(rows, queries);
  return Workspace::floats_for(rows, width_, 1) + 4 * Workspace::floats_for(queries, columns_, 1) +
         std::max(2 * Workspace::floats_for(most, columns_, 1),
                  Workspace::floats_for(queries, inner_, 1));
}

Result<std::unique_ptr<KvStore>> QueryFormer::make_kv_store(Backend& backend) const {
  const int head = static_cast<int>(columns_ / step_.heads);
  const int most = std::max(step_.side, step_.queries);
  return backend.make_kv_store(
      {{{step_.heads, head, head}}, KvType::kF32, kWindows * pages_for(most)});
}

// The rows of `seen` are those of the windows, side by side, and so are those of `x`.
void QueryFormer::attend(const Windows& windows, const Attention& attention, View seen,
                         View x) const {
  Backend& backend = windows.backend;
  const Workspace::Scope scope(windows.workspace);
  const auto view = [&](std::int64_t rows) { return windows.workspace.view(rows, columns_); };
  const RowLayout keys_layout = layout_of(windows.count, seen.rows / windows.count);
  {
    const Workspace::Scope kept(windows.workspace);
    const View keys = view(seen.rows), values = view(seen.rows);
    multiply(backend, attention.key, seen, keys);
    multiply(backend, attention.value, seen, values);
    backend.store_kv(windows.kv, 0, keys, values, keys_layout.layout());
  }
  const RowLayout queries_layout = layout_of(windows.count, step_.queries);
  BatchLayout layout = keys_layout.layout();
  layout.sequences = queries_layout.layout().sequences;
  const std::vector<std::int32_t> zeros(static_cast<std::size_t>(x.rows), 0);
  layout.positions = zeros;
  const int head = static_cast<int>(columns_ / step_.heads);
  AttentionParams params{0, step_.heads, step_.heads, head, head};
  params.scale = 1.0f / std::sqrt(static_cast<float>(head));
  params.causal = false;
  const View queries = view(x.rows), found = view(x.rows);
  multiply(backend, attention.query, x, queries);
  backend.attention(windows.kv, queries, params, layout, found);
  multiply(backend, attention.output, found, queries);
  add(backend, queries, x);
  backend.norm(x, attention.behind.params(NormKind::kLayer, step_.number), x);
}

void QueryFormer::feed_forward(const Windows& windows, const Layer& layer, View x) const {
  Backend& backend = windows.backend;
  const Workspace::Scope scope(windows.workspace);
  const View inner = windows.workspace.view(x.rows, inner_);
  const View out = windows.workspace.view(x.rows, columns_);
  multiply(backend, layer.up, x, inner);
  linnet::apply(backend, step_.activation, inner);
  multiply(backend, layer.down, inner, out);
  add(backend, out, x);
  backend.norm(x, layer.last.params(NormKind::kLayer, step_.number), x);
}

void QueryFormer::run_windows(const Windows& windows, View x) const {
  Backend& backend = windows.backend;
  for (std::int64_t w = 0; w < windows.count; ++w) {
    const View own = some_rows(x, w * step_.queries, step_.queries);
    backend.norm({queries_->data(), step_.queries, columns_, columns_},
                 first_.params(NormKind::kLayer, step_.number), own);
  }
  for (const Layer& layer : layers_) {
    attend(windows, layer.own, x, x);
    attend(windows, layer.other, windows.rows, x);
    feed_forward(windows, layer, x);
  }
}

void QueryFormer::run(Backend& backend, Workspace& workspace, KvStore& kv, View rows,
                      View out) const {
  const std::int64_t length = step_.side;
  for (std::int64_t first = 0; first < rows.rows; first += kWindows * length) {
    const Workspace::Scope scope(workspace);
    const std::int64_t there = std::min(kWindows * length, rows.rows - first);
    const std::int64_t count = (there + length - 1) / length;
    const View padded = workspace.view(count * length, width_);
    backend.copy(some_rows(rows, first, there), padded.first_rows(there));
    if (there < padded.rows) {
      backend.fill(some_rows(padded, there, padded.rows - there), 0.0f);
    }
    run_windows({backend, workspace, kv, padded, count},
                some_rows(out, first / length * step_.queries, count * step_.queries));
  }
}

}  // namespace linnet
