#include "model/head.hpp"

#include <algorithm>
#include <limits>

#include "model/blocks/normalise.hpp"
#include "model/blocks/prediction.hpp"
#include "model/blocks/project.hpp"

namespace linnet {
namespace {

// What the names of tensors after the layers begin with. tests/architectures/head_tensors_test.cpp
// holds that load_head() reads no others, but for models that guess for another one, which are
// never in parts.
constexpr std::string_view kBehindLayers[] = {"output.", "output_res_score", "output_hc_",
                                              "altup_unembd_proj", "dense_"};

// Tokens that are not drawn get the lowest number.
void silence(const Pass& pass, View logits) {
  const auto& silent = pass.model.suppressed_tokens;
  const std::int64_t count = std::min(silent.count, logits.columns - silent.first);
  if (count <= 0) return;
  pass.backend.fill(logits.slice(silent.first, count), std::numeric_limits<float>::lowest());
}

// For projections of these rows.
Pass pass_of_rows(Pass pass, std::span<const std::int32_t> rows) {
  const View all = pass.adapter_strengths;
  if (!all.data) return pass;
  pass.adapter_strengths = pass.workspace.view(std::ssize(rows), all.columns);
  pass.backend.gather_rows(all, rows, pass.adapter_strengths);
  return pass;
}

// A layer for multi-token prediction may have one of its own.
Norm load_last_norm(WeightLoader& loader, const ModelSpec& model) {
  const std::string names[] = {prediction_tensor(model, "nextn.shared_head_norm"),
                               prediction_tensor(model, "layer_output_norm")};
  for (const std::string& own : names) {
    const bool has_own = model.predicts() && loader.has(own + ".weight");
    if (has_own) return loader.norm(own, model.width);
  }
  return loader.norm(std::string(model.norm_names.output), model.width);
}

void normalise_last(const Pass& pass, const Norm& norm, View x) {
  if (pass.model.output_norm == NormUse::kNone) return;
  const float epsilon = pass.model.prediction.layer_norm_epsilon;
  if (epsilon == 0.0f) return normalise(pass, norm, x);
  pass.backend.norm(x, norm.params(NormKind::kLayer, epsilon), x);
}

// The projection to the logits that a model has by itself: the table of tokens where it is tied.
Linear load_output(WeightLoader& loader, const ModelSpec& model,
                   std::shared_ptr<const Matrix> embedding, bool is_tied) {
  if (!is_tied) return loader.linear("output", model.width, model.logit_columns());
  Linear output;
  output.weight =
      embedding ? std::move(embedding) : loader.table("token_embd", model.width, model.vocabulary);
  return output;
}

}  // namespace

HeadWeights load_head(WeightLoader& loader, const ModelSpec& model,
                      std::shared_ptr<const Matrix> embedding,
                      std::shared_ptr<const Linear> output) {
  HeadWeights weights;
  weights.mix = load_residual_mix(loader, model, "output_res_score");
  weights.streams = load_hyper_connection(loader, model, "output_hc", /*writes=*/false);
  weights.altup = load_altup_table(loader, model, "altup_unembd_proj");
  if (model.output_norm == NormUse::kWeights) weights.norm = load_last_norm(loader, model);
  if (const std::int64_t wide = loader.rows("dense_2"); wide > 0) {
    weights.dense_up = loader.linear("dense_2", model.width, wide);
    if (model.embedding_width == 0)
      weights.dense_down = loader.linear("dense_3", wide, model.width);
  }
  if (model.encoder) return weights;
  weights.to_target = load_target_projection(loader, model);
  if (model.predicts()) {
    Linear own = loader.linear(own_output_tensor(model), model.width, model.logit_columns(),
                               Presence::kOptional);
    if (own) {
      weights.output = std::make_shared<const Linear>(std::move(own));
      return weights;
    }
  }
  const bool has_own_tokens = model.prediction.kind == PredictionSpec::Kind::kBlock &&
                              loader.has(own_tokens_tensor(model) + ".weight");
  if (output && !has_own_tokens) {
    weights.output = std::move(output);
    return weights;
  }
  const bool may_be_tied = !model.prediction.fuses_results() || has_own_tokens;
  weights.is_tied = may_be_tied && !loader.has("output.weight");
  weights.output = std::make_shared<const Linear>(
      load_output(loader, model, std::move(embedding), weights.is_tied));
  return weights;
}

bool is_head_tensor(std::string_view name) {
  return std::ranges::any_of(kBehindLayers,
                             [&](std::string_view prefix) { return name.starts_with(prefix); });
}

void end_streams(const Pass& pass, const HeadWeights& weights, const Streams& streams) {
  const ModelSpec& model = pass.model;
  if (model.residual.altup_streams > 0) gather_streams(pass, weights.altup, streams.others);
  if (model.residual.attention_group > 0) {
    pass.backend.copy(mix_residuals(pass, weights.mix, streams.others, streams.x), streams.x);
  }
  if (model.residual.hyper_connection.streams > 0) {
    const Workspace::Scope scope(pass.workspace);
    pass.backend.copy(read_streams(pass, weights.streams, streams.others[0], View{}), streams.x);
  }
}

View compute_logits(const Pass& pass, const HeadWeights& weights, View x,
                    std::span<const std::int32_t> outputs) {
  const ModelSpec& model = pass.model;
  if (model.encoder) return {};
  const View logits = pass.workspace.view(std::ssize(outputs), model.logit_columns());
  const View last = pass.workspace.view(logits.rows, model.width);
  pass.backend.gather_rows(x, outputs, last);
  const Pass of_outputs = pass_of_rows(pass, outputs);
  normalise_last(pass, weights.norm, last);
  project(of_outputs, *weights.output, last, logits);
  if (model.logit_scale != 1.0f) pass.backend.scale(logits, model.logit_scale);
  if (model.logit_softcap > 0.0f) pass.backend.softcap(logits, model.logit_softcap);
  silence(pass, logits);
  return logits;
}

View finish_hidden(const Pass& pass, const HeadWeights& weights, const Streams& streams) {
  const View x = streams.x;
  if (!pass.model.prediction.target_layers.empty()) {  // like the results that it reads
    return layer_result(pass.model, streams);
  }
  normalise_last(pass, weights.norm, x);
  if (weights.to_target) return project(pass, weights.to_target, x);
  if (!weights.dense_up) return x;
  if (!weights.dense_down) return project(pass, weights.dense_up, x);
  const Workspace::Scope scope(pass.workspace);
  project(pass, weights.dense_down, project(pass, weights.dense_up, x), x);
  return x;
}

}  // namespace linnet
