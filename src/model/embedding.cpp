#include "model/embedding.hpp"

#include "model/blocks/elementwise.hpp"
#include "model/blocks/hyper_connection.hpp"
#include "model/blocks/normalise.hpp"
#include "model/blocks/residual_mix.hpp"

namespace linnet {
namespace {

// The columns of given rows that are embeddings (part 0), or others, which layers add.
void upload_given(const Pass& pass, const GivenRows& given, int part, View to) {
  upload_rows(pass.backend, given.values + part * pass.model.width, pass.model.given_columns(), to);
}

bool has_streams(const ModelSpec& model) { return model.residual.hyper_connection.streams > 0; }

void look_up_tokens(const Pass& pass, const EmbeddingWeights& weights, View x) {
  const AdaptersSpec& adapters = pass.model.adapters;
  if (!weights.tokens) return pass.backend.fill(x, 0.0f);
  if (adapters.tokens.empty()) return pass.backend.embed_rows(*weights.tokens, pass.tokens, x);
  pass.backend.embed_rows(*weights.tokens, substitute_tokens(adapters, pass.tokens), x);
}

// x += the rows `ids` of `table`
void add_rows_of(const Pass& pass, const Matrix& table, std::span<const std::int32_t> ids, View x) {
  const Workspace::Scope scope(pass.workspace);
  const View more = pass.workspace.view(x.rows, x.columns);
  pass.backend.embed_rows(table, ids, more);
  add(pass.backend, more, x);
}

}  // namespace

EmbeddingWeights load_embedding(WeightLoader& loader, const ModelSpec& model,
                                std::shared_ptr<const Matrix> shared) {
  EmbeddingWeights weights;
  const std::string own = own_tokens_tensor(model);
  if (model.predicts() && loader.has(own + ".weight")) {
    weights.tokens = loader.table(own, model.width, model.vocabulary);
  } else if (shared && model.prediction.kind != PredictionSpec::Kind::kReadsKeys) {
    weights.tokens = shared;
  } else if (model.vocabulary > 0) {
    weights.tokens = loader.table(std::string(model.tokens_tensor), model.width, model.vocabulary);
  }
  if (model.position_rows > 0) {
    weights.positions = loader.table("position_embd", model.width, model.position_rows);
  }
  if (const std::int64_t types = loader.rows("token_types"); types > 0) {
    weights.types = loader.table("token_types", model.width, types);
  }
  if (model.embedding_norm == NormUse::kWeights) {
    weights.norm = loader.norm("token_embd_norm", model.width);
  }
  weights.per_layer = load_per_layer_table(loader, model);
  weights.altup = load_altup_table(loader, model, "altup_proj");
  weights.cycles = load_cycles(loader, model);
  weights.adapter_switch = load_adapter_switch(loader, model.adapters);
  weights.prediction = load_prediction(loader, model, std::move(shared));
  return weights;
}

View embed(const Pass& pass, const EmbeddingWeights& weights) {
  const ModelSpec& model = pass.model;
  if (model.prediction.kind == PredictionSpec::Kind::kReadsKeys) {
    return join_target(pass, weights.prediction);
  }
  const View x = pass.workspace.view(std::ssize(pass.tokens), model.width);
  look_up_tokens(pass, weights, x);
  if (model.embedding_scale != 1.0f) pass.backend.scale(x, model.embedding_scale);
  if (weights.types) {
    add_rows_of(pass, *weights.types, std::vector<std::int32_t>(pass.tokens.size(), 0), x);
  }
  if (weights.positions) add_rows_of(pass, *weights.positions, pass.batch.positions, x);
  if (model.embedding_norm != NormUse::kNone) normalise(pass, weights.norm, x);
  if (model.prediction.kind == PredictionSpec::Kind::kJoined && !has_streams(model)) {
    join_hidden(pass, weights.prediction, x, x);
  }
  if (model.predicts()) return x;  // what is given is not an embedding
  for (const GivenRows& given : pass.given) {
    const View rows = some_rows(x, given.first, given.rows);
    upload_given(pass, given, 0, rows);
    if (model.scales_given) pass.backend.scale(rows, model.embedding_scale);
  }
  return x;
}

void begin_streams(Pass pass, const EmbeddingWeights& weights, Streams& streams) {
  const ModelSpec& model = pass.model;
  if (!model.adapters.tokens.empty()) {
    pass.adapters = streams.adapters = switch_adapters(pass, weights.adapter_switch);
  }
  const View x = streams.x = embed(pass, weights);
  if (model.prediction.kind == PredictionSpec::Kind::kBeside) begin_beside_tokens(pass, streams);
  if (model.residual.embedding_skip) {
    streams.embeddings = pass.workspace.view(x.rows, x.columns);
    pass.backend.copy(x, streams.embeddings);
  }
  if (model.per_layer_width > 0) {
    streams.per_layer_inputs =
        pass.workspace.view(x.rows, model.per_layer_width * std::ssize(model.layers));
    make_per_layer_inputs(pass, weights.per_layer, x, streams.per_layer_inputs);
  }
  if (model.residual.altup_streams > 0) streams.others = spread_streams(pass, weights.altup, x);
  for (std::int64_t i = 0; i < residual_mix_states(model); ++i) {
    streams.others.push_back(pass.workspace.view(x.rows, x.columns));
  }
  if (has_streams(model)) {
    streams.others.push_back(spread_to_streams(pass, x));
    if (model.prediction.kind == PredictionSpec::Kind::kJoined) {
      join_hidden(pass, weights.prediction, x, all_streams(model, streams.others[0]));
    }
  }
  if (model.cycles.has_two_stacks()) streams.others = begin_cycles(pass, weights.cycles, x);
}

void add_given_rows(const Pass& pass, int index, View x) {
  for (int part = 0; part < pass.model.deepstack_layers; ++part) {
    if (pass.model.layer_of_deepstack(part) != index) continue;
    for (const GivenRows& given : pass.given) {
      const Workspace::Scope scope(pass.workspace);
      const View more = pass.workspace.view(given.rows, pass.model.width);
      upload_given(pass, given, 1 + part, more);
      add(pass.backend, more, some_rows(x, given.first, given.rows));
    }
  }
}

}  // namespace linnet
