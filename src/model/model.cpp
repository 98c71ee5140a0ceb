#include "model/model.hpp"

#include <algorithm>

#include "backend/split_stores.hpp"
#include "model/blocks/elementwise.hpp"

namespace linnet {

View Model::forward(const Batch& batch, KvStore& kv, StateStore* states) {
  if (spec_.input.layers > 0) {
    stages_.front().workspace->clear();
    return read_and_write(batch, kv);
  }
  begin_forward(batch, kv, states);
  while (advance_forward()) continue;
  return end_forward();
}

void Model::begin_forward(const Batch& batch, KvStore& kv, StateStore* states) {
  for (const Stage& stage : stages_) {
    stage.workspace->clear();
    if (stage.journal) stage.journal->begin(batch.layout, batch.trials);
  }
  Workspace& workspace = *stages_.front().workspace;
  const auto rows = std::ssize(batch.tokens);
  Streams& streams = progress_.emplace(Progress{batch, kv, states, {}}).streams;
  kept_.clear();
  for (const int layer : spec_.kept_layers) {
    const auto stage = std::ranges::find_if(
        stages_, [&](const Stage& stage) { return stage.layers.holds(layer); });
    kept_.push_back(stage->workspace->view(rows, spec_.result_columns()));
  }
  streams.shared = workspace.view(rows, spec_.shared_columns);
  streams.adapter_strengths = upload_strengths(batch);
  begin_streams(current_pass(), embedding_, streams);
}

View Model::upload_strengths(const Batch& batch) {
  if (batch.adapter_strengths.empty()) return {};
  const Stage& stage = stages_.front();
  const std::int64_t rows = std::ssize(batch.tokens);
  const View strengths = stage.workspace->view(rows, std::ssize(batch.adapter_strengths) / rows);
  stage.backend->upload(batch.adapter_strengths, strengths.data);
  return strengths;
}

bool Model::advance_forward() {
  const int index = progress_->next_layer;
  if (index == static_cast<int>(layers_.size())) return false;
  while (index >= stages_[progress_->stage].layers.end) enter_next_stage();
  const Pass pass = current_pass();
  const Streams& streams = progress_->streams;
  run_layer(pass, *layers_[index], index, streams);
  add_given_rows(pass, index, streams.x);
  if (const auto& direction = directions_[static_cast<std::size_t>(index)]) {
    add(pass.backend, repeated(*direction, streams.x), streams.x);
  }
  keep_result(pass, index, streams);
  ++progress_->next_layer;
  return true;
}

View Model::end_forward() {
  while (progress_->stage + 1 < stages_.size()) enter_next_stage();
  const Pass pass = current_pass();
  const Streams& streams = progress_->streams;
  end_streams(pass, head_, streams);
  const View logits = compute_logits(pass, head_, streams.x, progress_->batch.outputs);
  if (progress_->batch.keeps_hidden) {
    // Where the rows themselves were: nobody needs them any more.
    hidden_ = finish_hidden(pass, head_, streams);
  }
  progress_.reset();
  return logits;
}

View Model::fuse(std::span<const View> results) {
  const Stage& stage = stages_.front();
  stage.workspace->clear();
  const View fused = stage.workspace->view(results.front().rows, spec_.width);
  fuse_results(*stage.backend, *stage.workspace, spec_, embedding_.prediction, results, fused);
  return fused;
}

void Model::read_results(std::span<const View> results, const Batch& batch, KvStore& kv) {
  const Stage& stage = stages_.front();
  View fused;
  if (results.empty()) {
    stage.workspace->clear();
    fused = stage.workspace->view(std::ssize(batch.tokens), spec_.width);
    stage.backend->fill(fused, 0.0f);
  } else {
    fused = fuse(results);
  }
  const Pass pass = pass_of(0, batch, kv, nullptr, {});
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    store_keys(pass, spec_.layers[i].attention, layers_[i]->attention, static_cast<int>(i), fused);
  }
}

void Model::add_chain(std::span<const TokenId> before, View logits) {
  const Stage& stage = stages_.front();
  linnet::add_chain(*stage.backend, *stage.workspace, embedding_.prediction, before, logits);
}

void Model::enter_next_stage() {
  const Stage& from = stages_[progress_->stage++];
  hand_over(from, stages_[progress_->stage], handed_over_, progress_->streams);
}

void Model::keep_result(const Pass& pass, int index, const Streams& streams) {
  for (std::size_t i = 0; i < kept_.size(); ++i) {
    if (spec_.kept_layers[i] == index) pass.backend.copy(layer_result(spec_, streams), kept_[i]);
  }
}

Status Model::status() const {
  for (const Stage& stage : stages_) {
    if (Status status = stage.backend->status(); !status) return status;
  }
  return {};
}

void Model::redo(std::span<const RedoneRows> rows, StateStore& states) {
  for (std::size_t i = 0; i < stages_.size(); ++i) {
    if (stages_[i].journal) stages_[i].journal->redo(rows, states_of(i, states));
  }
}

StateStore& Model::states_of(std::size_t stage, StateStore& states) const {
  return stages_.size() > 1 ? static_cast<SplitStateStore&>(states).part(stage) : states;
}

Pass Model::current_pass() {
  const auto& [batch, kv, states, streams, stage, next] = *progress_;
  return pass_of(stage, batch, kv, states, streams);
}

Pass Model::pass_of(std::size_t stage, const Batch& batch, KvStore& kv, StateStore* states,
                    const Streams& streams) {
  KvStore& own_kv = stages_.size() > 1 ? static_cast<SplitKvStore&>(kv).part(stage) : kv;
  return {.backend = *stages_[stage].backend,
          .workspace = *stages_[stage].workspace,
          .model = spec_,
          .kv = own_kv,
          .states = states ? &states_of(stage, *states) : nullptr,
          .batch = batch.layout,
          .causal = spec_.causal,
          .shared = streams.shared,
          .adapters = streams.adapters,
          .adapter_strengths = streams.adapter_strengths,
          .tokens = batch.tokens,
          .given = batch.given,
          .places = batch.places,
          .windows = batch.windows,
          .journal = stages_[stage].journal.get()};
}

}  // namespace linnet
