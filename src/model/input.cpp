// The forward pass of a model that reads a text, its input, and writes another: rows of inputs go
// through the first layers, those of texts through the others. All layers are in one stage.

#include <algorithm>

#include "model/blocks/normalise.hpp"
#include "model/model.hpp"

namespace linnet {
namespace {

// The rows of a batch that belong to inputs, or those that belong to texts.
struct Side {
  std::vector<TokenId> tokens;
  std::vector<std::int32_t> positions, sequences, outputs;
  std::vector<std::int32_t> lengths;  // of each sequence
  std::vector<float> adapter_strengths;

  Batch batch(const Batch& whole) const {
    return {.tokens = tokens,
            .layout = {positions, sequences, whole.layout.page_tables, lengths},
            .outputs = outputs,
            .inputs = whole.inputs,
            .adapter_strengths = adapter_strengths};
  }
};

struct Sides {
  Side input, text;
  std::vector<std::int32_t> place;  // of each row of the batch, on its side
};

Sides split(const Batch& batch) {
  Sides sides;
  const BatchLayout& layout = batch.layout;
  const std::size_t adapters = batch.adapter_strengths.size() / batch.tokens.size();
  for (std::size_t s = 0; s < layout.lengths.size(); ++s) {
    sides.input.lengths.push_back(batch.inputs[s]);
    sides.text.lengths.push_back(std::max(0, layout.lengths[s] - batch.inputs[s]));
  }
  for (std::size_t r = 0; r < batch.tokens.size(); ++r) {
    const std::int32_t input = batch.inputs[layout.sequences[r]];
    const std::int32_t position = layout.positions[r];
    Side& side = position < input ? sides.input : sides.text;
    sides.place.push_back(static_cast<std::int32_t>(side.tokens.size()));
    side.tokens.push_back(batch.tokens[r]);
    side.positions.push_back(position < input ? position : position - input);
    side.sequences.push_back(layout.sequences[r]);
    const auto strengths = batch.adapter_strengths.subspan(r * adapters, adapters);
    side.adapter_strengths.insert(side.adapter_strengths.end(), strengths.begin(), strengths.end());
  }
  for (const std::int32_t row : batch.outputs) {
    sides.text.outputs.push_back(sides.place[static_cast<std::size_t>(row)]);
  }
  return sides;
}

}  // namespace

View Model::read_and_write(const Batch& batch, KvStore& kv) {
  const Sides sides = split(batch);
  if (!sides.input.tokens.empty()) {
    const auto rows = static_cast<std::int64_t>(batch.tokens.size());
    Workspace& workspace = *stages_.front().workspace;
    if (batch.keeps_hidden) hidden_ = workspace.view(rows, spec_.width);
    const Workspace::Scope scope(workspace);
    const View read = read_inputs(sides.input.batch(batch), kv);
    if (batch.keeps_hidden) {
      // A row of a text gets any.
      std::vector<std::int32_t> place = sides.place;
      for (std::int32_t& row : place) {
        row = std::min(row, static_cast<std::int32_t>(read.rows) - 1);
      }
      stages_.front().backend->gather_rows(read, place, hidden_);
    }
  }
  if (sides.text.tokens.empty()) return {};
  return write(sides.text.batch(batch), kv);
}

View Model::read_inputs(const Batch& batch, KvStore& kv) {
  Streams streams{.adapter_strengths = upload_strengths(batch)};
  Pass pass = pass_of(0, batch, kv, /*states=*/nullptr, streams);
  pass.causal = false;
  streams.x = embed(pass, embedding_);
  for (int i = 0; i < spec_.input.layers; ++i) run_layer(pass, *layers_[i], i, streams);
  normalise(pass, input_norm_, streams.x);
  for (std::size_t i = spec_.input.layers; i < layers_.size(); ++i) {
    store_input(pass, spec_.layers[i].cross, layers_[i]->cross, streams.x);
  }
  return streams.x;
}

View Model::write(const Batch& batch, KvStore& kv) {
  Streams streams{.adapter_strengths = upload_strengths(batch)};
  Pass pass = pass_of(0, batch, kv, /*states=*/nullptr, streams);
  pass.causal = true;
  pass.inputs = batch.inputs;
  streams.x = embed(pass, embedding_);
  const int layers = static_cast<int>(layers_.size());
  for (int i = spec_.input.layers; i < layers; ++i) run_layer(pass, *layers_[i], i, streams);
  return compute_logits(pass, head_, streams.x, batch.outputs);
}

}  // namespace linnet
