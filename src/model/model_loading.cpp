#include <algorithm>

#include "model/blocks/project.hpp"
#include "model/model.hpp"

namespace linnet {
namespace {

// Floats of a row that are alive besides those of one block.
std::int64_t stream_columns(const ModelSpec& spec) {
  // The residual stream, embeddings, inputs of mixer, feed-forward and experts, a block's result.
  constexpr int kStreams = 6;
  return kStreams * spec.width + std::ssize(spec.kept_layers) * spec.result_columns() +
         spec.mixer_columns() - spec.width + spec.shared_columns + altup_columns(spec) +
         residual_mix_columns(spec) + hyper_connection_columns(spec) + cycle_columns(spec) +
         adapter_switch_columns(spec.adapters) +
         (2 * std::ssize(spec.layers) + 1) * spec.per_layer_width;
}

// Floats of a row that a block takes, if none is recurrent.
std::int64_t widest_block(const ModelSpec& spec) {
  std::int64_t widest = 0;
  for (int i = 0; i < std::ssize(spec.layers); ++i) {
    widest = std::max(widest, stateless_columns(spec, i));
  }
  return widest;
}

// Without what stands around projections.
std::int64_t workspace_floats(const ModelSpec& spec, const BatchLimits& limits,
                              std::int64_t block_columns) {
  constexpr int kViews = 40;  // more than are alive at any time
  block_columns = std::max(block_columns, prediction_columns(spec));
  const std::int64_t logits = spec.encoder ? 0 : spec.logit_columns();
  const std::int64_t of_outputs = 2 * spec.width + logits + spec.prediction.chain_columns;
  return Workspace::floats_for(limits.rows, stream_columns(spec) + block_columns, kViews) +
         Workspace::floats_for(limits.outputs, of_outputs, kViews);
}

// A trial takes two slots of the state, of which there are few, and logits of all its rows.
std::int64_t most_trial_rows(const BatchLimits& limits) {
  return std::min<std::int64_t>(limits.outputs, 64);
}

}  // namespace

Model::Model(ModelSpec spec, std::span<const LayerPlace> places, const BatchLimits& limits)
    : spec_(std::move(spec)), limits_(limits) {
  int first = 0;
  for (const LayerPlace& place : places) {
    stages_.push_back({place.backend, {first, place.end}});
    first = place.end;
  }
}

Result<std::unique_ptr<Model>> Model::load(ModelSpec spec, WeightLoader& loader,
                                           std::span<const LayerPlace> places,
                                           const BatchLimits& limits, const SharedTables& shared) {
  std::unique_ptr<Model> model(new Model(std::move(spec), places, limits));
  model->load_weights(loader, shared);
  if (Status status = loader.finish(); !status) return status.error();
  if (Status status = model->allocate_workspace(loader); !status) return status.error();
  return model;
}

SharedTables Model::tables_in(const Backend& backend) const {
  SharedTables tables;
  if (stages_.front().backend == &backend) {
    tables.tokens = embedding_.tokens;
  } else if (stages_.back().backend == &backend && head_.is_tied) {
    tables.tokens = head_.output->weight;
  }
  if (stages_.back().backend != &backend) return tables;
  if (head_.output && !head_.output->clip) tables.output = head_.output;
  if (tables.output && tables.output->adapter) tables.adapters = adapters_;
  return tables;
}

void Model::load_weights(WeightLoader& loader, const SharedTables& shared) {
  for (const std::string& pattern : spec_.unused_tensors) loader.ignore(pattern);
  loader.ignore("rope_f");  // factors of the frequencies, read with the hyper-parameters
  loader.load_into(*stages_.front().backend);
  embedding_ = load_embedding(loader, spec_, shared.tokens);
  for (const Stage& stage : stages_) {
    loader.load_into(*stage.backend);
    const int end = std::min(stage.layers.end, static_cast<int>(spec_.layers.size()));
    for (int i = stage.layers.first; i < end && !loader.failed(); ++i) {
      layers_.push_back(load_or_share(loader, stage, i));
      directions_.push_back(loader.direction(i));
    }
  }
  if (spec_.input.layers > 0) input_norm_ = loader.norm("enc.output_norm", spec_.width);
  head_ =
      load_head(loader, spec_, stages_.size() == 1 ? embedding_.tokens : nullptr, shared.output);
  adapters_ = loader.adapters();
  if (head_.output == shared.output) adapters_ = std::max(adapters_, shared.adapters);
}

// The weights of an earlier layer in the same memory, where they are those of layer `index`, too.
LayerWeightsPtr Model::load_or_share(WeightLoader& loader, const Stage& stage, int index) const {
  const CyclesSpec& cycles = spec_.cycles;
  for (int earlier = stage.layers.first; cycles.stack > 0 && earlier < index; ++earlier) {
    if (cycles.block(earlier) == cycles.block(index)) return layers_[earlier];
  }
  return std::make_shared<const LayerWeights>(load_layer(loader, spec_, index, layers_));
}

Status Model::allocate_workspace(const WeightLoader& loader) {
  std::int64_t block_columns = head_.dense_up ? head_.dense_up.weight->rows() : 0;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    block_columns = std::max(block_columns, layer_columns(spec_, *layers_[i], static_cast<int>(i)));
  }
  const bool is_adapted = head_.output && head_.output->adapter;
  const std::int64_t rank =
      std::max(loader.adapter_rank(), is_adapted ? head_.output->adapter.low->rows() : 0);
  const std::int64_t floats = workspace_floats(spec_, limits_, block_columns) +
                              adapter_floats(limits_.rows, rank, adapters_) +
                              clipped_floats(limits_.rows, loader.clipped_columns());
  for (Stage& stage : stages_) {
    auto buffer = stage.backend->allocate(floats);
    if (!buffer) return buffer.error();
    stage.workspace = std::make_unique<Workspace>(std::move(*buffer));
  }
  return {};
}

std::int64_t workspace_bytes(const ModelSpec& spec, const BatchLimits& limits) {
  return workspace_floats(spec, limits, widest_block(spec)) * std::int64_t{sizeof(float)};
}

std::int64_t row_bytes(const ModelSpec& spec) {
  const std::int64_t blocks = std::max(2 * spec.width, widest_block(spec));
  // What a product reads, at most half of what a block takes, is written in another form for it.
  const std::int64_t floats =
      Workspace::floats_for(1, stream_columns(spec) + blocks, /*count=*/0) + blocks / 2;
  return floats * std::int64_t{sizeof(float)};
}

Status Model::allow_trials() {
  const std::int64_t rows = most_trial_rows(limits_);
  for (Stage& stage : stages_) {
    const std::int64_t floats = StateJournal::floats_for(spec_, stage.layers, rows);
    if (floats == 0) continue;
    auto memory = stage.backend->allocate(floats);
    if (!memory) return memory.error();
    stage.journal = std::make_unique<StateJournal>(*stage.backend, Workspace(std::move(*memory)));
    trial_rows_ = rows;
  }
  return {};
}

std::int64_t trial_bytes(const ModelSpec& spec, const BatchLimits& limits, LayerRange layers) {
  return StateJournal::floats_for(spec, layers, most_trial_rows(limits)) *
         static_cast<std::int64_t>(sizeof(float));
}

}  // namespace linnet
