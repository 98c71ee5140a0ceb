#include "vision/multi_query_attention.hpp"

#include <cmath>

#include "encoder/row_layout.hpp"
#include "model/blocks/multiply.hpp"

namespace linnet {

MultiQueryAttention::MultiQueryAttention(WeightLoader& loader, const NetStep& step,
                                         std::int64_t columns)
    : step_(step), columns_(columns) {
  const std::int64_t heads = step.heads;
  query_ = loader.linear(step.name + ".query.proj", columns, heads * step.key_width);
  key_ = load_source(loader, step.name + ".key", step.key_width);
  value_ = load_source(loader, step.name + ".value", step.value_width);
  output_ = loader.linear(step.name + ".output.proj", heads * step.value_width, columns);
}

MultiQueryAttention::Source MultiQueryAttention::load_source(WeightLoader& loader,
                                                             const std::string& name,
                                                             std::int64_t outputs) const {
  Source source;
  if (step_.stride > 1) {
    source.fewer = DepthwiseConvolution(loader, name + ".down_conv", columns_, step_.shape());
    source.norm = loader.norm(name + ".norm", columns_, Presence::kOptional);
  }
  source.linear = loader.linear(name + ".proj", columns_, outputs);
  return source;
}

std::int64_t MultiQueryAttention::workspace_floats(const NetStep& step, NetRows in) {
  const std::int64_t rows = in.grid.area(), from = keys(step, in);
  const std::int64_t width = step.key_width + std::int64_t{step.value_width};
  return Workspace::floats_for(rows, step.heads * width, 2) +
         2 * DepthwiseConvolution::padded_floats(in.columns, from) +
         Workspace::floats_for(from, width, 2) + Workspace::floats_for(rows, in.columns, 1);
}

View MultiQueryAttention::make(Backend& backend, Workspace& workspace, const Source& source,
                               View in, Grid grid) const {
  if (step_.stride > 1) {
    const View fewer = workspace.view(step_.shape().behind(grid).area(), columns_);
    source.fewer.run_padded(backend, workspace, in, grid, fewer);
    if (source.norm) {
      backend.norm(fewer, source.norm.params(NormKind::kRms, kNetEpsilon), fewer);
    }
    in = fewer;
  }
  const View made = workspace.view(in.rows, source.linear.weight->rows());
  multiply(backend, source.linear, in, made);
  return made;
}

void MultiQueryAttention::run(Backend& backend, Workspace& workspace, KvStore& kv, int layer,
                              View in, Grid grid, View out) const {
  const Workspace::Scope scope(workspace);
  const View key = make(backend, workspace, key_, in, grid);
  const View value = make(backend, workspace, value_, in, grid);
  const SharedKeys layout(in.rows, key.rows);
  backend.store_kv(kv, layer, key, value, layout.keys());
  const View query = workspace.view(in.rows, query_.weight->rows());
  multiply(backend, query_, in, query);
  AttentionParams params{layer, step_.heads, 1, step_.key_width, step_.value_width};
  params.scale = 1.0f / std::sqrt(static_cast<float>(step_.key_width));
  params.causal = false;
  const View seen = workspace.view(in.rows, std::int64_t{step_.heads} * step_.value_width);
  backend.attention(kv, query, params, layout.rows(), seen);
  multiply(backend, output_, seen, out);
}

}  // namespace linnet
