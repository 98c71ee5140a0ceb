#include "hearing/conformer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "backend/kv_pages.hpp"
#include "base/checked.hpp"
#include "model/blocks/elementwise.hpp"
#include "model/blocks/project.hpp"
#include "model/given_rows.hpp"

namespace linnet {
namespace {

const AttentionSpec& attention_of(const HearingSpec& spec) {
  return spec.tower.layers.front().attention;
}

const MlpSpec& mlp_of(const HearingSpec& spec) { return spec.tower.layers.front().mlp; }

// Of the convolution.
std::int64_t convolved_columns(const HearingSpec& spec) {
  const std::int64_t own = spec.conformer->convolved_columns;
  return own > 0 ? own : spec.tower.width;
}

// Rows behind a row that its convolution reads.
int later_rows(const ConformerSpec& own) { return own.is_causal ? 0 : own.taps - 1 - own.taps / 2; }

// Floats of a row in the largest part of a layer, and of what is kept beside it.
std::int64_t columns_of_layer(const HearingSpec& spec) {
  const AttentionSpec& a = attention_of(spec);
  const std::int64_t width = spec.tower.width, distances = distance_columns(spec);
  const std::int64_t extended = std::int64_t{a.heads} * (a.key_width + distances);
  return distances + spec.projected_columns() +
         std::max({7 * width + 2 * extended + 2 * distances, 2 * width + mlp_of(spec).width,
                   4 * width + 4 * convolved_columns(spec)});
}

std::int64_t state_floats(const HearingSpec& spec) {
  return RowConvolution::state_floats(convolved_columns(spec), spec.conformer->taps);
}

// With those of zeros behind them, which convolutions read.
std::int64_t most_rows(const HearingSpec& spec) {
  return spec.chunk_rows() + later_rows(*spec.conformer);
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
  const AttentionSpec& a = attention_of(spec);
  const std::int64_t kept =
      std::int64_t{a.heads} * (a.key_width + distance_columns(spec) + a.value_width);
  const std::int64_t clipped = 2 * std::max<std::int64_t>(spec.tower.width, mlp_of(spec).width);
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

Conformer::Conformer(WeightLoader& loader, const HearingSpec& spec, Backend& backend)
    : spec_(spec), backend_(backend), distances_(make_distance_columns(loader, spec, backend)) {
  for (const std::string& pattern : spec.tower.unused_tensors) loader.ignore(pattern);
  const auto layers = static_cast<int>(spec.tower.layers.size());
  for (int i = 0; i < layers && !loader.failed(); ++i) layers_.push_back(load_layer(loader, i));
  if (spec.conformer->guess_layers > 0) {
    feedback_ = std::make_unique<CtcFeedback>(loader, spec.tower.width, backend);
  }
  clipped_columns_ = loader.clipped_columns();
}

Conformer::FeedForward Conformer::load_feed_forward(WeightLoader& loader, const std::string& stem,
                                                    std::string_view end) const {
  const std::int64_t width = spec_.tower.width, inner = mlp_of(spec_).width;
  const auto name = [&](std::string_view part) { return fmt::format("{}{}{}", stem, part, end); };
  return {.before = loader.norm(name("ffn_norm"), width),
          .behind = loader.norm(name("ffn_post_norm"), width, Presence::kOptional),
          .up = loader.linear(name("ffn_up"), width, inner),
          .down = loader.linear(name("ffn_down"), inner, width)};
}

// The file has them for one head.
std::unique_ptr<Buffer> Conformer::load_factors(WeightLoader& loader, const std::string& name,
                                                float scale) const {
  const AttentionSpec& a = attention_of(spec_);
  if (scale == 1.0f && !loader.has(name)) return nullptr;
  std::vector<float> head = loader.values(name, a.key_width, Presence::kOptional);
  if (head.empty()) head.assign(static_cast<std::size_t>(a.key_width), 1.0f);
  std::vector<float> all;
  for (int h = 0; h < a.heads; ++h) {
    for (const float factor : head) all.push_back(factor * scale);
  }
  return loader.upload(all);
}

Conformer::Layer Conformer::load_layer(WeightLoader& loader, int index) const {
  const ConformerSpec& own = *spec_.conformer;
  const std::int64_t width = spec_.tower.width;
  const std::string stem = fmt::format("{}.{}.", spec_.tower.layer_name, index);
  const auto name = [&](std::string_view part) { return stem + std::string(part); };
  const auto square = [&](std::string_view part) {
    return loader.linear(name(part), width, width);
  };
  const auto bias = [&](std::string_view part) {
    return part.empty() ? nullptr : loader.vector(name(part), width);
  };
  Layer layer;
  layer.first = load_feed_forward(loader, stem, "");
  layer.before_attention = loader.norm(name(own.before_attention), width);
  layer.query = square("attn_q");
  layer.key = square("attn_k");
  layer.value = square("attn_v");
  layer.output = square("attn_out");
  layer.query_factors = load_factors(loader, name(own.query_factors) + ".weight", own.query_scale);
  layer.key_factors = load_factors(loader, name(own.key_factors) + ".weight", own.key_scale);
  layer.query_bias = bias(own.query_bias);
  layer.distance_bias = bias(own.distance_bias);
  layer.distances = distances_->load(loader, name(own.distances));
  layer.behind_attention = loader.norm(name("attn_post_norm"), width, Presence::kOptional);
  load_convolution(loader, stem, layer);
  layer.second = load_feed_forward(loader, stem, "_1");
  layer.last = loader.norm(name("ln2"), width);
  return layer;
}

void Conformer::load_convolution(WeightLoader& loader, const std::string& stem,
                                 Layer& layer) const {
  const ConformerSpec& own = *spec_.conformer;
  const std::int64_t width = spec_.tower.width, columns = convolved_columns(spec_);
  const auto name = [&](std::string_view part) { return stem + std::string(part); };
  layer.before_convolution = loader.norm(name(own.before_convolution), width);
  layer.gated = loader.linear(name("conv_pw1"), width, 2 * columns);
  layer.convolution = RowConvolution(loader, name("conv_dw"), columns, own.taps, later_rows(own));
  layer.behind_convolution = own.mean.empty() ? loader.norm(name(own.behind_convolution), columns)
                                              : load_batch_norm(loader, stem, columns);
  layer.mixed = loader.linear(name("conv_pw2"), columns, width);
}

// The factor of each column and what is added to it.
Norm Conformer::load_batch_norm(WeightLoader& loader, const std::string& stem,
                                std::int64_t columns) const {
  const ConformerSpec& own = *spec_.conformer;
  const auto values = [&](std::string_view name) {
    return loader.values(stem + std::string(name), columns);
  };
  const std::string norm(own.behind_convolution);
  std::vector<float> factors = values(norm + ".weight"), sums = values(norm + ".bias");
  const std::vector<float> means = values(own.mean), variances = values(own.variance);
  if (loader.failed()) return {};
  for (std::size_t c = 0; c < factors.size(); ++c) {
    factors[c] /= std::sqrt(std::max(0.0f, variances[c]) + own.variance_epsilon);
    sums[c] -= means[c] * factors[c];
  }
  return {.weight = loader.upload(factors), .bias = loader.upload(sums)};
}

int Conformer::extended_columns() const {
  return attention_of(spec_).key_width + distance_columns(spec_);
}

std::int64_t Conformer::workspace_floats() const {
  constexpr int kViews = 16;  // more than are alive at any time
  const std::int64_t rows = most_rows(spec_);
  const std::int64_t floats = Workspace::floats_for(rows, columns_of_layer(spec_), kViews) +
                              clipped_floats(rows, clipped_columns_);
  return feedback_ ? floats + feedback_->workspace_floats(rows) : floats;
}

Status Conformer::allocate() {
  auto buffer = backend_.allocate(workspace_floats());
  if (!buffer) return buffer.error();
  workspace_ = std::make_unique<Workspace>(std::move(*buffer));
  const AttentionSpec& a = attention_of(spec_);
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

// Where the spec asks for it, what stands behind layer `layer`.
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
  apply(backend_, mlp_of(spec_).gate.activation, inner);
  const View out = project(pass(), part.down, inner);
  if (part.behind) normalise(part.behind, out, out);
  backend_.add_scaled(out, 0.5f, 1.0f, stream_);
}

void Conformer::add_attention(const Layer& layer) {
  const AttentionSpec& a = attention_of(spec_);
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

// Of each head what meets keys, and behind that what meets their distances.
void Conformer::fill_queries(const Layer& layer, View query, View all) const {
  const AttentionSpec& a = attention_of(spec_);
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
  const AttentionSpec& a = attention_of(spec_);
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
