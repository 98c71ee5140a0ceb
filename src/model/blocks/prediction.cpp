#include "model/blocks/prediction.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "model/blocks/elementwise.hpp"
#include "model/blocks/multiply.hpp"
#include "model/blocks/normalise.hpp"
#include "model/given_rows.hpp"

namespace linnet {
namespace {

using Kind = PredictionSpec::Kind;

// out = the given rows, 0 if none is given.
void put_given_rows(const Pass& pass, View out) {
  pass.backend.fill(out, 0.0f);
  for (const GivenRows& given : pass.given) {
    upload_rows(pass.backend, given.values, out.columns, some_rows(out, given.first, given.rows));
  }
}

}  // namespace

ModelSpec prediction_layer(const ModelSpec& model, int index) {
  ModelSpec layer = model;
  layer.layers = {model.layers[static_cast<std::size_t>(index)]};
  layer.first_block += index;
  layer.layers[0].latent.indexer.kv_layer = 1;
  return layer;
}

std::string prediction_tensor(const ModelSpec& model, std::string_view part) {
  return fmt::format("{}.{}.{}", model.layer_name, model.first_block, part);
}

std::string own_tokens_tensor(const ModelSpec& model) {
  return model.prediction.kind == Kind::kJoined ? prediction_tensor(model, "nextn.embed_tokens")
                                                : "token_embd";
}

std::string own_output_tensor(const ModelSpec& model) {
  return model.prediction.kind == Kind::kJoined ? prediction_tensor(model, "nextn.shared_head_head")
                                                : "output";
}

bool has_own_output(const gguf::File& file, const ModelSpec& model) {
  const auto has = [&](const std::string& stem) { return file.find_tensor(stem + ".weight"); };
  return has(own_output_tensor(model)) ||
         (model.prediction.kind == Kind::kBlock && has(own_tokens_tensor(model)));
}

PredictionWeights load_prediction(WeightLoader& loader, const ModelSpec& model,
                                  std::shared_ptr<const Matrix> target_tokens) {
  const PredictionSpec& spec = model.prediction;
  PredictionWeights weights;
  if (spec.kind == Kind::kJoined) {
    weights.token_norm = loader.norm(prediction_tensor(model, "nextn.enorm"), model.width);
    weights.hidden_norm = loader.norm(prediction_tensor(model, "nextn.hnorm"), model.width);
    weights.projection =
        loader.linear(prediction_tensor(model, "nextn.eh_proj"), 2 * model.width, model.width);
  } else if (spec.kind == Kind::kBeside) {
    if (spec.normalises_results) {
      weights.results_norm = loader.norm("enc.output_norm", spec.fused_columns());
    }
    weights.fusion = loader.linear("fc", spec.fused_columns(), model.width);
  } else if (spec.kind == Kind::kBlock) {
    weights.fusion = loader.linear("fc", spec.fused_columns(), model.width);
    weights.fused_norm = loader.norm("enc.output_norm", model.width);
    if (spec.chain_columns > 0) {
      weights.chain_tokens = loader.table("markov_w1", spec.chain_columns, model.vocabulary);
      weights.chain = loader.linear("markov_w2", spec.chain_columns, model.logit_columns());
    }
  } else if (spec.kind == Kind::kReadsKeys) {
    weights.target_tokens = std::move(target_tokens);
    if (!weights.target_tokens)
      loader.fail("the tokens of the model that it guesses for are not here");
    weights.projection = loader.linear("nextn.pre_projection", 2 * spec.target_width, model.width);
  }
  return weights;
}

std::int64_t prediction_columns(const ModelSpec& model) {
  if (model.prediction.kind == Kind::kNone) return 0;
  const PredictionSpec& spec = model.prediction;
  return std::max({2 * model.width, spec.fused_columns(), 2 * spec.target_width});
}

void join_hidden(const Pass& pass, const PredictionWeights& weights, View x, View out) {
  const Workspace::Scope scope(pass.workspace);
  const std::int64_t width = pass.model.width;
  const View both = pass.workspace.view(x.rows, 2 * width);
  const View token = both.slice(0, width), hidden = both.slice(width, width);
  normalise(pass, weights.token_norm, x, token);
  put_given_rows(pass, out);
  for (std::int64_t first = 0; first < out.columns; first += width) {
    const View stream = out.slice(first, width);
    normalise(pass, weights.hidden_norm, stream, hidden);
    project(pass, weights.projection, both, stream);
  }
}

int read_kv_layer(const ModelSpec& target, AttentionSpan span) {
  for (int i = static_cast<int>(target.layers.size()) - 1; i >= 0; --i) {
    const AttentionSpec& attention = target.layers[static_cast<std::size_t>(i)].attention;
    if (attention.heads == 0 || attention.span != span) continue;
    return attention.kv_layer >= 0 ? attention.kv_layer : i;
  }
  return -1;
}

void read_keys_of(const ModelSpec& target, ModelSpec& model) {
  for (LayerSpec& layer : model.layers) {
    layer.attention.kv_layer = read_kv_layer(target, layer.attention.span);
  }
}

View join_target(const Pass& pass, const PredictionWeights& weights) {
  const View x = pass.workspace.view(std::ssize(pass.tokens), pass.model.width);
  const Workspace::Scope scope(pass.workspace);
  const std::int64_t width = pass.model.prediction.target_width;
  const View both = pass.workspace.view(x.rows, 2 * width);
  const View token = both.slice(0, width);
  pass.backend.embed_rows(*weights.target_tokens, pass.tokens, token);
  pass.backend.scale(token, pass.model.embedding_scale);
  put_given_rows(pass, both.slice(width, width));
  project(pass, weights.projection, both, x);
  return x;
}

Linear load_target_projection(WeightLoader& loader, const ModelSpec& model) {
  if (model.prediction.kind != Kind::kReadsKeys) return {};
  return loader.linear("nextn.post_projection", model.width, model.prediction.target_width);
}

void begin_beside_tokens(const Pass& pass, Streams& streams) {
  streams.embeddings = streams.x;
  streams.x = pass.workspace.view(streams.embeddings.rows, pass.model.width);
  put_given_rows(pass, streams.x);
}

View read_beside_tokens(const Pass& pass, const Norm& token_norm, const Norm& stream_norm,
                        const Streams& streams) {
  const std::int64_t width = pass.model.width;
  const View both = pass.workspace.view(streams.x.rows, 2 * width);
  const View token = both.slice(0, width), stream = both.slice(width, width);
  normalise(pass, token_norm, streams.embeddings, token);
  normalise(pass, stream_norm, streams.x, stream);
  if (pass.model.prediction.normalises_stream) pass.backend.copy(stream, streams.x);
  return both;
}

void fuse_results(Backend& backend, Workspace& workspace, const ModelSpec& model,
                  const PredictionWeights& weights, std::span<const View> results, View out) {
  const Workspace::Scope scope(workspace);
  const std::int64_t width = model.prediction.target_width;
  const View all = workspace.view(out.rows, model.prediction.fused_columns());
  for (std::size_t i = 0; i < results.size(); ++i) {
    backend.copy(results[i], all.slice(static_cast<std::int64_t>(i) * width, width));
  }
  if (const Norm& norm = weights.results_norm) {
    backend.norm(all, norm.params(model.norm, model.norm_epsilon), all);
  }
  multiply(backend, weights.fusion, all, out);
  if (const Norm& norm = weights.fused_norm) {
    backend.norm(out, norm.params(model.norm, model.norm_epsilon), out);
  }
}

void add_chain(Backend& backend, Workspace& workspace, const PredictionWeights& weights,
               std::span<const TokenId> before, View logits) {
  const Workspace::Scope scope(workspace);
  const View low = workspace.view(std::ssize(before), weights.chain_tokens->columns());
  backend.embed_rows(*weights.chain_tokens, before, low);
  const MatmulOutput product = product_of({weights.chain, logits}, /*accumulate=*/true);
  backend.matmul(low, {&product, 1});
}

}  // namespace linnet
