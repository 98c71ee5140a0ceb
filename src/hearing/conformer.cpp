#include "hearing/conformer.hpp"

#include <algorithm>

#include "backend/kv_pages.hpp"
#include "base/checked.hpp"
#include "model/blocks/elementwise.hpp"
#include "model/blocks/project.hpp"

namespace linnet {
namespace {

// Floats of a row in the largest part of a layer, and of what is kept besides it.
std::int64_t columns_of_layer(const HearingSpec& spec) {
  const AttentionSpec& a = spec.attention();
  const std::int64_t width = spec.tower.width, distances = distance_columns(spec);
  const std::int64_t extended = std::int64_t{a.heads} * (a.key_width + distances);
  return distances + spec.projected_columns() +
         std::max({7 * width + 2 * extended + 2 * distances, 2 * width + spec.mlp().width,
                   4 * width + 4 * spec.convolved_columns()});
}

std::int64_t state_floats(const HearingSpec& spec) {
  return RowConvolution::state_floats(spec.convolved_columns(), spec.conformer->taps);
}

// With those of zeros after them, which convolutions read.
std::int64_t most_rows(const HearingSpec& spec) {
  return spec.chunk_rows() + spec.conformer->later_rows();
}

// Rows of each block.
std::vector<std::int32_t> blocks_of(const HearingSpec& spec, std::int64_t rows) {
  const std::int64_t block = spec.conformer->block_rows;
  if (block == 0) return {static_cast<std::int32_t>(rows)};
  std::vector<std::int32_t> lengths;
  for (std::int64_t first = 0; first < rows; first += block) {
    lengths.push_back(static_cast<std::int32_t>(std::min(block, rows - first)));
  }
  return lengths;
}

}  // namespace

std::int64_t conformer_workspace_bytes(const HearingSpec& spec) {
  const AttentionSpec& a = spec.attention();
  const std::int64_t kept =
      std::int64_t{a.heads} * (a.key_width + distance_columns(spec) + a.value_width);
  const std::int64_t clipped = 2 * std::max<std::int64_t>(spec.tower.width, spec.mlp().width);
  const RowLayout blocks(blocks_of(spec, spec.chunk_rows()));
  std::int64_t floats =
      saturating_add(saturating_multiply(most_rows(spec), columns_of_layer(spec) + clipped),
                     saturating_multiply(blocks.pages() * kPageTokens, kept));
  if (spec.conformer->guess_layers > 0) {
    floats = saturating_add(floats, CtcFeedback::most_floats(spec.chunk_rows()));
  }
  floats = saturating_add(floats, state_floats(spec));
  return saturating_multiply(saturating_add(floats, distance_weight_floats(spec)),
                             std::int64_t{sizeof(float)});
}

Conformer::~Conformer() = default;

int Conformer::extended_columns() const {
  return spec_.attention().key_width + distance_columns(spec_);
}

std::int64_t Conformer::workspace_floats() const {
  constexpr int kViews = 16;  // more than are alive at any time
  const std::int64_t rows = most_rows(spec_);
  const std::int64_t floats = Workspace::floats_for(rows, columns_of_layer(spec_), kViews) +
                              clipped_floats(rows, clipped_columns_);
  return feedback_ ? floats + feedback_->workspace_floats(spec_.chunk_rows()) : floats;
}

Status Conformer::allocate() {
  auto buffer = backend_.allocate(workspace_floats());
  if (!buffer) return buffer.error();
  workspace_ = std::make_unique<Workspace>(std::move(*buffer));
  const AttentionSpec& a = spec_.attention();
  const RowLayout layout(blocks_of(spec_, spec_.chunk_rows()));
  auto kv = backend_.make_kv_store(
      {{{a.heads, extended_columns(), a.value_width}}, KvType::kF32, layout.pages()});
  if (!kv) return kv.error();
  kv_ = std::move(*kv);
  auto states = backend_.make_state_store({{state_floats(spec_)}, /*slots=*/1});
  if (!states) return states.error();
  states_ = std::move(*states);
  return feedback_ ? feedback_->allocate() : Status();
}

Pass Conformer::pass() const {
  return {backend_, *workspace_, spec_.tower, *kv_, nullptr, batch_, spec_.tower.causal, View{}};
}

void Conformer::normalise(const Norm& norm, View in, View out) const {
  backend_.norm(in, norm.params(spec_.tower.norm, spec_.tower.norm_epsilon), out);
}

void Conformer::begin(std::span<const float> values, std::int64_t rows) {
  workspace_->clear();
  next_ = 0;
  layout_ = std::make_unique<RowLayout>(blocks_of(spec_, rows));
  batch_ = layout_->layout();
  kept_ = workspace_->view(rows, spec_.projected_columns());
  stream_ = kept_.slice(kept_.columns - spec_.tower.width, spec_.tower.width);
  upload_rows(backend_, values.data(), stream_.columns, stream_);
  key_distances_ = workspace_->view(rows, distance_columns(spec_));
  distances_->fill_keys(backend_, batch_, key_distances_);
  keep(-1);
}

bool Conformer::advance() {
  if (next_ == layers_.size()) return false;
  const Layer& layer = layers_[next_++];
  add_feed_forward(layer.first);
  add_attention(layer);
  add_convolution(layer);
  add_feed_forward(layer.second);
  normalise(layer.last, stream_, stream_);
  const int done = static_cast<int>(next_);
  if (feedback_ && done == spec_.conformer->guess_layers) feedback_->add(*workspace_, stream_);
  keep(done - 1);
  return true;
}

// If the spec asks for it, what stands after layer `layer`.
void Conformer::keep(int layer) {
  const std::vector<int>& kept = spec_.tower.kept_layers;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (kept[i] != layer) continue;
    backend_.copy(stream_,
                  kept_.slice(static_cast<std::int64_t>(i) * stream_.columns, stream_.columns));
  }
}

void Conformer::add_feed_forward(const FeedForward& part) {
  const Workspace::Scope scope(*workspace_);
  const View in = workspace_->view(stream_.rows, stream_.columns);
  normalise(part.before, stream_, in);
  const View inner = project(pass(), part.up, in);
  apply(backend_, spec_.mlp().gate.activation, inner);
  const View out = project(pass(), part.down, inner);
  if (part.behind) normalise(part.behind, out, out);
  backend_.add_scaled(out, 0.5f, 1.0f, stream_);
}

void Conformer::add_attention(const Layer& layer) {
  const AttentionSpec& a = spec_.attention();
  const Workspace::Scope scope(*workspace_);
  const View in = workspace_->view(stream_.rows, stream_.columns);
  normalise(layer.before_attention, stream_, in);
  const View query = project(pass(), layer.query, in), key = project(pass(), layer.key, in);
  const View value = project(pass(), layer.value, in);
  if (layer.query_factors) multiply_columns(backend_, query, *layer.query_factors, query);
  if (layer.key_factors) multiply_columns(backend_, key, *layer.key_factors, key);
  const std::int64_t columns = std::int64_t{a.heads} * extended_columns();
  const View queries = workspace_->view(in.rows, columns),
             keys = workspace_->view(in.rows, columns);
  fill_queries(layer, query, queries);
  fill_keys(key, keys);
  backend_.store_kv(*kv_, 0, keys, value, batch_);
  AttentionParams params{0, a.heads, a.heads, extended_columns(), a.value_width, a.scale};
  params.softcap = a.softcap;
  params.span = a.span;
  params.window = a.window;
  params.causal = spec_.tower.causal;
  backend_.attention(*kv_, queries, params, batch_, in);
  const View out = project(pass(), layer.output, in);
  if (layer.behind_attention) normalise(layer.behind_attention, out, out);
  add(backend_, out, stream_);
}

// Of each head what meets keys, and after that what meets their distances.
void Conformer::fill_queries(const Layer& layer, View query, View all) const {
  const AttentionSpec& a = spec_.attention();
  const auto head = [&](View x, int h) {
    return x.slice(std::int64_t{h} * a.key_width, a.key_width);
  };
  const View plain = workspace_->view(query.rows, query.columns);
  backend_.copy(query, plain);
  if (layer.query_bias) add(backend_, repeated(*layer.query_bias, plain), plain);
  if (layer.distance_bias) add(backend_, repeated(*layer.distance_bias, query), query);
  for (int h = 0; h < a.heads; ++h) {
    const View own = all.slice(std::int64_t{h} * extended_columns(), extended_columns());
    backend_.copy(head(plain, h), own.slice(0, a.key_width));
  }
  distances_->fill_queries(backend_, *workspace_, batch_, layer.distances, query, all);
}

void Conformer::fill_keys(View key, View all) const {
  const AttentionSpec& a = spec_.attention();
  for (int h = 0; h < a.heads; ++h) {
    const View own = all.slice(std::int64_t{h} * extended_columns(), extended_columns());
    backend_.copy(key.slice(std::int64_t{h} * a.key_width, a.key_width), own.slice(0, a.key_width));
    backend_.copy(key_distances_, own.slice(a.key_width, distance_columns(spec_)));
  }
}

void Conformer::add_convolution(const Layer& layer) {
  const ConformerSpec& own = *spec_.conformer;
  const Workspace::Scope scope(*workspace_);
  const View in = workspace_->view(stream_.rows, stream_.columns);
  normalise(layer.before_convolution, stream_, in);
  const View both = project(pass(), layer.gated, in);
  const std::int64_t columns = both.columns / 2;
  const View gated = both.slice(0, columns);
  backend_.multiply_gate(both.slice(columns, columns), Activation::kSigmoid, gated);
  const View x = layer.convolution.run(backend_, *workspace_, *states_, gated);
  if (own.behind_convolution_kind) {
    const NormKind kind = *own.behind_convolution_kind;
    backend_.norm(x, layer.behind_convolution.params(kind, spec_.tower.norm_epsilon), x);
  } else {
    multiply_columns(backend_, x, *layer.behind_convolution.weight, x);
    if (layer.behind_convolution.bias)
      add(backend_, repeated(*layer.behind_convolution.bias, x), x);
  }
  apply(backend_, Activation::kSilu, x);
  const View out = project(pass(), layer.mixed, x);
  add(backend_, out, stream_);
}

}  // namespace linnet
