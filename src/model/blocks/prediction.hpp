#pragma once

#include <string>
#include <string_view>

#include "model/blocks/pass.hpp"
#include "model/stage.hpp"
#include "model/weight_loader.hpp"

namespace linnet {

/// What stands before the layers of a model that guesses for another one (ModelSpec::prediction).
struct PredictionWeights {
  Norm token_norm, hidden_norm;
  Linear projection;  ///< of embedding and hidden state, side by side (kJoined: formula 21)
  std::shared_ptr<const Matrix> target_tokens;  ///< the target's embeddings (kReadsKeys)
  Norm results_norm;  ///< of what the target's layers gave, side by side (kBeside)
  Linear fusion;      ///< of these (kBeside, kBlock)
  Norm fused_norm;    ///< after it (kBlock)
  std::shared_ptr<const Matrix> chain_tokens;  ///< of the tokens before guesses (kBlock)
  Linear chain;                                ///< of these, to the logits
};

/// Nothing if `model` stands for itself. `target_tokens` is the target's table of tokens, where
/// it is in memory.
PredictionWeights load_prediction(WeightLoader& loader, const ModelSpec& model,
                                  std::shared_ptr<const Matrix> target_tokens);

/// Of the layers for multi-token prediction that `model` describes (kJoined) the layer `index`, as
/// a model by itself.
ModelSpec prediction_layer(const ModelSpec& model, int index);

/// What tensor `part` of a layer for multi-token prediction is called in the file.
std::string prediction_tensor(const ModelSpec& model, std::string_view part);

/// What the table of tokens and the projection to the logits are called where such a model has its
/// own, without ".weight"; else it may share its target's.
std::string own_tokens_tensor(const ModelSpec& model);
std::string own_output_tensor(const ModelSpec& model);

/// Whether `file`, of such a model, has what projects to the logits.
bool has_own_output(const gguf::File& file, const ModelSpec& model);

/// Floats that what is below takes of the workspace for each row.
std::int64_t prediction_columns(const ModelSpec& model);

/// kJoined: out [rows, result_columns()] = what the layer reads: the embeddings of tokens, x [rows,
/// width], with each stream of the given rows, the hidden states of the tokens before. Those of
/// rows that none is given for count as 0. `out` may be `x`.
void join_hidden(const Pass& pass, const PredictionWeights& weights, View x, View out);

/// kReadsKeys: the layer of `target` whose keys attention of this span reads: the last such one, or
/// the one whose keys that reads; -1 if there is none.
int read_kv_layer(const ModelSpec& target, AttentionSpan span);
/// kReadsKeys: the layers of `model` read the keys of `target`, which has them.
void read_keys_of(const ModelSpec& target, ModelSpec& model);

/// kReadsKeys: what the layers read, [rows, width] in the workspace, of tokens and given rows.
/// Those of rows that none is given for count as 0.
View join_target(const Pass& pass, const PredictionWeights& weights);

/// kReadsKeys: the projection of hidden states to those of the target's width; else none.
Linear load_target_projection(WeightLoader& loader, const ModelSpec& model);

/// kBeside: the embeddings in `streams.x` are kept beside the stream, which begins as the given
/// rows; if none is given it is 0.
void begin_beside_tokens(const Pass& pass, Streams& streams);

/// kBeside: what the mixer reads of the streams, [rows, 2 * width] in the workspace: embedding and
/// stream, each through its norm.
View read_beside_tokens(const Pass& pass, const Norm& token_norm, const Norm& stream_norm,
                        const Streams& streams);

/// kBeside, kBlock: out [rows, width] = what `results` [rows, target_width] of the target's layers
/// are fused to.
void fuse_results(Backend& backend, Workspace& workspace, const ModelSpec& model,
                  const PredictionWeights& weights, std::span<const View> results, View out);

/// kBlock: `logits` of guesses += what the tokens before them add.
void add_chain(Backend& backend, Workspace& workspace, const PredictionWeights& weights,
               std::span<const TokenId> before, View logits);

}  // namespace linnet
